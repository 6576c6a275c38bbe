"""Scale bars that are drawn into an image."""

import math

import numpy as np
from scipy import ndimage

_LEVELS = 0.05  # of the range: how far from white a compressed picture's white lies
_LEAST_WIDTH, _LEAST_WIDTH_PX, _LEAST_HEIGHT_PX = 0.03, 12, 2  # of a bar; the first as a share of the image's width
_ELONGATION = 2.5
_SOLID = 0.97  # share of a bar's rectangle that has its level
_LEVEL_AROUND = 0.3  # share of what surrounds a bar that may have its level, as columns that it covers in part
_CONTRAST = 0.15  # of what is drawn to what surrounds it, of the range
_FADING = 0.3  # share of this contrast that may be left between 2 and 5 px from an edge
_CHANCE = 1e-6  # that pixels of a level are a bar somewhere in the image
_LETTERS = (0.5, 12.0)  # height of letters, in heights of the bar
_BOX = 0.97  # share of a box's rim that has its level
_ROOM_PX = 6  # around what is looked at

_Part = tuple[slice, ...]


def scale_bars(image: np.ndarray) -> np.ndarray:
    """Pixels of scale bars, of what is written beside them, and of the box that they may lie in.

    A bar is a rectangle along the rows, solidly of the highest or the lowest level and with sharp edges. What
    saturates a detector, a column or a particle, is no rectangle and fades to its sides.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Intensities; NaN where nothing was measured.

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    drawn, lowest, highest = np.zeros(image.shape, bool), float(np.nanmin(image)), float(np.nanmax(image))
    span = highest - lowest
    for level in (image >= highest - _LEVELS * span, image <= lowest + _LEVELS * span) if span else ():
        for bar in _rectangles(level):
            if _is_bar(image, level, bar, span):
                box = _box(image, bar, _LEVELS * span)
                for part in [box] if box else [bar, *_letters(image, level, bar, span)]:
                    drawn[_grown(part, 2, image.shape)] = True
    return drawn


def _rectangles(level: np.ndarray) -> list[_Part]:
    """Where rectangles of a level lie that are large enough for a bar."""
    width = max(round(_LEAST_WIDTH * level.shape[1]), _LEAST_WIDTH_PX)
    opened = ndimage.grey_opening(level.view(np.uint8), size=(_LEAST_HEIGHT_PX, width))
    return ndimage.find_objects(ndimage.label(opened)[0])


def _is_bar(image: np.ndarray, level: np.ndarray, part: _Part, span: float) -> bool:
    height, width = (side.stop - side.start for side in part)
    solid = level[part]
    by_chance = math.log(level.mean()) * solid.size + math.log(level.size)
    if width < _ELONGATION * height or solid.mean() < _SOLID or by_chance > math.log(_CHANCE):
        return False
    place = _grown(part, 1, image.shape)
    around = np.ones([side.stop - side.start for side in place], bool)
    around[tuple(slice(p.start - q.start, p.stop - q.start) for p, q in zip(part, place))] = False
    return level[place][around].mean() < _LEVEL_AROUND and _is_sharp(image, level, part, solid, span)


def _is_sharp(image: np.ndarray, level: np.ndarray, part: _Part, shape: np.ndarray, span: float) -> bool:
    """Whether what surrounds a shape differs from it, and as much beside its edge as farther away."""
    room = _grown(part, _ROOM_PX, image.shape)
    drawn = np.zeros([side.stop - side.start for side in room], bool)
    drawn[tuple(slice(p.start - q.start, p.stop - q.start) for p, q in zip(part, room))] = shape
    away = ndimage.distance_transform_cdt(~drawn, "chessboard")
    # Neither other letters nor their softened edges.
    free = ~ndimage.binary_dilation(level[room] & ~drawn) & np.isfinite(image[room])
    near, far = image[room][free & (away == 2)], image[room][free & (away == 5)]
    if not (near.size and far.size):
        return False
    contrast = abs(float(np.median(image[room][drawn])) - float(np.median(far)))
    return contrast > _CONTRAST * span and abs(float(np.median(near)) - float(np.median(far))) < _FADING * contrast


def _letters(image: np.ndarray, level: np.ndarray, bar: _Part, span: float) -> list[_Part]:
    """The rectangle of what is written beside a bar, if anything is."""
    height, width = (side.stop - side.start for side in bar)
    highest = round(_LETTERS[1] * height)
    zone = (
        slice(max(bar[0].start - 2 * highest, 0), bar[0].stop + 2 * highest),
        slice(max(bar[1].start - width, 0), bar[1].stop + width),
    )
    labels, _ = ndimage.label(level[zone], np.ones((3, 3)))
    found = []
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        part = tuple(slice(p.start + z.start, p.stop + z.start) for p, z in zip(place, zone))
        beside = part[0].start >= bar[0].stop or part[0].stop <= bar[0].start
        beside |= part[1].start >= bar[1].stop or part[1].stop <= bar[1].start
        tall = _LETTERS[0] * height <= part[0].stop - part[0].start <= highest
        if beside and tall and _is_sharp(image, level, part, labels[place] == number, span):
            found.append(part)
    if not found:
        return []
    written = tuple(slice(min(s.start for s in side), max(s.stop for s in side)) for side in zip(*found))
    # Softened edges of letters have not their level.
    return [_grown(written, 1 + (written[0].stop - written[0].start) // 8, image.shape)]


def _box(image: np.ndarray, bar: _Part, tolerance: float) -> _Part | None:
    """The rectangle of one level that a bar lies in, if it lies in one."""
    place = _grown(bar, 3, image.shape)
    rim = np.concatenate([image[place][0], image[place][-1], image[place][:, 0], image[place][:, -1]])
    value = float(np.median(rim))
    if not np.mean((rim >= value - tolerance) & (rim <= value + tolerance)) >= _BOX:
        return None
    labels, _ = ndimage.label((image >= value - tolerance) & (image <= value + tolerance))
    number = np.bincount(labels[place].ravel())[1:].argmax() + 1
    box = ndimage.find_objects(labels)[number - 1]
    inside = labels[box] == number
    rims = (inside[0], inside[-1], inside[:, 0], inside[:, -1])
    return box if min(side.mean() for side in rims) >= _BOX else None


def _grown(part: _Part, by: int, shape: tuple[int, ...]) -> _Part:
    y, x = (slice(max(side.start - by, 0), min(side.stop + by, n)) for side, n in zip(part, shape))
    return y, x
