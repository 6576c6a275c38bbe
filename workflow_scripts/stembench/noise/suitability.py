"""Whether an image can calibrate noise: raw, unsaturated, of atoms, and of the detector it is said to be of."""

import numpy as np
import scipy  # whose `stats` takes long to load: it does where it is used
from scipy import fft, ndimage

from stembench.errors import InputError
from stembench.imaging.detectors import DARK_FIELD
from stembench.noise.lattice import noise_floor, power_spectrum

#: Least side of an image [px]: two segments of a row, and some tens of patches.
MIN_SIDE_PX = 128

# The limits lie between the project's raw lab images and what was done to them on purpose (zoomed, blurred, clipped).
_SATURATED = 3e-3  # fraction of pixels at an extreme value; 6e-5 in raw images, 1e-3 if 8 bits hold all but 0.1 %
_FLAT = 0.1  # how far noise power may differ between bands of frequency across the rows; by 0.03 in raw images
_AFTERGLOW = 0.55  # noise power at high over middle frequencies along the rows; 0.65 to 1.2 in raw images
_HANN_NEIGHBOURS = 2.25  # frequencies that share their noise under a Hann window, in two dimensions
_PERIODS_PX = (3.0, 40.0)  # of a lattice,
_REPEATS = 6  # which repeats as often at least in an image
_REFLECTION_SNR, _REFLECTION_PROMINENCE = 12.0, 8.0  # power over noise and over its ring; white noise reaches 6
_GRAIN_PX = 16  # to which the part of an image is told that was measured
_SKEWED = 0.2  # raw dark-field images have a skewness of 0.5 to 1.6


