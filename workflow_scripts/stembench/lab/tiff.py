"""Images in TIFF files, with the pixel size in whichever tags it stands."""

import html
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stembench.errors import InputError
from stembench.lab.limits import MAX_PIXEL_SIZE_A, check_bytes
from stembench.lab.signals import Axis, Signal, of_rosettasciio
from stembench.lab.units import length_in_angstrom
from stembench.lab.unreadable import AS_TIF

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_UNITS_OF_RESOLUTION = {2: "inch", 3: "cm"}  # TIFF 6.0, tag 296
_RGB, _PALETTE = 2, 3  # ibid., tag 262
_IN_PLANES = 2  # ibid., tag 284
_ALONG = {"width": "X", "height": "Y"}


def read_tiff(path: Path) -> list[Signal]:
    """Return the images of a TIFF file.

    Where RosettaSciIO finds no pixel size, those of ImageJ, OME and the resolution are taken.
    """
    import tifffile
    from rsciio.tiff import file_reader

    with tifffile.TiffFile(path) as file:
        _check_pages(path, file)
        for series in file.series:
            check_bytes(path, series.shape, series.dtype)
        pages = [series.keyframe for series in file.series]
        for page in pages:
            _check_whole(path, page)
        # Colours in planes RosettaSciIO reads only to the point where values are asked for; the package that does so
        # takes a second to load.
        lazy = any(page.photometric == _RGB and page.planarconfig == _IN_PLANES for page in pages)
    found = [(of_rosettasciio(signal), signal["original_metadata"]) for signal in file_reader(str(path), lazy=lazy)]
    return [_coloured(path, number, _calibrated(signal, tags), tags) for number, (signal, tags) in enumerate(found)]


def _check_pages(path: Path, file: "TiffFile") -> None:
    """Refuse a file whose pages name one another in a circle, which tifffile would follow for ever."""
    form, handle, offset = file.tiff, file.filehandle, file.pages.first.offset
    order: Literal["little", "big"] = "little" if file.byteorder == "<" else "big"
    seen: set[int] = set()
    while 0 < offset < handle.size:
        if offset in seen:
            raise InputError(f"{path}: its pages name one another in a circle; {AS_TIF} once more")
        seen.add(offset)
        handle.seek(offset)
        count = int.from_bytes(handle.read(form.tagnosize), order)
        handle.seek(offset + form.tagnosize + count * form.tagsize)
        offset = int.from_bytes(handle.read(form.offsetsize), order)


def _check_whole(path: Path, page: "TiffPage") -> None:
    """Refuse a file that does not hold all parts of a page, which decoders call damaged."""
    ends = [start + size for start, size in zip(page.dataoffsets, page.databytecounts)]
    if len(ends) < math.prod(page.chunked) or max(ends, default=0) > path.stat().st_size:
        raise InputError(f"{path}: ends before the last of its pixels; check that the file is complete")


def _calibrated(signal: Signal, tags: Mapping[str, Any]) -> Signal:
    if any(length_in_angstrom(axis.units) for axis in signal.axes):
        return signal
    sizes = {name: _size(tags, side) for name, side in _ALONG.items()}
    axes = [
        Axis(axis.name, "A", size, axis.navigate) if (size := sizes.get(axis.name)) else axis for axis in signal.axes
    ]
    return replace(signal, axes=axes)


def _coloured(path: Path, number: int, signal: Signal, tags: Mapping[str, Any]) -> Signal:
    """An image with its colours along the last axis, where they are in planes, or values are numbers of colours."""
    kind = tags.get("PhotometricInterpretation")
    if kind == _PALETTE and "ColorMap" in tags:
        colours = np.asarray(tags["ColorMap"], np.uint16)
        check_bytes(path, (*signal.stored.shape, len(colours)), colours.dtype)
        stored = np.moveaxis(colours[:, np.asarray(signal.stored)], 0, -1)
    elif kind == _RGB and tags.get("PlanarConfiguration") == _IN_PLANES:
        import tifffile

        with tifffile.TiffFile(path) as file:
            series = file.series[number]
            check_bytes(path, series.shape, series.dtype)
            stored = np.moveaxis(series.asarray(), -3, -1)
    else:
        return signal
    names = (*[""] * (stored.ndim - 3), "height", "width", "sample")
    known = {axis.name: axis for axis in signal.axes}
    return replace(signal, stored=stored, axes=[known.get(name, Axis(name)) for name in names])


def _size(tags: Mapping[str, Any], side: str) -> float | None:
    """Width or height of a pixel [A] by the tags of the first page, None if they tell none.

    Every program writes a resolution, but only microscopes write one that no printer has.
    """
    described, resolution = str(tags.get("ImageDescription", "")), tags.get(f"{side}Resolution")
    if pixels := re.search(r"<(\w+:)?Pixels\b[^>]*>", described):
        return _of_ome(pixels[0], side)
    if described.startswith("ImageJ="):
        found = re.search(r"^unit=(.*)$", described, re.MULTILINE)
        return _of_resolution(resolution, found[1] if found else "")
    size = _of_resolution(resolution, _UNITS_OF_RESOLUTION.get(tags.get("ResolutionUnit", 0), ""))
    return size if size and size <= MAX_PIXEL_SIZE_A else None


def _of_ome(pixels: str, side: str) -> float | None:
    """A size by an attribute of OME-XML, in micrometres where no unit is given."""
    size = re.search(rf'\bPhysicalSize{side}="([^"]*)"', pixels)
    unit = re.search(rf'\bPhysicalSize{side}Unit="([^"]*)"', pixels)
    return _product(size[1], html.unescape(unit[1]) if unit else "um") if size else None


def _of_resolution(resolution: Any, unit: str) -> float | None:
    """A size by the number of pixels per unit, a fraction."""
    if not isinstance(resolution, tuple) or len(resolution) != 2 or not resolution[0]:
        return None
    return _product(resolution[1] / resolution[0], unit)


def _product(size: Any, unit: str) -> float | None:
    length = length_in_angstrom(unit)
    try:
        return float(size) * length if length else None
    except ValueError:
        return None
