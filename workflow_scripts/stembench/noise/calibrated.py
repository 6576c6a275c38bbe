"""Noise of the `calibrated` recipe: scan and pointwise noise with the statistics of real images.

Source: SFIN, Li et al., CVPR 2025, arXiv 2504.02555, and its published code, on grey levels 0 to 255.
"""

from dataclasses import asdict, dataclass
from functools import cache

import numpy as np
from scipy import ndimage, stats

from stembench.errors import InputError
from stembench.noise.decomposition import GREY_PERCENTILES, MAX_GRADIENT, SMOOTH_PX, gradient_magnitude

_KNOT_SPACING_PX = 10.0
_CONTRAST_STEPS = 4
_MIN_CONTRAST = 20.0  # grey levels between the darkest and the brightest of a clean image


@dataclass(frozen=True)
class NoiseParameters:
    """Parameters of scan and pointwise noise, on grey levels 0 to 255.

    Attributes
    ----------
    scan_slope, scan_intercept : float
        SD of scan noise = intercept + slope * gradient magnitude [grey], the gradient as
        `decomposition.gradient_magnitude` gives it.
    pointwise_slope, pointwise_intercept : float
        SD of pointwise noise = intercept + slope * grey level [grey].
    tukey_lambda : float
        Shape of the pointwise distribution (0.14 is nearly Gaussian).
    """

    scan_slope: float
    scan_intercept: float
    pointwise_slope: float
    pointwise_intercept: float
    tukey_lambda: float

    def to_dict(self) -> dict[str, float]:
        """As plain numbers."""
        return asdict(self)


def calibrated_noise(grey: np.ndarray, parameters: NoiseParameters, rng: np.random.Generator) -> np.ndarray:
    """A noise-free image with scan noise, then pointwise noise.

    Parameters
    ----------
    grey : ndarray, shape (rows, columns)
        Grey levels on the 0 to 255 scale; the scan is along the rows.
    parameters : NoiseParameters
        What to draw.
    rng : numpy.random.Generator
        Source of randomness.
    """
    scanned = grey + scan_noise(grey, parameters, rng)
    return scanned + pointwise_noise(scanned, parameters, rng)


def noisy_at_full_range(clean: np.ndarray, parameters: NoiseParameters, rng: np.random.Generator) -> np.ndarray:
    """Calibrated noise on a clean image whose contrast is such that the noisy one fills the grey scale.

    Parameters were calibrated on images whose percentiles `GREY_PERCENTILES` are grey levels 0 and 255, so the noisy
    image has to have them there; the clean image's lowest and highest level are found by fixed-point iteration.

    Parameters
    ----------
    clean : ndarray, shape (rows, columns)
        Values between 0 and 1.
    parameters : NoiseParameters
        What to draw.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InputError
        If the noise alone is wider than the grey scale.
    """
    state, low, high = rng.bit_generator.state, 40.0, 215.0
    for _ in range(_CONTRAST_STEPS):
        rng.bit_generator.state = state
        noisy = calibrated_noise(low + (high - low) * clean, parameters, rng)
        ends = np.percentile(noisy, GREY_PERCENTILES)
        low, high = low - ends[0], high + 255 - ends[1]
        if high - low < _MIN_CONTRAST:
            raise InputError(
                f"the calibrated noise {parameters} leaves no room for an image between grey levels 0 and 255; "
                f"calibrate on an image with more contrast (calibration.instruments)"
            )
    return noisy


def scan_noise(grey: np.ndarray, parameters: NoiseParameters, rng: np.random.Generator) -> np.ndarray:
    """Noise that is smooth along a row and independent from row to row; stronger where the image is steep.

    Its SD follows the fitted line up to the steepest gradient that was fitted. (The authors' rendering mixes the line's
    values at gradients 0 and 40 by clip(G / 80, 0, 1), half of that slope.)
    """
    rows, columns = grey.shape
    knots = rng.standard_normal((rows, int(columns / _KNOT_SPACING_PX) + 8))
    along = (np.arange(columns) / _KNOT_SPACING_PX)[None] + rng.uniform(3, 4, (rows, 1))
    across = np.broadcast_to(np.arange(rows)[:, None], along.shape)
    smooth = ndimage.map_coordinates(knots, [across, along], order=3) / _spline_sd()
    gradient = gradient_magnitude(ndimage.gaussian_filter(grey, SMOOTH_PX))
    steepness = np.minimum(gradient, MAX_GRADIENT)
    return smooth * np.maximum(parameters.scan_intercept + parameters.scan_slope * steepness, 0)


@cache
def _spline_sd() -> float:
    """SD, between knots of SD 1, of the cubic spline through them."""
    knots = np.zeros(41)
    knots[20] = 1
    steps = np.arange(10, 30, 1 / 64)
    return float(np.sqrt(np.sum(ndimage.map_coordinates(knots, [steps], order=3) ** 2) / 64))


def pointwise_noise(grey: np.ndarray, parameters: NoiseParameters, rng: np.random.Generator) -> np.ndarray:
    """Independent Tukey-lambda noise whose SD depends on the grey level."""
    sd = np.maximum(parameters.pointwise_intercept + parameters.pointwise_slope * grey, 0)
    u = rng.uniform(1e-9, 1 - 1e-9, grey.shape)
    return sd * stats.tukeylambda.ppf(u, parameters.tukey_lambda) / tukey_sd(parameters.tukey_lambda)


def tukey_sd(shape: float) -> float:
    """Standard deviation of the Tukey-lambda distribution of scale 1 (1.81 at 0, 1.45 at 0.14)."""
    return float(stats.tukeylambda.std(shape))
