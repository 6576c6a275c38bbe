"""Noise of the `physical` recipe, in the order of the physics: source, scan, electrons, detector.

Scanning errors displace whole rows, for a row takes milliseconds and a pixel microseconds (`noise.scan`); here rows are
sampled anew (`shifted_rows`). Electrons, detector and sampling are written once for arrays of NumPy and tensors on a
device: they use what both offer, random numbers come from the caller (`Randomness`), and `put` brings small arrays to
the device.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from scipy import linalg, ndimage

from stembench.noise.splines import cubic_weights

_SIGMA_OF_FWHM = 1 / np.sqrt(8 * np.log(2))

#: An array of NumPy, or a tensor of torch, which this module does not import.
Array = Any


class Randomness(Protocol):
    """Source of randomness: `numpy.random.Generator`, or what draws the same on a device."""

    def poisson(self, lam: Array) -> Array:
        """Poisson numbers of the given means."""

    def standard_normal(self, size: Sequence[int]) -> Array:
        """Normal numbers of SD 1."""


def effective_source(image: np.ndarray, fwhm: float, pixel_size: float) -> np.ndarray:
    """Gaussian effective source on the image of a point source.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        It repeats its border beyond it.
    fwhm, pixel_size : float
        [A].
    """
    return ndimage.gaussian_filter(image, fwhm * _SIGMA_OF_FWHM / pixel_size, mode="nearest")


def shifted_rows(image: np.ndarray, shifts: np.ndarray, pad: int = 0) -> np.ndarray:
    """Each row i of an image sampled at (i + dy_i, j + dx_i), by cubic splines.

    Parameters
    ----------
    image : ndarray, shape (rows + 2 pad, columns + 2 pad)
        It is mirrored at its border.
    shifts : ndarray, shape (rows, 2)
        dx and dy of each row [px].
    pad : int
        How much wider than the result it is on every side.

    Returns
    -------
    ndarray, shape (rows, columns)
    """
    rows, columns = (n - 2 * pad for n in image.shape)
    if not shifts.any():
        return image[pad : pad + rows, pad : pad + columns]
    return sampled(spline_coefficients(image[None]), [0], shifts[None], np.zeros((1, columns)), [pad])[0]


def spline_coefficients(images: np.ndarray) -> np.ndarray:
    """Of cubic splines through images that are mirrored at their border; shape (images, height, width) as theirs."""
    return np.stack([ndimage.spline_filter(image, 3, mode="mirror") for image in images])


def sampled(
    coefficients: Array,
    chosen: Sequence[int],
    shifts: np.ndarray,
    warps: np.ndarray,
    pads: Sequence[int],
    put: Callable[[np.ndarray], Array] = np.asarray,
) -> Array:
    """Frames of images: pixel (i, j) of a frame is its image at (i + dy_i, j + dx_i + warp_j), by cubic splines.

    Parameters
    ----------
    coefficients : array, shape (images, height, width)
        Of cubic splines through images that are mirrored at their border.
    chosen : sequence of int
        The image of each frame.
    shifts : ndarray, shape (frames, rows, 2)
        dx and dy of each row [px].
    warps : ndarray, shape (frames, columns)
        Displacement of each column of pixels along x [px].
    pads : sequence of int
        How much wider than its frame each image is on the left and above [px].
    put : callable, optional
        Brings an array to where the coefficients are.

    Returns
    -------
    array, shape (frames, rows, columns)
    """
    (frames, rows), columns = shifts.shape[:2], warps.shape[1]
    _, height, width = coefficients.shape
    pad, image = np.reshape(pads, (-1, 1)), np.reshape(chosen, (-1, 1))
    start, weights = _taps(np.arange(rows) + pad + shifts[..., 1])
    lines = coefficients.reshape(-1, width)
    along_y = sum(
        put(weights[..., tap, None]) * lines[put(_mirrored(start + tap, height) + image * height)] for tap in range(4)
    ).reshape(-1)
    warped = bool(warps.any())
    start, weights = _taps(shifts[..., :1] + warps[:, None] if warped else shifts[..., :1])
    start += pad[:, None]
    steps = np.arange(columns if warped else columns + 3)
    within = start.min() >= 0 and start.max() + columns + 3 <= width  # as where padding is wide enough
    line, begin = put(np.arange(frames * rows).reshape(frames, rows, 1) * width), put(start)

    def knots(tap: int) -> Array:
        places = begin + put(steps + tap)
        return along_y.take(line + (places if within else _mirrored(places, width)))

    if warped:
        reached = [knots(tap) for tap in range(4)]
    else:  # neighbours share three of their four knots
        shared = knots(0)
        reached = [shared[..., tap : tap + columns] for tap in range(4)]
    return sum(put(weights[..., tap]) * each for tap, each in enumerate(reached))


def _taps(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First of four knots around places, and their weights; shapes as `places` and (..., 4)."""
    start = np.floor(places)
    return start.astype(int) - 1, cubic_weights(places - start)


