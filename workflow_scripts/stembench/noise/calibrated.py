"""Noise of the `calibrated` recipe: rows are displaced, then scan and pointwise noise are added.

Source of the latter: SFIN, Li et al., CVPR 2025, arXiv 2504.02555, and its published code, on grey levels 0 to 255. It
has no displacement of rows, streaks of one length and independent pixels; here these are parameters.
"""

from dataclasses import asdict, dataclass

import numpy as np
import scipy  # whose `signal` takes long to load: it does where it is used
from scipy import ndimage
from scipy.interpolate import CubicSpline

from stembench.errors import InputError
from stembench.noise.decomposition import GREY_PERCENTILES, MAX_GRADIENT, SMOOTH_PX, gradient_magnitude, tukey_sd
from stembench.noise.physical import shifted_rows
from stembench.noise.splines import cubic_weights

#: Shortest and longest streaks that are told from other noise: knots of scan noise are as far apart [px].
STREAK_RANGE_PX = (3.0, 40.0)
_FIRST_ROOM = 0.16  # of the scale at either end for noise, to begin with
_CONTRAST_STEPS = 4
_SPLINE_STEPS = 10  # between two knots, at which the spline is tabulated
_MIN_CONTRAST = 20.0  # grey levels between the darkest and the brightest of a clean image


@dataclass(frozen=True)
class NoiseParameters:
    """Parameters of row displacements, scan and pointwise noise, on grey levels 0 to 255.

    The last four are those of the published noise unless they are given.

    Attributes
    ----------
    scan_slope, scan_intercept : float
        SD of scan noise = intercept + slope * gradient magnitude [grey], the gradient as
        `decomposition.gradient_magnitude` gives it.
    pointwise_slope, pointwise_intercept : float
        SD of pointwise noise = intercept + slope * grey level [grey].
    tukey_lambda : float
        Shape of the pointwise distribution (0.14 is nearly Gaussian), above -0.5, where its SD is finite.
    streak_px : float
        Length of streaks: distance of the knots of scan noise along a row [px].
    pixel_correlation : float
        Correlation of the pointwise noise of neighbours in a row, which falls exponentially with their distance: that
        of an afterglow of this fraction.
    jitter_x_px, jitter_y_px : float
        SD of the displacement of single rows, along the row and across it [px].
    """

    scan_slope: float
    scan_intercept: float
    pointwise_slope: float
    pointwise_intercept: float
    tukey_lambda: float
    streak_px: float = 10.0
    pixel_correlation: float = 0.0
    jitter_x_px: float = 0.0
    jitter_y_px: float = 0.0

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


@dataclass(frozen=True)
class NoiseDraws:
    """Random numbers of an image's noise, which parameters scale.

    Attributes
    ----------
    rows : ndarray, shape (rows, 2)
        Normal: displacements.
    knots, starts : ndarray, shapes (rows, knots) and (rows, 1)
        Spline coefficients of streaks, and where between two knots a row begins.
    uniform : ndarray, shape (rows, columns)
        Probabilities of pointwise noise.
    """

    rows: np.ndarray
    knots: np.ndarray
    starts: np.ndarray
    uniform: np.ndarray

    @classmethod
    def of(cls, shape: tuple[int, int], rng: np.random.Generator) -> "NoiseDraws":
        """Draw them for an image of a shape."""
        rows = rng.standard_normal((shape[0], 2))
        return cls(rows, *_streak_draws(shape, rng), uniform_variates(shape, rng))

    def shifts(self, parameters: NoiseParameters) -> np.ndarray:
        """Displacements of rows, shape (rows, 2) [px]."""
        return self.rows * [parameters.jitter_x_px, parameters.jitter_y_px]

    def streaks(self, parameters: NoiseParameters) -> np.ndarray:
        """Scan noise of SD 1."""
        return _streaks(self.knots, self.starts, self.uniform.shape[1], parameters.streak_px)

    def points(self, parameters: NoiseParameters) -> np.ndarray:
        """Pointwise noise of SD 1."""
        points, correlation = tukey_variates(self.uniform, parameters.tukey_lambda), parameters.pixel_correlation
        if not correlation:
            return points
        points[:, 1:] *= np.sqrt(1 - correlation**2)
        return scipy.signal.lfilter([1], [1, -correlation], points, axis=1)


def with_noise(
    displaced: np.ndarray,
    gradient: np.ndarray,
    streaks: np.ndarray,
    points: np.ndarray,
    parameters: NoiseParameters,
) -> np.ndarray:
    """Scan and pointwise noise on an image whose rows are displaced; the gradient is that of the image at rest."""
    scanned = displaced + streaks * parameters.scan_sd(gradient)
    return scanned + points * parameters.pointwise_sd(scanned)


def calibrated_noise(grey: np.ndarray, parameters: NoiseParameters, rng: np.random.Generator) -> np.ndarray:
    """A noise-free image whose rows are displaced, with scan noise, then pointwise noise.

    Parameters
    ----------
    grey : ndarray, shape (rows, columns)
        Grey levels on the 0 to 255 scale; the scan is along the rows. It is mirrored at its border.
    parameters : NoiseParameters
        What to draw.
    rng : numpy.random.Generator
        Source of randomness.
    """
    draws = NoiseDraws.of(grey.shape, rng)
    displaced = shifted_rows(grey, draws.shifts(parameters))
    return with_noise(displaced, smooth_gradient(grey), draws.streaks(parameters), draws.points(parameters), parameters)


