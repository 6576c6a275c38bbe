"""Noise of the `calibrated` recipe: scan and pointwise noise with the statistics of real images.

Source: SFIN, Li et al., CVPR 2025, arXiv 2504.02555, and its published code, on grey levels 0 to 255.
"""

from dataclasses import asdict, dataclass

import numpy as np
from scipy import ndimage
from scipy.interpolate import CubicSpline

from stembench.errors import InputError
from stembench.noise.decomposition import GREY_PERCENTILES, MAX_GRADIENT, SMOOTH_PX, gradient_magnitude, tukey_sd

_KNOT_SPACING_PX = 10
_FIRST_ROOM = 0.16  # of the scale at either end for noise, to begin with
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
        Shape of the pointwise distribution (0.14 is nearly Gaussian), above -0.5, where its SD is finite.
    """

    scan_slope: float
    scan_intercept: float
    pointwise_slope: float
    pointwise_intercept: float
    tukey_lambda: float

    def to_dict(self) -> dict[str, float]:
        """As plain numbers."""
        return asdict(self)

    def scan_sd(self, gradient: np.ndarray) -> np.ndarray:
        """SD of scan noise [grey] at gradient magnitudes; the line ends at the steepest gradient that is fitted.

        (The authors' rendering mixes the line's values at gradients 0 and 40 by clip(G / 80, 0, 1), half of that
        slope.)
        """
        return np.maximum(self.scan_intercept + self.scan_slope * np.minimum(gradient, MAX_GRADIENT), 0)

    def pointwise_sd(self, grey: np.ndarray) -> np.ndarray:
        """SD of pointwise noise [grey] at grey levels."""
        return np.maximum(self.pointwise_intercept + self.pointwise_slope * grey, 0)


#: Published parameters by detector (mean over the authors' images, arXiv 2504.02555 and its code): the pointwise rows
#: are printed as Tukey scales and turned into SDs here.
PUBLISHED = {
    "HAADF": NoiseParameters(0.0982, 4.41, 0.05 * tukey_sd(0.04), 6.35 * tukey_sd(0.04), 0.04),
    "BF": NoiseParameters(0.04, 6.2, -0.02 * tukey_sd(0.38), 17.03 * tukey_sd(0.38), 0.38),
}


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


def noisy_at_full_range(
    clean: np.ndarray,
    parameters: NoiseParameters,
    rng: np.random.Generator,
    grey_ends: tuple[float, float] = (0.0, 255.0),
) -> np.ndarray:
    """Calibrated noise on a clean image whose contrast is such that the noisy one fills the grey scale.

    Parameters were calibrated on an image whose percentiles `GREY_PERCENTILES` are certain grey levels, so the noisy
    image has to have them there; the clean image's lowest and highest level are found by fixed-point iteration, the
    noise being drawn once.

    Parameters
    ----------
    clean : ndarray, shape (rows, columns)
        Values between 0 and 1.
    parameters : NoiseParameters
        What to draw.
    rng : numpy.random.Generator
        Source of randomness.
    grey_ends : tuple of float
        Grey levels of those percentiles.

    Raises
    ------
    InputError
        If the noise alone is wider than the grey scale.
    """
    gradient = smooth_gradient(clean)
    streaks = unit_streaks(clean.shape, rng)
    points = tukey_variates(uniform_variates(clean.shape, rng), parameters.tukey_lambda)
    room = _FIRST_ROOM * (grey_ends[1] - grey_ends[0])
    low, high = grey_ends[0] + room, grey_ends[1] - room
    for _ in range(_CONTRAST_STEPS):
        contrast = high - low
        scanned = low + contrast * clean + streaks * parameters.scan_sd(contrast * gradient)
        noisy = scanned + points * parameters.pointwise_sd(scanned)
        ends = np.percentile(noisy, GREY_PERCENTILES)
        low, high = low + grey_ends[0] - ends[0], high + grey_ends[1] - ends[1]
        if high - low < _MIN_CONTRAST:
            raise InputError(
                f"the calibrated noise {parameters} leaves no room for an image between grey levels {grey_ends}; "
                f"calibrate on an image with more contrast (calibration.instruments)"
            )
    return noisy


def scan_noise(grey: np.ndarray, parameters: NoiseParameters, rng: np.random.Generator) -> np.ndarray:
    """Noise that is smooth along a row and independent from row to row; stronger where the image is steep."""
    return unit_streaks(grey.shape, rng) * parameters.scan_sd(smooth_gradient(grey))


def pointwise_noise(grey: np.ndarray, parameters: NoiseParameters, rng: np.random.Generator) -> np.ndarray:
    """Independent Tukey-lambda noise whose SD depends on the grey level."""
    u = uniform_variates(grey.shape, rng)
    return parameters.pointwise_sd(grey) * tukey_variates(u, parameters.tukey_lambda)


def smooth_gradient(grey: np.ndarray) -> np.ndarray:
    """Gradient magnitude of the blurred image, of which the SD of scan noise is a function."""
    return gradient_magnitude(ndimage.gaussian_filter(grey, SMOOTH_PX))


def unit_streaks(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Scan noise of mean SD 1: along each row a cubic spline through Gaussian knots, 10 px apart, the first of them
    at a random pixel."""
    rows, columns = shape
    knots = rng.standard_normal((rows, columns // _KNOT_SPACING_PX + 6))
    steps = np.arange(2 * _KNOT_SPACING_PX, columns + 3 * _KNOT_SPACING_PX) / _KNOT_SPACING_PX
    spline = CubicSpline(np.arange(knots.shape[1]), knots, axis=1)(steps)
    starts = rng.integers(_KNOT_SPACING_PX, size=(rows, 1))
    return np.take_along_axis(spline, starts + np.arange(columns), axis=1) / SPLINE_SD


def _spline_sd() -> float:
    """SD, between knots of SD 1, of the cubic spline through them: that of the spline through a single one."""
    knots = np.arange(41)
    single = CubicSpline(knots, knots == 20)(np.arange(10, 30, 1 / _KNOT_SPACING_PX))
    return float(np.sqrt(np.sum(single**2) / _KNOT_SPACING_PX))


#: Of scan noise between knots of SD 1.
SPLINE_SD = _spline_sd()


def uniform_variates(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Uniform between 0 and 1, neither included."""
    return rng.uniform(1e-9, 1 - 1e-9, shape)


def tukey_variates(u: np.ndarray, shape: float) -> np.ndarray:
    """Tukey-lambda variates of SD 1 at probabilities `u`."""
    quantile = np.log(u / (1 - u)) if shape == 0 else (u**shape - (1 - u) ** shape) / shape
    return quantile / tukey_sd(shape)
