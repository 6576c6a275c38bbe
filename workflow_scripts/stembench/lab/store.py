"""Lab images as they are stored under `results/lab/`."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from stembench.errors import InputError
from stembench.lab.refusals import refusal_of
from stembench.products import verify


def open_lab_image(folder: str | Path) -> xr.DataArray:
    """A lab image, dims (y, x), or (frame, y, x): raw intensities; its attributes are those of `reading.lab_image`.

    Raises
    ------
    InputError
        If it was refused or is damaged.
    """
    if reason := refusal_of(folder):
        raise InputError(reason)
    verify(folder, "image.zarr/*")
    with xr.open_zarr(Path(folder) / "image.zarr", consolidated=False, chunks=None) as stored:
        return stored.image.load()


def frames_of(image: xr.DataArray) -> np.ndarray:
    """The frames of a lab image, shape (frame, y, x); an image alone is one."""
    return image.values.reshape(-1, *image.shape[-2:])


def read_marked(folder: str | Path) -> np.ndarray | None:
    """Positions x and y [A], shape (columns, 2), of a lab image's columns that somebody marked; None if nobody did."""
    verify(folder, "columns.csv")
    path = Path(folder) / "columns.csv"
    return pd.read_csv(path)[["x_A", "y_A"]].to_numpy() if path.exists() else None