def noisy_at_full_range(
    clean: np.ndarray,
    displaced: np.ndarray,
    parameters: NoiseParameters,
    rng: np.random.Generator,
    grey_ends: tuple[float, float] = (0.0, 255.0),
) -> tuple[np.ndarray, tuple[float, float]]:
    """Scan and pointwise noise on a clean image whose contrast is such that the noisy one fills the grey scale.

    Parameters were calibrated on an image whose percentiles `GREY_PERCENTILES` are certain grey levels, so the noisy
    image has to have them there; the clean image's lowest and highest level are found by fixed-point iteration, the
    noise being drawn once.

    Parameters
    ----------
    clean : ndarray, shape (rows, columns)
        Values between 0 and 1.
    displaced : ndarray, shape (rows, columns)
        The same with its rows displaced.
    parameters : NoiseParameters
        What to draw.
    rng : numpy.random.Generator
        Source of randomness.
    grey_ends : tuple of float
        Grey levels of those percentiles.

    Returns
    -------
    noisy : ndarray, shape (rows, columns)
        Grey levels.
    clean_ends : tuple of float
        Grey levels of 0 and 1 of the clean image.

    Raises
    ------
    InputError
        If the noise alone is wider than the grey scale.
    """
    gradient = smooth_gradient(clean)
    draws = NoiseDraws.of(clean.shape, rng)
    streaks, points = draws.streaks(parameters), draws.points(parameters)
    room = _FIRST_ROOM * (grey_ends[1] - grey_ends[0])
    low, high = grey_ends[0] + room, grey_ends[1] - room
    for _ in range(_CONTRAST_STEPS):
        clean_ends, contrast = (float(low), float(high)), high - low
        noisy = with_noise(low + contrast * displaced, contrast * gradient, streaks, points, parameters)
        ends = np.percentile(noisy, GREY_PERCENTILES)
        low, high = low + grey_ends[0] - ends[0], high + grey_ends[1] - ends[1]
        if high - low < _MIN_CONTRAST:
            raise InputError(
                f"the calibrated noise {parameters} leaves no room for an image between grey levels {grey_ends}; "
                f"calibrate on an image with more contrast (calibration.instruments)"
            )
    return noisy, clean_ends


def smooth_gradient(grey: np.ndarray) -> np.ndarray:
    """Gradient magnitude of the blurred image, of which the SD of scan noise is a function."""
    return gradient_magnitude(ndimage.gaussian_filter(grey, SMOOTH_PX))


def unit_streaks(shape: tuple[int, int], rng: np.random.Generator, streak_px: float = 10.0) -> np.ndarray:
    """Scan noise of mean SD 1: along each row a cubic spline through Gaussian knots, the first at a random place."""
    return _streaks(*_streak_draws(shape, rng), shape[1], streak_px)


def streak_correlation(distance: np.ndarray) -> np.ndarray:
    """Correlation of scan noise within a row, at distances in units of `streak_px`."""
    return np.interp(np.abs(distance), np.arange(len(_CORRELATION)) / _SPLINE_STEPS, _CORRELATION, right=0.0)


def _streak_draws(shape: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Spline coefficients of knots that are enough for the shortest streaks, and where rows begin."""
    knots = rng.standard_normal((shape[0], int(shape[1] / STREAK_RANGE_PX[0]) + 6))
    return ndimage.spline_filter1d(knots, 3, axis=1, mode="mirror"), rng.random((shape[0], 1))


def _streaks(knots: np.ndarray, starts: np.ndarray, columns: int, spacing: float) -> np.ndarray:
    places = 2 + starts + np.arange(columns) / spacing
    before = places.astype(int)
    weights = cubic_weights(places - before)
    taps = (np.take_along_axis(knots, before + tap - 1, axis=1) for tap in range(4))
    return sum(weights[..., tap] * each for tap, each in enumerate(taps)) / SPLINE_SD


def _spline_covariance() -> np.ndarray:
    """Of the cubic spline through knots of SD 1 with itself at steps apart: that of the spline through a single one."""
    knots = np.arange(41)
    single = CubicSpline(knots, knots == 20)(np.arange(10, 30, 1 / _SPLINE_STEPS))
    return np.correlate(single, single, "full")[len(single) - 1 :] / _SPLINE_STEPS


_COVARIANCE = _spline_covariance()
_CORRELATION = _COVARIANCE / _COVARIANCE[0]
#: Of scan noise between knots of SD 1.
SPLINE_SD = float(np.sqrt(_COVARIANCE[0]))


def uniform_variates(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Uniform between 0 and 1, neither included."""
    return rng.uniform(1e-9, 1 - 1e-9, shape)


def tukey_variates(u: np.ndarray, shape: float) -> np.ndarray:
    """Tukey-lambda variates of SD 1 at probabilities `u`."""
    quantile = np.log(u / (1 - u)) if shape == 0 else (u**shape - (1 - u) ** shape) / shape
    return quantile / tukey_sd(shape)
