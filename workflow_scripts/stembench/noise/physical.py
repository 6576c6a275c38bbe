"""Noise of the `physical` recipe, in the order of the physics: source, scan, electrons, detector.

Each model is a function of an image, its parameters and a random generator where it needs one. Scanning errors displace
whole rows, for a row takes milliseconds and a pixel microseconds: they are (dx, dy) shifts, one a row, by which the
image is sampled anew (`shifted_rows`).
"""

import numpy as np
import scipy  # whose `signal` takes long to load: it does where it is used
from scipy import ndimage

from stembench.noise.splines import cubic_weights

_SIGMA_OF_FWHM = 1 / np.sqrt(8 * np.log(2))


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


def drift_shifts(rows: int, drift: tuple[float, float], shear: float) -> np.ndarray:
    """Row shifts of a specimen that drifts steadily, and of a scan whose axes are not at right angles.

    They are zero in the middle of the frame.

    Parameters
    ----------
    rows : int
        Of the frame.
    drift : tuple of float
        x and y of the scan's displacement over the specimen from a row to the next [px].
    shear : float
        Tangent of the angle by which the slow axis is off the vertical.

    Returns
    -------
    ndarray, shape (rows, 2)
        x and y [px].
    """
    time = np.arange(rows) - (rows - 1) / 2
    return time[:, None] * [drift[0] + shear, drift[1]]


def apparent_positions(positions: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Where columns appear in an image whose rows are displaced smoothly.

    Parameters
    ----------
    positions : ndarray, shape (columns, 2)
        x and y in the undistorted image [px].
    shifts : ndarray, shape (rows, 2)
        From `drift_shifts`; they are continued beyond the frame.

    Returns
    -------
    ndarray, shape (columns, 2)
        x and y [px].
    """
    step = (shifts[-1] - shifts[0]) / (len(shifts) - 1)  # a row
    row = (positions[:, 1] - shifts[0, 1]) / (1 + step[1])
    return np.column_stack([positions[:, 0] - shifts[0, 0] - step[0] * row, row])


def jitter_shifts(
    rows: int, jitter: float, rows_per_period: float, phases: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Random row shifts that swell with the mains: dx = N(0, 1) jitter sin(2 pi f t + phase), dy likewise.

    Source: TEMImageNet, doi 10.1038/s41598-021-84499-w, scan noise.

    Parameters
    ----------
    rows : int
        Of the frame.
    jitter : float
        Amplitude of the shifts [px].
    rows_per_period : float
        Period of the mains in rows: 1 / (mains frequency x time of a row).
    phases : tuple of float
        Of the mains in x and in y at the first row [rad].
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (rows, 2)
        x and y [px].
    """
    wave = np.sin(2 * np.pi * np.arange(rows)[:, None] / rows_per_period + phases)
    return rng.standard_normal((rows, 2)) * jitter * wave


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
    coefficients = ndimage.spline_filter(image, 3, mode="mirror")
    dx, dy = shifts.T
    along_y = _taps(coefficients, np.arange(rows) + pad + dy)
    start = np.floor(dx).astype(int)
    weights = cubic_weights(dx - start)
    first = np.arange(columns + 3) + pad - 1 + start[:, None]
    reached = np.take_along_axis(along_y, _mirrored(first, image.shape[1]), axis=1)
    return sum(weights[:, tap, None] * reached[:, tap : tap + columns] for tap in range(4))


def _taps(coefficients: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Splines along the first axis at any places."""
    start = np.floor(places).astype(int)
    weights = cubic_weights(places - start)
    return sum(weights[:, tap, None] * coefficients[_mirrored(start + tap - 1, len(coefficients))] for tap in range(4))


def _mirrored(index: np.ndarray, length: int) -> np.ndarray:
    """Indices beyond an axis of a length, mirrored at its first and last element."""
    index = np.abs(index) % (2 * length - 2)
    return np.where(index < length, index, 2 * length - 2 - index)


def row_jitter(image: np.ndarray, jitter: float, rows_per_period: float, rng: np.random.Generator) -> np.ndarray:
    """Shift each row of an image at random; parameters as in `jitter_shifts`, phases drawn as well."""
    phases = tuple(rng.uniform(0, 2 * np.pi, 2))
    return shifted_rows(image, jitter_shifts(len(image), jitter, rows_per_period, phases, rng))


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


def afterglow(image: np.ndarray, fraction: float, decay: float) -> np.ndarray:
    """What a slow scintillator adds to the pixels after: an exponential tail along the fast axis.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        Signal as it arrives, scanned along the rows; the time of the flyback is taken to be long.
    fraction : float
        Part of a pixel's signal that comes later than in that pixel.
    decay : float
        Decay length of the tail [px].
    """
    left = np.exp(-1 / decay)  # a pixel later
    tail = scipy.signal.lfilter([0, 1 - left], [1, -left], image, axis=1)
    return (1 - fraction) * image + fraction * tail


def detector(counts: np.ndarray, gain: float, offset: float, readout: float, rng: np.random.Generator) -> np.ndarray:
    """Digital levels of a detector: offset + gain (counts + read-out noise), rounded, and none below 0.

    Parameters
    ----------
    counts : ndarray
        Electrons.
    gain : float
        Levels an electron.
    offset : float
        Level of no electron.
    readout : float
        SD of the Gaussian read-out noise [electrons].
    rng : numpy.random.Generator
        Source of randomness.
    """
    return np.maximum(np.round(offset + gain * (counts + readout * rng.standard_normal(counts.shape))), 0)