def measured_window(image: np.ndarray) -> tuple[slice, slice]:
    """The largest rectangle without pixels that were not measured (NaN), in steps of 16 px."""
    measured = np.isfinite(image)
    if measured.all():
        return slice(None), slice(None)
    rows, columns = (n // _GRAIN_PX for n in image.shape)
    grains = measured[: rows * _GRAIN_PX, : columns * _GRAIN_PX]
    grains = grains.reshape(rows, _GRAIN_PX, columns, _GRAIN_PX).all(axis=(1, 3))
    best, window = 0, (0, 0, 0, 0)
    heights = np.zeros(columns, int)  # of what was measured above each grain, itself included
    for row, line in enumerate(grains):
        heights = np.where(line, heights + 1, 0)
        for height in np.unique(heights[heights > 0]):
            for first, last in _runs(heights >= height):
                if (area := height * (last - first)) > best:
                    best, window = area, (row + 1 - height, row + 1, first, last)
    top, bottom, left, right = (_GRAIN_PX * edge for edge in window)
    return slice(top, bottom), slice(left, right)


def _runs(there: np.ndarray) -> np.ndarray:
    """First place of each run of true values, and the one after its last; shape (runs, 2)."""
    return np.flatnonzero(np.diff(there, prepend=False, append=False)).reshape(-1, 2)


def refuse_unfit(image: np.ndarray) -> None:
    """Raise what makes calibration impossible.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        Raw intensities.

    Raises
    ------
    InputError
        If the image is small, holds pixels without a value, or shows one grey level or no lattice.
    """
    if min(image.shape) < MIN_SIDE_PX:
        size = f"{image.shape[1]} x {image.shape[0]} px"
        raise InputError(f"{size} are too few; at least {MIN_SIDE_PX} px a side are needed")
    if not np.isfinite(image).all():
        raise InputError("some pixels have no value (NaN or infinite); crop the image to those that have one")
    if np.ptp(image) == 0:
        raise InputError("an image of one grey level has no noise to calibrate")
    if not _shows_lattice(image.astype(float)):
        raise InputError("no lattice stands out of the noise; take an image with atomic columns in sight")


def _shows_lattice(image: np.ndarray) -> bool:
    """Whether a reflection stands out of the noise, and of all directions at its spatial frequency as clouds do not."""
    power = power_spectrum(image)
    snr = power / np.maximum(noise_floor(power), 1e-12 * power.max())
    rows, columns = image.shape
    frequency = np.hypot(fft.fftfreq(rows)[:, None], fft.rfftfreq(columns))
    rings = np.rint(frequency * min(image.shape)).astype(int)
    ring_medians = ndimage.median(snr, rings, np.arange(rings.max() + 1))
    surroundings = ndimage.maximum_filter1d(ring_medians, 5)[rings]
    reflections = ndimage.uniform_filter(snr, 3, mode="wrap")
    slowest = max(1 / _PERIODS_PX[1], _REPEATS / min(image.shape))
    lattice = (frequency > slowest) & (frequency < 1 / _PERIODS_PX[0])
    prominent = reflections > _REFLECTION_PROMINENCE * surroundings
    return bool(np.any(lattice & prominent & (reflections > _REFLECTION_SNR)))


def doubts(image: np.ndarray, signal: np.ndarray, mode: str | None) -> list[str]:
    """What makes a calibration doubtful; empty for a raw image.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        Raw intensities.
    signal : ndarray, shape (rows, columns)
        Its lattice (`lattice.lattice_estimate`).
    mode : str, optional
        Detector that it is said to be of.
    """
    return [*_saturation(image), *_correlation(image), *_inversion(signal, mode)]


def _saturation(image: np.ndarray) -> list[str]:
    """Pixels that pile up at an end of the range, where honest counts would thin out."""
    values, counts = np.unique(image, return_counts=True)
    found = []
    for name, end, next_to in (("lowest", 0, 1), ("highest", -1, -2)):
        fraction = counts[end] / image.size
        if fraction > _SATURATED and counts[end] > counts[next_to]:
            found.append(f"{fraction:.2%} of the pixels have the {name} value, {values[end]:g}: saturated or clipped")
    return found


def _correlation(image: np.ndarray) -> list[str]:
    """Noise of a raw image is white across the rows; along them, scan noise fades towards high frequencies."""
    power = power_spectrum(image.astype(float))
    across, along = np.abs(fft.fftfreq(image.shape[0])), fft.rfftfreq(image.shape[1])
    bands = [power[(across > low) & (across < low + 0.1)][:, along > 0.25].ravel() for low in (0.1, 0.25, 0.4)]
    slow, middle, fast = (scipy.stats.trim_mean(band, 0.05) for band in bands)  # without what is left of reflections
    floor = noise_floor(power)
    row_slow, row_fast = (floor[(along > low) & (along < low + 0.08)].mean() for low in (0.12, 0.42))
    if slow <= 1e-12 * power.max():
        return ["no noise at high frequencies: simulated without noise, or filtered"]
    ratios = middle / slow, fast / slow
    allowed = _FLAT + 3 * np.sqrt(2 * _HANN_NEIGHBOURS / bands[0].size)
    if max(abs(ratio - 1) for ratio in ratios) > allowed:
        shown = " and ".join(f"{ratio:.2f}" for ratio in ratios)
        return [f"noise is not white across the rows (power ratios {shown}): interpolated, filtered or averaged"]
    if row_fast / row_slow < _AFTERGLOW:
        shown = f"{row_fast / row_slow:.2f}"
        return [f"noise of neighbouring pixels of a row is correlated (power ratio {shown}): afterglow or a filter"]
    return []


def _inversion(signal: np.ndarray, mode: str | None) -> list[str]:
    """Bright columns on a dark ground have a long tail of bright pixels."""
    if mode is None:
        return []
    skewness = scipy.stats.skew((signal - ndimage.gaussian_filter(signal, _PERIODS_PX[1] / 2)).ravel())
    seen = "bright" if skewness > _SKEWED else "dark" if skewness < -_SKEWED else None
    expected = "bright" if mode in DARK_FIELD else "dark"
    if seen in (None, expected):
        return []
    return [f"columns are {seen}, and {mode} shows {expected} ones: check the mode"]
