"""A raw image as a network was trained to see images, and what it makes of it back in the image's frame.

Pixel 0 keeps its place in every resampling: a position is x [px] times the pixel size, whichever pixels are meant.
"""

from collections.abc import Mapping

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

from stembench.errors import InputError
from stembench.imaging.detectors import DARK_FIELD, Mode
from stembench.imaging.resampling import resampled

_FITTED_PX = 2**20  # pixels that a straight line is fitted to, at most
_OUTLIER_SDS = 5.0
_THICKNESS_A = 20.0  # of the window, passed twice, whose mean is that of many columns


def as_trained(
    image: np.ndarray, pixel_size: float, record: Mapping, *, mode: Mode = "HAADF"
) -> tuple[np.ndarray, float]:
    """A raw image as a network saw those that it was trained on.

    Missing pixels and outliers (a hot pixel, a line that was lost) get the local mean; the pixel size is brought into
    the trained range, the contrast to that of the trained mode, and the grey levels to [0, 1].

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Raw intensities; NaN where nothing was measured.
    pixel_size : float
        [A].
    record : mapping
        The network's `model.json`.
    mode : Mode
        The image's.

    Returns
    -------
    image : ndarray of float32, shape (y', x')
        In [0, 1], pixel 0 where it was.
    pixel_size : float
        [A].

    Raises
    ------
    InputError
        If no pixel was measured.
    """
    target = fitting_pixel_size(pixel_size, record["pixel_size_A"])
    seen = resampled(filled(without_outliers(image)), pixel_size, target)
    low, high = float(seen.min()), float(seen.max())
    if (mode in DARK_FIELD) != (trained_mode(record) in DARK_FIELD):
        low, high = high, low
    seen -= low
    seen /= (high - low) or 1
    return seen, target


def without_thickness(image: np.ndarray, pixel_size: float) -> np.ndarray:
    """An image less what varies over more than columns, where that is most of what it shows: particles beside vacuum.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Raw intensities; NaN where nothing was measured.
    pixel_size : float
        [A].

    Returns
    -------
    ndarray, shape (y, x)
        The image itself where columns make most of its variance, as in every image that networks are trained on.
    """
    window = max(round(_THICKNESS_A / pixel_size), 3)
    wide = uniform_filter(uniform_filter(filled(image).astype(np.float32, copy=False), window), window)
    rest = image - wide
    return rest if wide.std(dtype=float) > np.nanstd(rest, dtype=float) else image


def trained_mode(record: Mapping) -> Mode:
    """The mode of the images that a network was trained on."""
    return record.get("dataset_recipe", {}).get("mode", "HAADF")


def fitting_pixel_size(pixel_size: float, trained: tuple[float, float]) -> float:
    """The pixel size nearest to an image's that lies in the range a network was trained for [A]."""
    low, high = trained
    return min(max(pixel_size, low), high)


def without_outliers(image: np.ndarray) -> np.ndarray:
    """A copy in float32 whose outliers are NaN, as is what is not finite.

    The levels that whole blocks of 2 x 2 px attain span a range; what lies beyond it by more than its width is an
    outlier. Normal noise, whose blocks attain 1.5 SDs in 256 x 256 px, is kept up to 4.6 SDs.

    Raises
    ------
    InputError
        If no pixel is finite.
    """
    image = np.array(image, np.float32)
    known = np.isfinite(image)
    if not known.any():
        raise _nothing_measured()
    if known.all():
        blocks = (image, image)
    else:
        image[~known] = np.nan
        blocks = (np.where(known, image, -np.inf), np.where(known, image, np.inf))
    highest = float(minimum_filter(blocks[0], 2).max())
    lowest = float(maximum_filter(blocks[1], 2).min())
    width = highest - lowest
    if np.isfinite(width) and width > 0:
        image[(image > highest + width) | (image < lowest - width)] = np.nan
    return image


def filled(image: np.ndarray) -> np.ndarray:
    """An image whose NaN pixels have the mean of the smallest square around that holds others: of 3, 7, 15 ... px.

    Raises
    ------
    InputError
        If every pixel is NaN.
    """
    missing = np.isnan(image)
    if not missing.any():
        return image
    if missing.all():
        raise _nothing_measured()
    known, levels, whole = (~missing).astype(np.float32), np.where(missing, 0, image), image.copy()
    edge = 3
    while missing.any():
        share = uniform_filter(known, edge, mode="constant")
        here = missing & (share > 0.5 / edge**2)
        whole[here] = uniform_filter(levels, edge, mode="constant")[here] / share[here]
        missing &= ~here
        edge = 2 * edge + 1
    return whole


def _nothing_measured() -> InputError:
    return InputError("all pixels of the image are NaN; give another image")


def on_scale_of(image: np.ndarray, found: np.ndarray) -> np.ndarray:
    """What a network made of an image, on the image's intensity scale.

    Gain and offset are those of least squares; pixels that lie off by more than 5 SDs are left out of a second fit.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Raw intensities; NaN where nothing was measured.
    found : ndarray, shape (y, x)
        On any scale; an inverted contrast is put right.

    Returns
    -------
    ndarray of float32, shape (y, x)
    """
    stride = max(1, int(np.sqrt(image.size / _FITTED_PX)))
    y, x = (part[::stride, ::stride].astype(float).ravel() for part in (image, found))
    used = np.isfinite(y)
    gain, offset = _line(x[used], y[used])
    off = np.abs(y - gain * x - offset)
    scatter = 1.4826 * np.median(off[used])  # an SD by the median, for normal noise
    if scatter > 0:
        gain, offset = _line(x[used & (off < _OUTLIER_SDS * scatter)], y[used & (off < _OUTLIER_SDS * scatter)])
    return np.float32(gain) * found + np.float32(offset)


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and offset of y over x by least squares; of a constant x the slope is 0."""
    spread = x - x.mean()
    gain = float(spread @ y / max(spread @ spread, 1e-12))
    return gain, float(y.mean() - gain * x.mean())
