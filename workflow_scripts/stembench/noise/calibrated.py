"""Noise of the `calibrated` recipe: scan and pointwise noise with the statistics of real images.

Source: SFIN, Li et al., CVPR 2025, arXiv 2504.02555, and its published code, on grey levels 0 to 255.
"""

from dataclasses import asdict, dataclass

import numpy as np
from scipy import ndimage
from scipy.interpolate import CubicSpline

from stembench.noise.decomposition import SMOOTH_PX, gradient_magnitude

_KNOT_SPACING_PX = 10.0
_SATURATION_GRADIENT = 40.0  # scan noise grows with the gradient up to clip(G / 80, 0, 1) = 1/2 [grey/px]


@dataclass(frozen=True)
class NoiseParameters:
    """Parameters of scan and pointwise noise, on grey levels 0 to 255.

    Attributes
    ----------
    scan_slope, scan_intercept : float
        SD of scan noise = intercept + slope * gradient magnitude [grey], gradient in grey/px.
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


def scan_noise(grey: np.ndarray, parameters: NoiseParameters, rng: np.random.Generator) -> np.ndarray:
    """Noise that is smooth along a row and independent from row to row; stronger where the image is steep."""
    rows, columns = grey.shape
    knots = np.arange(-_KNOT_SPACING_PX, columns + 2 * _KNOT_SPACING_PX, _KNOT_SPACING_PX)
    phase = rng.uniform(0, _KNOT_SPACING_PX)
    smooth = CubicSpline(knots - phase, rng.standard_normal((len(knots), rows)))(np.arange(columns)).T
    gradient = gradient_magnitude(ndimage.gaussian_filter(grey, SMOOTH_PX))
    steepness = np.minimum(gradient, 2 * _SATURATION_GRADIENT)
    return smooth * np.maximum(parameters.scan_intercept + parameters.scan_slope * steepness, 0)


def pointwise_noise(grey: np.ndarray, parameters: NoiseParameters, rng: np.random.Generator) -> np.ndarray:
    """Independent Tukey-lambda noise whose SD depends on the grey level."""
    sd = np.maximum(parameters.pointwise_intercept + parameters.pointwise_slope * grey, 0)
    u = rng.uniform(1e-9, 1 - 1e-9, grey.shape)
    return sd * tukey_quantile(u, parameters.tukey_lambda) / tukey_sd(parameters.tukey_lambda)


def tukey_quantile(u: np.ndarray, shape: float) -> np.ndarray:
    """Quantile function of the Tukey-lambda distribution, (u^l - (1 - u)^l) / l, of scale 1."""
    if abs(shape) < 1e-6:
        return np.log(u / (1 - u))
    return (u**shape - (1 - u) ** shape) / shape


def tukey_sd(shape: float) -> float:
    """Standard deviation of the Tukey-lambda distribution of scale 1 (1.81 at 0, 1.45 at 0.14)."""
    from scipy.stats import tukeylambda

    return float(tukeylambda.std(shape))
