"""The signals in an HDF5 file, whichever program wrote it and whatever its ending is."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np

from stembench.errors import InputError
from stembench.lab.arrays import of_nion, statstem_or_all
from stembench.lab.limits import MAX_BYTES
from stembench.lab.signals import Axis, Signal, energy_in, of_rosettasciio
from stembench.lab.units import beam_energy

_MOST_DATASETS = 1000


def read_hdf5(path: Path, until: ExitStack) -> list[Signal]:
    """Return the signals of a file of Velox, Berkeley, HyperSpy, atomap, Gatan, Nion Swift or MATLAB, or of any other.

    Parameters
    ----------
    path : Path
        The file.
    until : ExitStack
        Keeps open what the signals are read from.
    """
    file = until.enter_context(h5py.File(path))
    reader = next((read for found, read in _PROGRAMS if found(file)), _any)
    return reader(path, file, until)


def _atomap(path: Path, file: h5py.File, until: ExitStack) -> list[Signal]:
    """The image that atomap saves with an atom lattice."""
    return [Signal(file["image_data0"])]


def _velox(path: Path, file: h5py.File, until: ExitStack) -> list[Signal]:
    """The images of Velox, seen without the spectra beside them: to read those RosettaSciIO needs a package more."""
    from rsciio.emd import file_reader

    images = file.get("Data/Image")
    if not images:
        raise InputError(f"{path}: holds spectra without an image; give the HAADF or BF image that belongs to them")
    seen = Path(until.enter_context(TemporaryDirectory())) / "images.emd"
    with h5py.File(seen, "w") as view:
        for name in [*(key for key in file if key != "Data"), "Data/Image"]:
            view[name] = h5py.ExternalLink(str(path.resolve()), name)
    titles = _titles_of_displays(file)
    signals = file_reader(str(seen), lazy=_is_large(images), select_type="images")
    return [
        replace(signal, title=signal.title or titles.get(name, ""))
        for name, signal in zip(images, map(of_rosettasciio, signals), strict=True)
    ]


def _titles_of_displays(file: h5py.File) -> dict[str, str]:
    """Titles of the displays of Velox by the images that they show: maps of elements have no other title."""
    titles = {}
    for display in file.get("Displays/ImageDisplay", {}).values():
        shown = _json(display)
        data = file.get(str(shown.get("data", "")) or "none")
        place = str(_json(data).get("dataPath", "")) if isinstance(data, h5py.Dataset) else ""
        if place.startswith("/Data/Image/"):
            titles[place.split("/")[3]] = str(shown.get("title", ""))
    return titles


def _json(dataset: h5py.Dataset) -> dict[str, Any]:
    told = json.loads(dataset[0])
    return told if isinstance(told, dict) else {}


def _of(module: str) -> Callable[[Path, h5py.File, ExitStack], list[Signal]]:
    """What RosettaSciIO reads."""

    def read(path: Path, file: h5py.File, until: ExitStack) -> list[Signal]:
        from importlib import import_module

        reader = import_module(f"rsciio.{module}").file_reader
        return [of_rosettasciio(signal) for signal in reader(str(path), lazy=_is_large(file))]

    return read


def _berkeley(path: Path, file: h5py.File, until: ExitStack) -> list[Signal]:
    """What RosettaSciIO reads of Berkeley's format, with the energy wherever the group of the microscope holds it."""
    energy = _energy(file)
    try:
        signals = _of("emd")(path, file, until)
    except AttributeError:  # units as an array of one text
        return _any(path, file, until)
    return [replace(signal, energy_keV=signal.energy_keV or energy) for signal in signals]


def _energy(file: h5py.File) -> float | None:
    """Beam energy [keV] that attributes or numbers of a group at the top of a file tell."""
    groups = {name: group for name, group in file.items() if isinstance(group, h5py.Group)}
    return energy_in(
        {
            name: dict(group.attrs)
            | {key: stored[()] for key, stored in group.items() if isinstance(stored, h5py.Dataset) and not stored.ndim}
            for name, group in groups.items()
        }
    )


def _gatan(path: Path, file: h5py.File, until: ExitStack) -> list[Signal]:
    """The images of a dm5 file, whose groups are those of the tags of dm4."""
    shown = {int(thumbnail.attrs.get("ImageIndex", -1)) for thumbnail in file.get("Thumbnails", {}).values()}
    signals = []
    for place, image in enumerate(file["ImageList"].values()):
        if place in shown or "ImageData/Data" not in image:
            continue
        calibrations = list(image.get("ImageData/Calibrations/Dimension", {}).values())[::-1]
        axes = [Axis("", _decoded(axis.attrs.get("Units")), float(axis.attrs.get("Scale", 0))) for axis in calibrations]
        tags = image.get("ImageTags", {})
        told = tags.get("Meta Data")
        kind = " ".join(_decoded(told.attrs.get(key, "")) for key in ("Signal", "Format")) if told else ""
        microscope = tags.get("Microscope Info")
        energy = beam_energy(microscope.attrs.get("Voltage"), "V") if microscope else None
        signals.append(Signal(image["ImageData/Data"], axes, _decoded(image.attrs.get("Name", "")), kind, energy))
    return signals


