"""Lab images as they are stored under `results/lab/`."""

from pathlib import Path

import xarray as xr


def open_lab_image(folder: str | Path) -> xr.DataArray:
    """A lab image, dims (y, x), raw intensities; its attributes are those of `reading.lab_image`."""
    with xr.open_zarr(Path(folder) / "image.zarr", consolidated=False, chunks=None) as stored:
        return stored.image.load()
