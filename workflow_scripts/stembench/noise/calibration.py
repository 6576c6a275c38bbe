"""Noise parameters of an instrument, from its raw images.

The published decomposition (`decomposition`) also measures the signal: a noise-free Si [110] lattice alone gives a scan
slope of 0.03 to 0.12. Therefore the parameters are those whose synthetic images show the same raw statistics as the
real one, the synthetic images being the real one's lattice with noise on it; a clean lattice then fits zero.
"""

from collections.abc import Mapping

import numpy as np
from scipy import fft, ndimage

from stembench.errors import InputError
from stembench.noise.calibrated import NoiseParameters, calibrated_noise
from stembench.noise.decomposition import RawStatistics, raw_statistics, to_grey

MIN_SIDE_PX = 128

_ITERATIONS = 8
_GRADIENTS = (0.0, 40.0)  # where the scan line is compared
_GREYS = (64.0, 192.0)  # where the pointwise line is compared
_NEIGHBOURHOOD = 15  # frequencies over which the noise floor is taken
_PARAMETERS = ("scan_slope", "scan_intercept", "pointwise_slope", "pointwise_intercept", "tukey_lambda")


def calibrate(images: Mapping[str, np.ndarray], seed: int = 0) -> dict:
    """Calibrate the noise of one instrument.

    Parameters
    ----------
    images : mapping of str to ndarray, shape (rows, columns)
        Raw images by name, scanned along the rows, at least 256 px a side.
    seed : int
        Of the synthetic images.

    Returns
    -------
    dict
        `fitted`: each parameter's `mean` and `standard_error` over the quadrants of the images, as used by the
        generator; `raw`: the published statistics of each whole image (`raw_*`); `synthetic_raw`: the same of the
        image's lattice with the fitted noise, what is left between the two being the residual.

    Raises
    ------
    InputError
        If an image cannot be calibrated on; the message names it.
    """
    greys, fits = {}, []
    for number, (name, image) in enumerate(images.items()):
        try:
            if min(image.shape) < 2 * MIN_SIDE_PX:
                size = f"{image.shape[1]} x {image.shape[0]} px"
                raise InputError(f"{size} are too few; at least {2 * MIN_SIDE_PX} px a side are needed")
            greys[name] = to_grey(image)
            for part, quadrant in enumerate(quadrants(greys[name])):
                rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, part)))
                fits.append(fit_parameters(quadrant, rng).to_dict())
        except InputError as error:
            raise InputError(f"lab.images.{name} cannot calibrate noise: {error}") from None
    fitted = {}
    for name in _PARAMETERS:
        values = np.array([fit[name] for fit in fits])
        error = float(values.std(ddof=1) / np.sqrt(len(values)))
        fitted[name] = {"mean": float(values.mean()), "standard_error": error}
    parameters, rng = parameters_of({"fitted": fitted}), np.random.default_rng(seed)
    synthetic = {name: calibrated_noise(lattice_estimate(grey), parameters, rng) for name, grey in greys.items()}
    return {
        "fitted": fitted,
        "raw": {name: raw_statistics(grey).to_dict() for name, grey in greys.items()},
        "synthetic_raw": {name: raw_statistics(grey).to_dict() for name, grey in synthetic.items()},
    }


def quadrants(image: np.ndarray) -> list[np.ndarray]:
    """The four quarters of an image."""
    middle = [n // 2 for n in image.shape]
    return [image[rows, columns] for rows in _halves(middle[0]) for columns in _halves(middle[1])]


def _halves(middle: int) -> tuple[slice, slice]:
    return slice(0, middle), slice(middle, 2 * middle)


def parameters_of(calibration: dict) -> NoiseParameters:
    """The generator's parameters from a stored calibration."""
    return NoiseParameters(**{name: calibration["fitted"][name]["mean"] for name in _PARAMETERS})


def fit_parameters(grey: np.ndarray, rng: np.random.Generator) -> NoiseParameters:
    """Parameters whose synthetic image on the same lattice has the raw statistics of `grey`.

    Parameters
    ----------
    grey : ndarray, shape (rows, columns)
        Grey levels, 0 to 255.
    rng : numpy.random.Generator
        The synthetic images of all iterations are drawn from its present state.
    """
    lattice = lattice_estimate(grey)
    wanted = _levels(raw_statistics(grey))
    state = rng.bit_generator.state
    levels = np.append(np.sqrt(np.maximum(wanted[:4] ** 2 - _levels(raw_statistics(lattice))[:4] ** 2, 0)), wanted[4])
    for _ in range(_ITERATIONS):
        rng.bit_generator.state = state
        shown = _levels(raw_statistics(calibrated_noise(lattice, _from_levels(levels), rng)))
        levels[:4] = np.sqrt(np.maximum(levels[:4] ** 2 + wanted[:4] ** 2 - shown[:4] ** 2, 0))
        levels[4] = np.clip(levels[4] + wanted[4] - shown[4], -0.3, 1.0)
    return _from_levels(levels)


def lattice_estimate(grey: np.ndarray) -> np.ndarray:
    """The periodic and smooth part of an image: its Fourier coefficients as far as they stand above the noise.

    The noise floor at each frequency is the median power of its neighbourhood, which sharp lattice reflections do not
    move; a noise-free lattice therefore passes unchanged.
    """
    mean = grey.mean()
    spectrum = fft.rfft2(grey - mean)
    power = np.abs(spectrum) ** 2
    floor = ndimage.median_filter(fft.fftshift(power, axes=0), _NEIGHBOURHOOD, mode="reflect") / np.log(2)
    floor = fft.ifftshift(floor, axes=0)
    gain = np.clip(1 - 4 * floor / np.maximum(power, 1e-12), 0, 1)
    return mean + fft.irfft2(spectrum * gain, s=grey.shape)


def _levels(raw: RawStatistics) -> np.ndarray:
    """What is compared: SDs at two gradients and two grey levels, and the Tukey lambda."""
    scan = [max(raw.scan.at(gradient), 0) for gradient in _GRADIENTS]
    pointwise = [max(raw.pointwise.at(grey), 0) for grey in _GREYS]
    return np.array([*scan, *pointwise, raw.tukey_lambda])


def _from_levels(levels: np.ndarray) -> NoiseParameters:
    scan_slope = (levels[1] - levels[0]) / (_GRADIENTS[1] - _GRADIENTS[0])
    pointwise_slope = (levels[3] - levels[2]) / (_GREYS[1] - _GREYS[0])
    return NoiseParameters(
        scan_slope=float(scan_slope),
        scan_intercept=float(levels[0] - scan_slope * _GRADIENTS[0]),
        pointwise_slope=float(pointwise_slope),
        pointwise_intercept=float(levels[2] - pointwise_slope * _GREYS[0]),
        tukey_lambda=float(levels[4]),
    )
