"""What an image file holds, read by RosettaSciIO into one form."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from stembench.errors import InputError, in_short
from stembench.lab.apart import Readable, read_apart

#: What an image, or all frames of a stack, may take in memory as the file stores them.
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
}
# Pictures without a calibration. RosettaSciIO takes one for grey whose green and blue are equal, as under red letters.
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
#: Endings of the files that are read.
ENDINGS = (*_READERS, *_PICTURES)
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
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow turns colours into grey levels
_COLOURED = 0.15  # difference of a pixel's colours, of their range, from which on it is no grey of a compressed picture
_ANNOTATED = 0.25  # share of coloured pixels up to which they are annotations, beyond false colours


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
    remarks : list of str
        What a user may want to know of how the file was read.
    """

    values: np.ndarray
    pixel_size_x_A: float | None = None
    pixel_size_y_A: float | None = None
    energy_keV: float | None = None
    remarks: list[str] = field(default_factory=list)


def read_recording(path: str | Path, mode: str = "") -> Recording:
    """The image in a file, or the stack of images.

    Parameters
    ----------
    path : str or Path
        A file with one of ENDINGS, or a folder of that name (zspy).
    mode : str
        The detector whose image is taken, where a file holds those of several; HAADF, or else the first, if not given.

    Raises
    ------
    InputError
        If the format is unknown, the file damaged, or no image of grey levels or colours is in it that fits into
        MAX_BYTES.
    """
    import h5py  # the rules ask for endings alone, and what reads files takes a while to load

    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: no reader for {path.suffix or 'such'} files; convert it to {', '.join(ENDINGS)}")
    try:
        in_hdf5 = path.is_file() and h5py.is_hdf5(path)
        values, told = read_apart(recording_parts, path, mode) if in_hdf5 else recording_parts(path, mode)
    except InputError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from None
    return Recording(values, **told)


def recording_parts(path: str | Path, mode: str = "") -> Readable:
    """The values of a `Recording` and its other attributes, read in this process: see `read_recording`."""
    path = Path(path)
    try:
        recording = _read(path, mode)
    except InputError:
        raise
    except Exception as error:  # readers of foreign or damaged files raise whatever they stumble over
        raise _unreadable(path, error) from None
    told = dict(vars(recording))
    return told.pop("values"), told


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path}: cannot be read ({in_short(error) or type(error).__name__}); check that the file is complete"
    )


def _read(path: Path, mode: str) -> Recording:
    import h5py
    import imageio.v3 as iio

    if path.is_file() and h5py.is_hdf5(path):
        with h5py.File(path) as file:
            if "image_data0" in file:  # the image that atomap saves with an atom lattice, unknown to RosettaSciIO
                return Recording(_loaded(path, file["image_data0"]))
    if path.suffix.lower() in _PICTURES:
        values, remarks = _grey(_loaded(path, iio.imread(path, index=0)))
        return Recording(values, remarks=remarks)
    module, options = _READERS[path.suffix.lower()]
    signals = import_module(f"rsciio.{module}").file_reader(str(path), **options)
    images = [signal for signal in signals if _is_image(signal)]
    if not images:
        raise InputError(f"{path}: holds no two-dimensional image and no stack of them")
    titles = [str(image["metadata"].get("General", {}).get("title", "")) for image in images]
    of_mode = [i for i, title in enumerate(titles) if (mode or "HAADF") in title.upper().split()]
    taken = of_mode[0] if of_mode else 0
    values, remarks = _grey(_loaded(path, images[taken]["data"]))
    if len(images) > 1:
        shown = ", ".join(title or "untitled" for title in titles)
        remarks.append(f"the file holds {len(images)} images ({in_short(shown)}); number {taken + 1} was taken")
    y, x = images[taken]["axes"][-2:]
    return Recording(values, _pixel_size(x), _pixel_size(y), _energy(images[taken]), remarks)


def _is_image(signal: dict) -> bool:
    """Whether a signal is one image, or several; spectra at places of an image are neither."""
    data = signal["data"]
    if np.ndim(data) > 2 and any(axis.get("navigate") for axis in signal["axes"][-2:]):
        return False
    return np.ndim(data) >= 2 and math.prod(np.shape(data)[:-3]) == 1


def _pixel_size(axis: dict) -> float | None:
    """Pixel size [A] by an axis, None if it gives no length that an entry could give as well."""
    size = abs(float(axis["scale"])) * _ANGSTROM.get(str(axis.get("units")).lower(), np.nan)
    return size if 0 < size <= MAX_PIXEL_SIZE_A else None


def _energy(signal: dict) -> float | None:
    """Beam energy [keV] by the metadata of a signal, None if they give none that an entry could give as well."""
    try:
        found: Any = signal["metadata"]["Acquisition_instrument"]["TEM"]["beam_energy"]
    except (KeyError, TypeError):
        found = None
    for place, (target, convert) in signal.get("mapping", {}).items():
        if str(target).endswith(".TEM.beam_energy"):
            stored: Any = signal["original_metadata"]
            for key in place.split("."):
                stored = stored.get(key) if isinstance(stored, Mapping) else None
            found = stored if stored is None or convert is None else convert(stored)
    try:
        energy = float(found)
    except (TypeError, ValueError):
        return None
    return energy if 20 <= energy <= 1000 else None


def _loaded(path: Path, stored: Any) -> np.ndarray:
    """What a file says it holds, read if that can be an image or a stack; colours are the last axis."""
    size, names = " x ".join(map(str, stored.shape)), stored.dtype.names
    if 0 in stored.shape or not (set(names) <= set("RGBA") if names else stored.dtype.kind in "biuf"):
        raise InputError(f"{path}: holds {size} values of type {stored.dtype}; save one image of grey levels")
    if math.prod(stored.shape) * stored.dtype.itemsize > MAX_BYTES:
        raise InputError(
            f"{path}: {size} px of {stored.dtype} take more than {MAX_BYTES >> 30} GiB; crop, bin or split it"
        )
    values = np.asarray(stored)
    if names:
        values = np.stack([values[name] for name in names], axis=-1)
    return values.reshape([n for n in values.shape[:-2] if n > 1] + list(values.shape[-2:]))


def _grey(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Grey levels of an image whose last axis may be colours, without what is drawn over it in colour."""
    if values.ndim == 2 or values.shape[-1] > len("RGBA"):
        return values, []
    colours, remarks = values[..., :3] if values.shape[-1] > 2 else values[..., :1], []
    grey, hidden = colours[..., 0], np.zeros(values.shape[:-1], bool)
    spread = np.ptp(colours, axis=-1)
    if spread.any():
        grey = (colours @ np.array(_LUMINANCE)).astype(np.float32)
        coloured = spread > _COLOURED * np.iinfo(colours.dtype).max
        share = np.mean(coloured)
        if 0 < share <= _ANNOTATED:
            from scipy import ndimage

            hidden = ndimage.binary_dilation(coloured, iterations=2)  # compression spreads colours
            remarks.append(f"what is drawn over the image in colour was left out, {share:.1%} of it")
        else:
            remarks.append(
                "the image is in colours, of which the luminance was taken; give the grey one if there is one"
            )
    if values.shape[-1] in (2, 4) and not values[..., -1].all():
        hidden |= values[..., -1] == 0
        remarks.append("transparent pixels were left out")
    return np.where(hidden, np.float32(np.nan), grey) if hidden.any() else grey, remarks