def _mirrored(index: Array, length: int) -> Array:
    """Indices beyond an axis of a length, mirrored at its first and last element."""
    last = length - 1
    return last - abs(last - index % (2 * last))


def shot_noise(image: np.ndarray, dose: float, pixel_size: float, rng: np.random.Generator) -> np.ndarray:
    """Electrons counted in each pixel.

    Parameters
    ----------
    image : ndarray
        Intensity as a fraction of the incident beam.
    dose : float
        Incident electrons an area [e/A^2].
    pixel_size : float
        [A].
    rng : numpy.random.Generator
        Source of randomness.
    """
    return rng.poisson(dose * pixel_size**2 * np.maximum(image, 0)).astype(float)


def afterglow(image: Array, fraction: float, decay: float, put: Callable[[np.ndarray], Array] = np.asarray) -> Array:
    """What a slow scintillator adds to the pixels after: an exponential tail along the fast axis.

    Parameters
    ----------
    image : array, shape (..., rows, columns)
        Signal as it arrives, scanned along the rows; the time of the flyback is taken to be long.
    fraction : float
        Part of a pixel's signal that comes later than in that pixel.
    decay : float
        Decay length of the tail [px].
    put : callable, optional
        Brings an array to where the image is.
    """
    if not fraction:
        return image
    left = np.exp(-1 / decay)  # a pixel later
    response = fraction * (1 - left) * left ** (np.arange(image.shape[-1]) - 1.0)
    response[0] = 1 - fraction
    return image @ put(linalg.toeplitz(response, np.zeros(len(response))).T)


def smoothed(image: Array, sd: float, put: Callable[[np.ndarray], Array] = np.asarray) -> Array:
    """An image after a Gaussian of a SD [px], as resampling or a filter leaves it; at its border of those there.

    Parameters
    ----------
    image : array, shape (rows, columns)
        Levels.
    sd : float
        Of the Gaussian [px].
    put : callable, optional
        Brings an array to where the image is.
    """
    if not sd:
        return image
    down, across = (put(_gaussian(length, sd)) for length in image.shape)
    return down @ image @ across.T


def _gaussian(length: int, sd: float) -> np.ndarray:
    """Weights of a Gaussian around each of some pixels in a row, shape (length, length)."""
    weights = linalg.toeplitz(np.exp((np.arange(length) / sd) ** 2 / -2))
    return weights / weights.sum(1, keepdims=True)


def detector(counts: Array, gain: float, offset: float, readout: float, rng: Randomness) -> Array:
    """Levels of a detector before they are digital: offset + gain (counts + read-out noise).

    Parameters
    ----------
    counts : array
        Electrons.
    gain : float
        Levels an electron.
    offset : float
        Level of no electron.
    readout : float
        SD of the Gaussian read-out noise [electrons].
    rng : Randomness
        Source of randomness.
    """
    return offset + gain * (counts + readout * rng.standard_normal(counts.shape))


def digitised(levels: Array, clip_low: float, clip_high: float, bits: int) -> Array:
    """Levels that are digital: at least 0, clipped at both ends, and rounded.

    Parameters
    ----------
    levels : array
        Of an image, or of all its frames.
    clip_low, clip_high : float
        Part of the range from the lowest to the highest level that is cut off at either end.
    bits : int
        The range that is left holds 2^bits levels; 0: levels are whole numbers.
    """
    levels = levels.clip(min=0)
    low, high = levels.min(), levels.max()
    low, high = low + clip_low * (high - low), high - clip_high * (high - low)
    levels = levels.clip(low, high)
    if not bits:
        return levels.round()
    step = max(high - low, 1e-12) / (2**bits - 1)
    return low + step * ((levels - low) / step).round()
