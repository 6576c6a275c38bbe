"""Reading microscope images by RosettaSciIO into one form."""

from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import xarray as xr
from rsciio import IO_PLUGINS

from stembench.config import LabImage
from stembench.errors import InputError

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
        If the format is unknown, the file damaged, or no image is in it.
    """
    path = Path(path)
    extension = path.suffix.lower().lstrip(".")
    plugins = [plugin for plugin in IO_PLUGINS if extension in plugin["file_extensions"]]
    if not plugins:
        raise InputError(f"{path}: no reader for .{extension} files; RosettaSciIO reads dm3, dm4, emd, hspy, tif, ...")
    if (image := _atom_lattice_image(path)) is not None:
        return image, None
    signals = _signals(path, [plugin["api"] for plugin in plugins])
    images = [signal for signal in signals if np.ndim(signal["data"]) == 2]
    if not images:
        raise InputError(f"{path}: holds no two-dimensional image")
    scale, units = (images[0]["axes"][-1].get(key) for key in ("scale", "units"))
    known = _ANGSTROM.get(str(units).lower())
    return np.asarray(images[0]["data"]), float(scale) * known if known else None


def _atom_lattice_image(path: Path) -> np.ndarray | None:
    """The image that atomap saved with an atom lattice, which RosettaSciIO does not read; None of another file."""
    if not h5py.is_hdf5(path):
        return None
    with h5py.File(path) as file:
        return file["image_data0"][:] if "image_data0" in file else None


def _signals(path: Path, readers: list[str]) -> list[dict]:
    """What the first reader that understands a file finds in it; several formats share an extension."""
    reasons = []
    for reader in readers:
        try:
            return import_module(reader).file_reader(str(path))
        except Exception as error:  # readers of foreign or damaged files raise whatever they stumble over
            reasons.append(f"{reader.rpartition('.')[2]}: {error}")
    raise InputError(f"{path}: cannot be read ({'; '.join(reasons)}); is the file whole?")


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
