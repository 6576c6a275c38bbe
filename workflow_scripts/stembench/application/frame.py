"""A raw image as a network was trained to see images, and what it makes of it back in the image's frame.

Pixel 0 keeps its place in every resampling: a position is x [px] times the pixel size, whichever pixels are meant.
"""

from collections.abc import Mapping

import numpy as np
from scipy import sparse
from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

from stembench.errors import InputError
from stembench.imaging.detectors import DARK_FIELD, Mode

_LOBES = 3  # of the Lanczos kernel (Duchon, J. Appl. Meteorol. 18, 1016 (1979)), on each side
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


def resampled(image: np.ndarray, pixel_size: float, target: float, shape: tuple[int, int] | None = None) -> np.ndarray:
    """An image at another pixel size, by a Lanczos kernel as wide as the larger pixels, so that nothing is aliased.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Without NaN.
    pixel_size, target : float
        Of the image, and of the result [A].
    shape : tuple of int, optional
        Of the result [px]; by default as many pixels as lie inside the image. Beyond its edges it is mirrored.

    Returns
    -------
    ndarray of float32, shape `shape`
        The image itself where the pixel sizes are equal.
    """
    if pixel_size == target:
        return image.astype(np.float32, copy=False)
    step = target / pixel_size
    down, across = shape or tuple(int((n - 1) / step + 1e-6) + 1 for n in image.shape)
    rows, columns = (_lanczos(n, step, count) for n, count in zip(image.shape, (down, across)))
    return rows @ (columns @ image.astype(np.float32, copy=False).T).T


def _lanczos(count: int, step: float, wanted: int) -> sparse.csr_array:
    """Weights of `count` pixels in each of `wanted` ones that lie `step` px apart."""
    places, stretch = step * np.arange(wanted), max(step, 1.0)
    taps = np.ceil(places - _LOBES * stretch)[:, None] + np.arange(int(2 * _LOBES * stretch) + 1)
    steps = (taps - places[:, None]) / stretch
    weights = np.where(np.abs(steps) < _LOBES, np.sinc(steps) * np.sinc(steps / _LOBES), 0)
    weights /= weights.sum(axis=1, keepdims=True)
    period = max(2 * (count - 1), 1)
    taps = taps.astype(int) % period
    sources = np.minimum(taps, period - taps) if count > 1 else np.zeros_like(taps)
    starts = np.arange(0, weights.size + 1, weights.shape[1])
    return sparse.csr_array((weights.astype(np.float32).ravel(), sources.ravel(), starts), shape=(wanted, count))


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