def _decoded(text: Any) -> str:
    """Text of Gatan, which is UTF-8 or UTF-16."""
    if isinstance(text, np.ndarray) and text.dtype.kind in "iu":
        text = text.astype("<u2").tobytes()
        return text.decode("utf-16-le", errors="replace").strip("\0")
    if isinstance(text, bytes):
        return text.decode("utf-16-le" if b"\0" in text.rstrip(b"\0") else "utf-8", errors="replace").strip("\0")
    return "" if text is None else str(text)


def _nion(path: Path, file: h5py.File, until: ExitStack) -> list[Signal]:
    """The data of Nion Swift: nhdf, or h5 of older versions."""
    data = file["data"]
    datasets = [data] if isinstance(data, h5py.Dataset) else list(data.values())
    return [of_nion(dataset, json.loads(dataset.attrs["properties"])) for dataset in datasets if _properties(dataset)]


def _properties(stored: Any) -> bool:
    return isinstance(stored, h5py.Dataset) and "properties" in stored.attrs


def _is_nion(file: h5py.File) -> bool:
    data = file.get("data")
    return _properties(data) or (isinstance(data, h5py.Group) and any(map(_properties, data.values())))


def _matlab(path: Path, file: h5py.File, until: ExitStack) -> list[Signal]:
    """Arrays of MATLAB 7.3, which stand in the file with their indices in opposite order."""
    found = [(name, dataset) for name, dataset in _datasets(file) if "MATLAB_class" in dataset.attrs]
    return statstem_or_all([(name.replace("/", "."), dataset) for name, dataset in found], along=("x", "y"))


def _any(path: Path, file: h5py.File, until: ExitStack) -> list[Signal]:
    """All arrays of numbers of two or more dimensions, with the scales of their dimensions."""
    energy = _energy(file)
    return [
        Signal(
            dataset,
            [_axis(dataset, place) for place in range(dataset.ndim)],
            name,
            "USID" if "Position_Indices" in dataset.attrs else "",
            energy,
        )
        for name, dataset in _datasets(file)
        if dataset.ndim > 1 and dataset.dtype.kind != "V"
    ]


def _axis(dataset: h5py.Dataset, place: int) -> Axis:
    """An axis by the scale of a dimension, as netCDF has it, or by the dim1, dim2 of Berkeley beside the data."""
    scales = list(dataset.dims[place].values())
    beside = dataset.parent.get(f"dim{place + 1}")
    scale = next((s for s in [*scales, beside] if isinstance(s, h5py.Dataset) and s.ndim == 1 and s.size > 1), None)
    if scale is None or scale.dtype.kind not in "iuf":
        return Axis()
    step = (float(scale[-1]) - float(scale[0])) / (scale.size - 1)
    name = scale.attrs.get("name", scale.name.split("/")[-1])
    return Axis(_decoded(name), scale.attrs.get("units"), step)


def _is_large(group: h5py.Group) -> bool:
    """Whether the arrays of a group are more than may be read: then only the one that is taken is."""
    return sum(dataset.size * dataset.dtype.itemsize for _, dataset in _datasets(group)) > MAX_BYTES


def _datasets(file: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    found: list[tuple[str, h5py.Dataset]] = []

    def collect(name: str, stored: Any) -> bool | None:
        if isinstance(stored, h5py.Dataset) and stored.dtype.kind in "biufcV" and stored.size:
            found.append((name, stored))
        return len(found) >= _MOST_DATASETS or None

    file.visititems(collect)
    return iter(found)


def _is_berkeley(file: h5py.File) -> bool:
    """Whether a file names its version of Berkeley's format, without which RosettaSciIO does not read it."""
    groups = [stored for stored in file.values() if isinstance(stored, h5py.Group)]
    return any("version_major" in group.attrs for group in (file, *groups))


# The first that fits a file reads it.
_PROGRAMS: tuple[tuple[Callable[[h5py.File], bool], Callable[[Path, h5py.File, ExitStack], list[Signal]]], ...] = (
    (lambda file: isinstance(file.get("image_data0"), h5py.Dataset), _atomap),
    (lambda file: "Version" in file and "Data" in file and "Experiments" not in file, _velox),
    (lambda file: "Experiments" in file, _of("hspy")),
    (lambda file: isinstance(file.get("ImageList"), h5py.Group), _gatan),
    (_is_nion, _nion),
    (_is_berkeley, _berkeley),
    (lambda file: any("MATLAB_class" in stored.attrs for stored in file.values()), _matlab),
)
