"""What an image file holds, in one form for all formats."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from stembench.errors import InputError, in_short
from stembench.lab.apart import Readable, read_apart
from stembench.lab.arrays import read_mat, read_ndata, read_npy, read_npz, read_prz
from stembench.lab.colours import grey_levels
from stembench.lab.emi import read_emi
from stembench.lab.kinds import what_else
from stembench.lab.limits import MAX_PIXEL_SIZE_A, check_bytes, is_large
from stembench.lab.mrc import read_mrc
from stembench.lab.signals import Axis, Signal, along_image, chosen, detector_of, labels_of, of_rosettasciio
from stembench.lab.text import begins_as_image, read_text
from stembench.lab.tiff import read_tiff
from stembench.lab.units import length_in_angstrom
from stembench.lab.unreadable import AS_TIF, unreadable

# Endings, each with its reader; HDF5 is recognised by its content. netCDF has none, as that of RosettaSciIO runs Python
# that files hold.
_MODULES = {
    ".dm3": "digitalmicrograph",
    ".dm4": "digitalmicrograph",
    ".ser": "tia",
    ".zspy": "zspy",
}
_FUNCTIONS: dict[str, Callable[[Path], list[Signal]]] = {
    ".emi": read_emi,
    ".mrc": read_mrc,
    ".npy": read_npy,
    ".npz": read_npz,
    ".prz": read_prz,
    ".ndata": read_ndata,
    ".mat": read_mat,
    ".tif": read_tiff,
    ".tiff": read_tiff,
    ".txt": read_text,
}
_HDF5 = (".emd", ".hspy", ".hdf5", ".h5", ".dm5", ".nhdf", ".nxs", ".de5")
# Pictures without a calibration. RosettaSciIO takes one for grey whose green and blue are equal, as under red letters.
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
#: Endings of the files that are read.
ENDINGS = (*_MODULES, *_FUNCTIONS, *_HDF5, *_PICTURES)

_OF_SPECTRA = "export the HAADF or BF image that was recorded with the spectra as tif"
_OF_PATTERNS = "export a virtual dark-field image as tif"
#: Endings of files of microscopes that are not read, each with what to give instead.
UNREAD = {
    **dict.fromkeys((".bcf", ".rpl", ".pts", ".spd", ".eds", ".oip", ".h5oina", ".edaxh5", ".elid"), _OF_SPECTRA),
    **dict.fromkeys((".msa", ".emsa", ".spx", ".spc"), _OF_SPECTRA),
    **dict.fromkeys((".blo", ".mib", ".app5", ".tvips", ".up1", ".up2"), _OF_PATTERNS),
    **dict.fromkeys((".mrcz", ".unf", ".raw", ".img", ".nc", ".czi", ".sur", ".seq", ".st"), AS_TIF),
    **dict.fromkeys((".gif", ".webp", ".jp2"), "save the picture as png or tif"),
}
#: With these words begins the remark on a pixel size that is not taken.
NOT_BELIEVED = "the pixel size is not taken from the file, which gives"
_TABLES = dict.fromkeys((".csv", ".tsv", ".xlsx", ".xyz"), "a list of positions is no image; give the image")
_DEFAULTS_A = (1.0, 10.0)  # pixel sizes that programs write which know none
_SAME = 1e-6


@dataclass(frozen=True)
class Recording:
    """What an image file holds.

    Attributes
    ----------
    values : ndarray, shape (y, x), or (frame, y, x) of a stack
        Intensities; NaN where colours are drawn over the image or it is transparent.
    pixel_size_x_A, pixel_size_y_A : float or None
        Pixel size, if the file tells it [A].
    energy_keV : float or None
        Beam energy, if the file tells it.
    signal : str
        Title of the signal that was taken, "" if the file holds no other image.
    mode : str
        Mode of the detector by this title, "" if unknown.
    remarks : list of str
        What a user may want to know of how the file was read.
    """

    values: np.ndarray
    pixel_size_x_A: float | None = None
    pixel_size_y_A: float | None = None
    energy_keV: float | None = None
    signal: str = ""
    mode: str = ""
    remarks: list[str] = field(default_factory=list)


def is_listed(path: Path) -> bool:
    """Return whether a file in a folder of images is one of them.

    Images are files of all formats of microscopes, those without a reader among them, and pictures. A text file is one
    if its first line holds as many numbers as the row of an image; a table such as images.csv is none. No pixel is
    read.

    Parameters
    ----------
    path : Path
        A file, or a folder, of which only those of zarr (`.zspy`) are images.
    """
    ending = path.suffix.lower()
    if path.name.startswith(".") or ending not in (*ENDINGS, *UNREAD):
        return False
    if not path.is_file():
        return ending == ".zspy" and path.is_dir()
    return ending != ".txt" or begins_as_image(path)


def read_recording(path: str | Path, mode: str = "", signal: str = "") -> Recording:
    """Return the image in a file, or the stack of images.

    Parameters
    ----------
    path : str or Path
        A file with one of ENDINGS, or a folder of that name (zspy).
    mode : str
        The detector whose image is taken, where a file holds those of several. If none is given: HAADF, else ADF, ABF,
        BF, and the first of others; never a difference of detector segments.
    signal : str
        Title of the image that is taken; it overrides the mode.

    Raises
    ------
    InputError
        If the format is unknown, the file damaged or what it holds no image, no image has the title, or it does not fit
        into MAX_BYTES.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        remedy = (_TABLES | UNREAD).get(ending, AS_TIF)
        raise InputError(f"{path}: no reader for {ending or 'such'} files; {remedy}")
    try:
        if path.is_file() and not path.stat().st_size:
            raise InputError(f"{path}: the file is empty; copy it again")
        apart = ending == ".mat" or _in_hdf5(path)
        values, told = read_apart(recording_parts, path, mode, signal) if apart else recording_parts(path, mode, signal)
    except OSError as error:
        raise unreadable(path, error) from None
    return Recording(values, **told)


