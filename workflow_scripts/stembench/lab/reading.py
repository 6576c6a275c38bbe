"""Reading microscope images by RosettaSciIO into one form."""

import math
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from stembench.config import LabImage
from stembench.errors import InputError, in_short

#: What an image may take in memory, as its file stores it.
MAX_BYTES = 2**30
#: Largest pixel size that an image may have [A].
MAX_PIXEL_SIZE_A = 10

_LAZY: dict[str, Any] = {"lazy": True}  # sizes are looked at before pixels are read
# Endings, each with its module of RosettaSciIO; others of its readers run Python that files hold (netCDF).
_READERS = {
    ".dm3": ("digitalmicrograph", _LAZY),
    ".dm4": ("digitalmicrograph", _LAZY),
    ".emd": ("emd", _LAZY | {"select_type": "images"}),
    ".ser": ("tia", _LAZY),
    ".emi": ("tia", _LAZY),
    ".mrc": ("mrc", _LAZY),
    ".hspy": ("hspy", _LAZY),
    ".hdf5": ("hspy", _LAZY),
    ".zspy": ("zspy", _LAZY | {"mode": "r"}),
    ".npy": ("numpy", _LAZY),
    ".tif": ("tiff", _LAZY),
    ".tiff": ("tiff", _LAZY),
    # Not lazily, but Pillow refuses what would take more than 179 million pixels; the first frame alone.
    ".png": ("image", {"index": 0}),
    ".jpg": ("image", {"index": 0}),
    ".jpeg": ("image", {"index": 0}),
    ".bmp": ("image", {"index": 0}),
}
_ANGSTROM = {
    "nm": 10.0,
    "a": 1.0,
    "å": 1.0,
    "angstrom": 1.0,
    "pm": 0.01,
    "um": 1e4,
    "µm": 1e4,
    "\u03bcm": 1e4,
    "m": 1e10,
}


def read_image(path: str | Path) -> tuple[np.ndarray, float | None]:
    """The first two-dimensional image in a file, and its pixel size [A] if the file tells it.

    Raises
    ------
    InputError
        If the format is unknown, the file damaged, or no image of grey levels is in it that fits into MAX_BYTES.
    """
    path = Path(path)
    if path.suffix.lower() not in _READERS:
        raise InputError(f"{path}: no reader for {path.suffix or 'such'} files; give one of {', '.join(_READERS)}")
    try:
        return _read(path)
    except InputError:
        raise
    except Exception as error:  # readers of foreign or damaged files raise whatever they stumble over
        reason = in_short(error) or type(error).__name__
        raise InputError(f"{path}: cannot be read ({reason}); is the file whole?") from None


def _read(path: Path) -> tuple[np.ndarray, float | None]:
    if h5py.is_hdf5(path):
        with h5py.File(path) as file:
            if "image_data0" in file:  # the image that atomap saves with an atom lattice, unknown to RosettaSciIO
                return _loaded(path, file["image_data0"]), None
    module, options = _READERS[path.suffix.lower()]
    signals = import_module(f"rsciio.{module}").file_reader(str(path), **options)
    images = [signal for signal in signals if np.ndim(signal["data"]) == 2]
    if not images:
        raise InputError(f"{path}: holds no two-dimensional image")
    return _loaded(path, images[0]["data"]), _pixel_size(images[0]["axes"][-1])


def _pixel_size(axis: dict) -> float | None:
    """Pixel size [A] by an axis, None if it gives no length that an entry could give as well."""
    size = float(axis["scale"]) * _ANGSTROM.get(str(axis.get("units")).lower(), np.nan)
    return size if 0 < size <= MAX_PIXEL_SIZE_A else None


def _loaded(path: Path, stored: np.ndarray | h5py.Dataset) -> np.ndarray:
    """What a file says it holds, read if that can be an image."""
    size = " x ".join(map(str, stored.shape))
    if np.ndim(stored) != 2 or 0 in stored.shape or stored.dtype.kind not in "biuf":
        raise InputError(f"{path}: holds {size} values of type {stored.dtype}; save one image of grey levels")
    if math.prod(stored.shape) * stored.dtype.itemsize > MAX_BYTES:
        raise InputError(f"{path}: {size} px of {stored.dtype} take more than {MAX_BYTES >> 30} GiB; crop or bin it")
    return np.asarray(stored)


def lab_image(path: str | Path, name: str, entry: LabImage, origin: dict) -> xr.DataArray:
    """An experimental image in the form in which every later stage reads it.

    Parameters
    ----------
    path : str or Path
        The image file.
    name : str
        Its key in the config.
    entry : LabImage
        Its entry there.
    origin : dict
        Where it came from: file, distribution, SHA-256, licence.

    Returns
    -------
    xarray.DataArray, dims (y, x)
        Raw intensities, with `pixel_size_A`, `energy_keV`, `mode`, `specimen` and the origin as attributes.

    Raises
    ------
    InputError
        If the pixel size is known neither from the file nor from the entry.
    """
    values, pixel_size = read_image(path)
    pixel_size = entry.pixel_size_A or pixel_size
    if pixel_size is None:
        raise InputError(
            f"{origin['file']}: the file gives no pixel size; set lab.images.{name}.pixel_size_A "
            f"in config/config.yaml to its value in angstrom"
        )
    dtype = values.dtype if values.dtype == np.uint8 else np.float32
    attributes = {"pixel_size_A": pixel_size, "mode": entry.mode, "specimen": entry.specimen, **origin}
    attributes |= {"energy_keV": entry.energy_keV} if entry.energy_keV else {}
    return xr.DataArray(values.astype(dtype), dims=("y", "x"), name="image", attrs=attributes)
