"""The functions that `import stembench` offers, each thin over the module that does the work.

Modules that take seconds to load, torch among them, are imported inside the functions.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

import numpy as np
import xarray as xr

from stembench.crystals.cif import Crystal, read_crystal
from stembench.crystals.projection import Projection
from stembench.crystals.projection import project_structure as _project
from stembench.crystals.zones import parse_zone
from stembench.errors import InputError
from stembench.imaging.detectors import Mode

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning.choice import Use

__all__ = ["denoise", "find_columns", "project_structure", "read", "read_crystal"]

Image = TypeVar("Image", np.ndarray, xr.DataArray)
Frames = Literal["average", "each"]

# Pixel size at which an image of unknown pixel size is searched for bright or dark columns [A].
_ASSUMED_A = 0.1
_SIZES = ("pixel_size_A", "pixel_size_source", "file_pixel_size_x_A", "file_pixel_size_y_A")


def read(
    file: str | Path,
    *,
    pixel_size_A: float | None = None,
    mode: Mode | None = None,
    frames: Frames = "average",
    signal: str | None = None,
) -> xr.DataArray:
    """Read an experimental image.

    Parameters
    ----------
    file : str or Path
        A file of a microscope or a picture; the how-to guide to your own images lists the formats.
    pixel_size_A : float, optional
        Pixel size [A]. By default the pixel size that the file holds.
    mode : {"HAADF", "ADF", "ABF", "BF", "iDPC"}, optional
        Detector of the image. By default the one that its title names, else HAADF if columns are bright in the image,
        BF if they are dark.
    frames : {"average", "each"}
        For a stack: average the aligned frames, or keep each frame.
    signal : str, optional
        Title of the image, where the file holds several. By default the image of `mode`, else HAADF, ADF, ABF, BF.

    Returns
    -------
    DataArray, dims (y, x), or (frame, y, x) where the frames of a stack are kept
        Raw intensities on square pixels; NaN where nothing was measured, and under a scale bar. Attributes:
        `pixel_size_A` [A], if the file holds a pixel size or one is given; `signal`, the title of the image that was
        taken of several; `energy_keV` [keV], if the file holds it;
        `mode`; `remarks`, sentences on what was assumed or changed; `file` and its `sha256`.

    Raises
    ------
    InputError
        If the file is missing, damaged, of an unknown format or blank, holds no image, or one of too few or too many
        pixels, or an argument is out of range. An `InputError` is a `ValueError` whose message names the remedy.
    """
    from stembench.config import LabImage
    from stembench.lab.formats import read_recording
    from stembench.lab.reading import image_of
    from stembench.products import sha256

    path = Path(file)
    if not path.exists():
        raise InputError(f"{path}: there is no such file; correct the path")
    entry: dict[str, Any] = {
        "file": "image",
        "pixel_size_A": None if pixel_size_A is None else _checked_size(pixel_size_A),
        "mode": _checked("mode", mode, Mode) if mode else None,
        "frames": _checked("frames", frames, Frames),
    }
    recording = read_recording(path, mode or "", signal or "")
    known = pixel_size_A or recording.pixel_size_x_A or recording.pixel_size_y_A
    if not known:
        entry["pixel_size_A"] = _ASSUMED_A
    image = image_of(recording, path.stem, LabImage(**entry), {"file": str(path), "sha256": sha256(path)})
    for key in () if known else _SIZES:
        del image.attrs[key]
    if pixel_size_A:
        image.attrs["pixel_size_source"] = "argument"
    return image


def find_columns(
    image: np.ndarray | xr.DataArray,
    pixel_size_A: float | None = None,
    network: str | Path | None = None,
    *,
    mode: Mode | None = None,
    refine: bool = True,
) -> pd.DataFrame:
    """Find the atomic columns of an image.

    Parameters
    ----------
    image : ndarray or DataArray, shape (y, x)
        Raw intensities on square pixels, such as `read` returns; NaN where nothing was measured.
    pixel_size_A : float, optional
        Pixel size [A]. By default the attribute `pixel_size_A` of the image.
    network : str or Path, optional
        Folder of a trained network that localises. By default the best of the networks that ship.
    mode : {"HAADF", "ADF", "ABF", "BF", "iDPC"}, optional
        Detector of the image; columns are dark in ABF and BF images. By default the attribute `mode` of the image,
        else HAADF.
    refine : bool
        Whether to fit the profile that the image's columns share to each of them, from where the network found it.
        Otherwise positions are the network's.

    Returns
    -------
    DataFrame
        One row per column: position `x_A`, `y_A` [A] from the centre of the first pixel; `intensity`, the mean of the
        image around the column, weighted by a Gaussian of 0.3 A, in the units of the image; `confidence`, the
        probability that this is a column; `uncertainty_pm` [pm], half of the 68 % interval of each coordinate.
        With `refine` also `network_x_A` and `network_y_A` [A], the positions before the fit.

    Raises
    ------
    InputError
        If the pixel size is unknown or out of range, the image has another shape or no measured pixel, or `network` is
        not a network that localises. An `InputError` is a `ValueError` whose message names the remedy.
    """
    from stembench.application import columns

    plane, size = _plane(image), _pixel_size(image, pixel_size_A)
    return columns.find_columns(plane, size, _network(network, "localise"), mode=_mode(image, mode), refine=refine)


def denoise(
    image: Image, pixel_size_A: float | None = None, network: str | Path | None = None, *, mode: Mode | None = None
) -> Image:
    """Denoise an image.

    Parameters
    ----------
    image : ndarray or DataArray, shape (y, x)
        Raw intensities on square pixels, such as `read` returns; NaN where nothing was measured.
    pixel_size_A : float, optional
        Pixel size [A]. By default the attribute `pixel_size_A` of the image.
    network : str or Path, optional
        Folder of a trained network that denoises. By default the best of the networks that ship, which keeps the
        background.
    mode : {"HAADF", "ADF", "ABF", "BF", "iDPC"}, optional
        Detector of the image. By default the attribute `mode` of the image, else HAADF.

    Returns
    -------
    ndarray of float32 or DataArray, shape (y, x)
        The denoised image on the intensity scale of the image; NaN where the image is NaN. A DataArray keeps the
        attributes of the image.

    Raises
    ------
    InputError
        If the pixel size is unknown or out of range, the image has another shape or no measured pixel, or `network` is
        not a network that denoises. An `InputError` is a `ValueError` whose message names the remedy.
    """
    from stembench.application import denoising

    plane, size = _plane(image), _pixel_size(image, pixel_size_A)
    denoised = denoising.denoise(plane, size, _network(network, "denoise"), mode=_mode(image, mode))
    if isinstance(image, xr.DataArray):
        return image.copy(data=denoised).assign_attrs(pixel_size_A=size)
    return denoised


def project_structure(crystal: Crystal, zone: str | tuple[int, int, int]) -> Projection:
    """Project a crystal along a zone axis.

    Parameters
    ----------
    crystal : Crystal
        A crystal of any system, such as `read_crystal` returns.
    zone : str or tuple of int
        Zone axis [uvw] in the setting of the CIF: ``"110"``, ``"m110"`` for [-110], or ``(-1, 1, 0)``.

    Returns
    -------
    Projection
        `lattice`, shape (2, 2), the in-plane lattice vectors as rows (x, y) [A]; `period`, the period along the beam
        [A]; `columns`, one dict per column of the in-plane cell, with its position `x_A`, `y_A` [A] and its `atoms`.

    Raises
    ------
    InputError
        If the zone axis is not three integers, or is [000]. An `InputError` is a `ValueError` whose message names the
        remedy.
    """
    if isinstance(zone, str):
        return _project(crystal, parse_zone(zone))
    indices = tuple(zone)
    if len(indices) != 3 or not all(isinstance(index, int | np.integer) for index in indices) or not any(indices):
        raise InputError(f"zone axis {zone!r} is no direction; write three integers such as (1, 1, 0), or '110'")
    return _project(crystal, indices)


def _plane(image: np.ndarray | xr.DataArray) -> np.ndarray:
    plane = np.asarray(image)
    if plane.ndim != 2:
        raise InputError(f"the image has shape {plane.shape}; pass one image of shape (y, x), such as image[0]")
    return plane


def _pixel_size(image: np.ndarray | xr.DataArray, given: float | None) -> float:
    size = image.attrs.get("pixel_size_A") if given is None and isinstance(image, xr.DataArray) else given
    if size is None:
        raise InputError("the pixel size of the image is unknown; pass it in angstrom, such as pixel_size_A=0.1")
    return _checked_size(size)


def _checked_size(size: float) -> float:
    from stembench.lab.reading import COARSEST_A

    if not 0 < size <= COARSEST_A:
        raise InputError(
            f"pixel_size_A is {size:g}, but columns need pixels between 0 and {COARSEST_A} A; pass it in angstrom "
            "(1 A = 0.1 nm = 100 pm)"
        )
    return float(size)


def _mode(image: np.ndarray | xr.DataArray, given: Mode | None) -> Mode:
    kept = image.attrs.get("mode") if isinstance(image, xr.DataArray) else None
    mode: Mode = _checked("mode", given or kept or "HAADF", Mode)
    return mode


def _checked(argument: str, value: Any, kind: Any) -> Any:
    if value not in get_args(kind):
        raise InputError(f"{argument} is {value!r}; write one of {', '.join(map(repr, get_args(kind)))}")
    return value


def _network(named: str | Path | None, use: Use) -> str | Path:
    """Folder of the network that is named, or else of the best one that ships."""
    from stembench.config import Config
    from stembench.planning.choice import choose

    if named is None:
        return choose(Config(), use, results=None).folder
    if not Path(named, "model.json").is_file():
        raise InputError(
            f"{named}: this folder holds no trained network (weights.safetensors, model.json); correct `network`, or "
            "leave it out to apply the network that ships"
        )
    return named