def recording_parts(path: str | Path, mode: str = "", signal: str = "") -> Readable:
    """Return the values of a `Recording` and its other attributes, read in this process: see `read_recording`."""
    path = Path(path)
    try:
        with ExitStack() as until:
            told = dict(vars(_read(path, mode, signal, until)))
    except InputError:
        raise
    except Exception as error:  # readers of foreign or damaged files raise whatever they stumble over
        raise unreadable(path, error) from None
    return told.pop("values"), told


def _in_hdf5(path: Path) -> bool:
    import h5py

    return path.is_file() and bool(h5py.is_hdf5(path))


def _signals(path: Path, until: ExitStack) -> list[Signal]:
    """All signals of a file, images or not."""
    ending = path.suffix.lower()
    if _in_hdf5(path):
        from stembench.lab.hdf5 import read_hdf5

        return read_hdf5(path, until)
    if ending in _HDF5:
        raise InputError(f"{path}: does not begin as an HDF5 file; check that the file is complete")
    if ending in _PICTURES:
        import imageio.v3 as iio

        return [Signal(iio.imread(path, index=0))]
    if ending in _FUNCTIONS:
        return _FUNCTIONS[ending](path)
    reader = import_module(f"rsciio.{_MODULES[ending]}").file_reader
    # Where all that the file holds may be read, it is: the package for reading later takes a second to load.
    options: dict[str, Any] = {"lazy": True, "mode": "r"} if ending == ".zspy" else {"lazy": is_large(path)}
    return list(map(of_rosettasciio, reader(str(path), **options)))


def _read(path: Path, mode: str, named: str, until: ExitStack) -> Recording:
    signals = _signals(path, until)
    others = [what_else(signal) for signal in signals]
    images = [signal for signal, other in zip(signals, others) if other is None]
    if not signals:
        raise InputError(f"{path}: holds no image; {AS_TIF}")
    if not images:
        what, remedy = next(filter(None, others), ("", ""))
        raise InputError(f"{path}: holds {what}, which is no image of a specimen and no stack of images; {remedy}")
    titles = [image.title for image in images]
    place = chosen(titles, mode, named, str(path))
    taken, remarks = images[place], []
    if len(images) > 1:
        labels = labels_of(titles)
        remarks.append(
            f"the file holds {len(images)} images ({in_short(', '.join(labels), 500)}), of which {labels[place]} was "
            "taken; name another as signal to take it"
        )
    values, axes = along_image(*_loaded(path, taken))
    values, of_colours = grey_levels(values)
    size_x, size_y = _pixel_sizes([axis for axis in axes if axis.name != "sample"], remarks)
    return Recording(
        values,
        size_x,
        size_y,
        taken.energy_keV,
        labels_of(titles)[place] if len(images) > 1 else "",
        detector_of(taken.title) or "",
        remarks + of_colours,
    )


def _loaded(path: Path, signal: Signal) -> tuple[np.ndarray, list[Axis]]:
    """The values of a signal if they can be an image or a stack, and as many axes; colours are the last axis."""
    stored, names = signal.stored, signal.stored.dtype.names
    if 0 in stored.shape or not (set(names) <= set("RGBA") if names else stored.dtype.kind in "biuf"):
        size = " x ".join(map(str, stored.shape))
        raise InputError(f"{path}: holds {size} values of type {stored.dtype}; save one image of grey levels")
    check_bytes(path, stored.shape, stored.dtype)
    values = np.asarray(stored)
    axes = list(signal.axes) if len(signal.axes) == values.ndim else [Axis()] * values.ndim
    axes = [axis for axis, n in zip(axes, values.shape) if n > 1]
    values = values.squeeze()
    if names:
        values = np.stack([values[name] for name in names], axis=-1)
        axes.append(Axis("sample"))
    return values, axes


def _pixel_sizes(axes: list[Axis], remarks: list[str]) -> tuple[float | None, float | None]:
    """Width and height of a pixel [A] by the axes of an image, None where they give no length that is believed."""
    y, x = axes[-2:]
    sizes = [abs(axis.scale) * (length_in_angstrom(axis.units) or 0) for axis in (x, y)]
    believed = [_believed(size, axis.scale) for size, axis in zip(sizes, (x, y))]
    told = " x ".join(f"{abs(axis.scale):.4g} {axis.units}" for axis in (x, y))
    if any(sizes) and not any(believed):
        reason = "as programs write that know none" if max(sizes) <= MAX_PIXEL_SIZE_A else "too large to show columns"
        remarks.append(f"{NOT_BELIEVED} {told}, {reason}")
    elif all(sizes) and not all(believed):
        side = "width" if believed[0] else "height"
        remarks.append(f"the file gives pixels of {told}, of which only the {side} can be right; squares were assumed")
    size_x, size_y = (size if known else None for size, known in zip(sizes, believed))
    return size_x, size_y


def _believed(size: float, scale: float) -> bool:
    """Whether a pixel size [A] can be one of an image, and is none that programs write which know none."""
    default = any(abs(size / other - 1) < _SAME for other in _DEFAULTS_A) or abs(scale) == 1
    return 0 < size <= MAX_PIXEL_SIZE_A and not default
