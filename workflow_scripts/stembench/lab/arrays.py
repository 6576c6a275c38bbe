"""Arrays in files of NumPy, Nion Swift, Panta Rhei and MATLAB."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from stembench.errors import InputError
from stembench.lab.limits import check_bytes
from stembench.lab.signals import Axis, Signal, energy_in, of_rosettasciio

_LONGEST_METADATA = 2**24  # bytes
_DEPTH = 5  # of structures in structures


def read_npy(path: Path) -> list[Signal]:
    """Return the array of a file of `numpy.save`; objects, which are pickles, are refused."""
    with path.open("rb") as file:
        _checked(path, file)
    return [Signal(np.load(path, allow_pickle=False))]


def read_npz(path: Path) -> list[Signal]:
    """Return the arrays of a file of `numpy.savez`; objects, which are pickles, are left out."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy") and _part(path, archive, name)]
        return [Signal(_unzipped(archive, name), title=name.removesuffix(".npy")) for name in names]


def read_prz(path: Path) -> list[Signal]:
    """Return what Panta Rhei saved. Metadata that versions before 24.03 saved as a pickle are not read."""
    from rsciio.pantarhei import file_reader

    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            _part(path, archive, name)
    return [of_rosettasciio(signal) for signal in file_reader(str(path))]


def read_ndata(path: Path) -> list[Signal]:
    """Return what versions of Nion Swift before nhdf saved."""
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("metadata.json").file_size > _LONGEST_METADATA or not _part(path, archive, "data.npy"):
            raise InputError(f"{path}: holds no image that can be read; export the image as tif")
        return [of_nion(_unzipped(archive, "data.npy"), json.loads(archive.read("metadata.json")))]


def of_nion(values: Any, properties: Mapping[str, Any]) -> Signal:
    """Return values with the properties that Nion Swift saves beside them."""
    calibrations: Any = next(_under(properties, ("dimensional_calibrations", "spatial_calibrations")), [])
    curves = properties.get("datum_dimension_count") == 1
    axes = [
        Axis("", axis.get("units"), float(axis.get("scale") or 0), navigate=curves and place < len(calibrations) - 1)
        for place, axis in enumerate(calibrations)
    ]
    return Signal(values, axes, str(properties.get("title") or ""), "", energy_in(properties))


def _under(stored: Any, keys: tuple[str, ...], depth: int = _DEPTH) -> Iterator[Any]:
    """What stands under one of the keys, the outermost first."""
    inner = stored.values() if isinstance(stored, Mapping) else stored if isinstance(stored, list) else ()
    if isinstance(stored, Mapping):
        yield from (stored[key] for key in keys if key in stored)
    for part in inner if depth else ():
        yield from _under(part, keys, depth - 1)


def _part(path: Path, archive: zipfile.ZipFile, name: str) -> bool:
    with archive.open(name) as file:
        return _checked(path, file)


def _checked(path: Path, file: IO[bytes]) -> bool:
    """Whether an array is one of numbers or text, which may be read if it is small enough."""
    version = np.lib.format.read_magic(file)
    head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = head(file)
    check_bytes(path, shape, dtype)
    return not dtype.hasobject


def _unzipped(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def read_mat(path: Path) -> list[Signal]:
    """Return the arrays of numbers in a MATLAB file of version 5, or the image of a StatSTEM file.

    StatSTEM saves the image as `obs`, beside the pixel size `dx` [A].
    """
    from scipy.io import loadmat

    stored = loadmat(path)
    variables = {name: value for name, value in stored.items() if not name.startswith("__")}
    return statstem_or_all([(name, _frames_first(value)) for name, value in _matlab(variables, "", _DEPTH)])


def _matlab(stored: Mapping[str, Any], inside: str, depth: int) -> Iterator[tuple[str, np.ndarray]]:
    for name, value in stored.items():
        if not isinstance(value, np.ndarray):
            continue
        fields = value.dtype.names
        if fields and value.size == 1 and depth:
            yield from _matlab({field: value[field].flat[0] for field in fields}, f"{inside}{name}.", depth - 1)
        elif not fields and value.dtype.kind in "biufc":
            yield f"{inside}{name}", value


def _frames_first(values: np.ndarray) -> np.ndarray:
    """A stack of MATLAB, whose frames are counted by the last index."""
    return np.moveaxis(values, -1, 0) if values.ndim == 3 and values.shape[-1] > len("RGBA") else values


def statstem_or_all(named: list[tuple[str, Any]], along: tuple[str, str] = ("y", "x")) -> list[Signal]:
    """Return the image of StatSTEM with its pixel size, or all arrays that are no single numbers and no lists.

    Parameters
    ----------
    named : list of tuple
        Arrays, or datasets, with the names of the variables that they are in.
    along : tuple of str
        What the last two indices of an array count.
    """
    for name, stored in named:
        if name.split(".")[-1] == "obs":
            beside = f"{name.removesuffix('obs')}dx"
            size = next((np.asarray(other).ravel() for key, other in named if key == beside), np.zeros(0))
            return [Signal(stored, _axes(stored.ndim, along, float(size[0]) if size.size == 1 else 0.0))]
    return [
        Signal(stored, _axes(stored.ndim, along), name) for name, stored in named if min(stored.shape, default=0) > 1
    ]


def _axes(number: int, along: tuple[str, str], size: float = 0.0) -> list[Axis]:
    """As many axes, of which the last two have a step [A]."""
    return [Axis()] * (number - 2) + [Axis(name, "A" if size else "", size) for name in along[-number:]]
