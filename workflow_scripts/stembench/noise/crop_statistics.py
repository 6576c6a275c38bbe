"""What is compared of crops of real and synthetic images: statistics, and distances between two sets of crops."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, signal

from stembench.noise.decomposition import MAX_GRADIENT, SMOOTH_PX, gradient_magnitude
from stembench.noise.registration import DERIVATIVE, UNFILTERED, Registration, RowDisplacements

#: What real noise is compared with; each name is a row of the table.
NOISES = ("calibrated", "published", "temimagenet")
#: One half of the real crops against the other.
FLOOR = "real_halves"
#: Before the name of a dataset whose images are compared.
DATASET = "dataset: "

_CORRELATIONS = np.linspace(-1, 1, 81)  # edges
_HISTOGRAM = np.arange(-128, 128.5, 0.5)  # edges [grey]; what lies beyond counts as at the end
_GRADIENT_STEP = 3.0
_MIN_PIXELS_A_BIN = 200  # as in the published trend
_LAGS_PX = 8


@dataclass(frozen=True)
class Statistic:
    """A distance between two sets of crops.

    Attributes
    ----------
    label, unit : str
        For a figure; an empty unit is a number between 0 and 1 or a correlation.
    measure : callable
        Crops and their lattices, shape (crops, rows, columns) each [grey], to what is compared of each, shape (crops,
        ...).
    distance : callable
        Two such arrays to a number that is 0 for equals.
    of_noise : bool
        Whether it depends on noise alone, so that images of other crystals can be compared.
    """

    label: str
    unit: str
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray]
    distance: Callable[[np.ndarray, np.ndarray], float]
    of_noise: bool = False


def _row_spectrum(crops: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Mean power of the rows at each frequency above 0."""
    return signal.periodogram(crops, window="hann", axis=2)[1].mean(axis=1)[:, 1:]


def _column_spectrum(crops: np.ndarray, lattices: np.ndarray) -> np.ndarray:
    return _row_spectrum(crops.swapaxes(1, 2), lattices)


def _log_spectral_distance(first: np.ndarray, second: np.ndarray) -> float:
    """RMS over frequencies of the ratio of two mean power spectra [dB]; doi 10.1109/TASSP.1976.1162849."""
    return float(np.sqrt(np.mean((10 * np.log10(first.mean(0) / second.mean(0))) ** 2)))


def _pointwise_histogram(crops: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Histogram of the published decomposition's pointwise noise."""
    noise = crops - ndimage.gaussian_filter1d(crops, SMOOTH_PX, axis=2)
    noise = np.clip(noise, _HISTOGRAM[0], _HISTOGRAM[-1])
    return np.array([np.histogram(each, _HISTOGRAM)[0] for each in noise])


def _wasserstein_distance(first: np.ndarray, second: np.ndarray, edges: np.ndarray = _HISTOGRAM) -> float:
    """Area between two cumulative histograms, which is their Wasserstein-1 distance, in the unit of their edges."""
    first, second = (np.cumsum(each.sum(0)) / each.sum() for each in (first, second))
    return float(np.abs(first - second).sum() * (edges[1] - edges[0]))


def _scan_noise_moments(crops: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Pixels, sum and sum of squares of the published decomposition's scan noise in bins of the gradient."""
    edges = np.arange(0, MAX_GRADIENT + _GRADIENT_STEP / 2, _GRADIENT_STEP)
    moments = []
    for crop in crops:
        smooth = ndimage.gaussian_filter(crop, SMOOTH_PX)
        noise = ndimage.gaussian_filter1d(crop, SMOOTH_PX, axis=1) - smooth
        gradient = gradient_magnitude(smooth)
        moments.append([np.histogram(gradient, edges, weights=noise**power)[0] for power in (0, 1, 2)])
    return np.array(moments)


def _gradient_distance(first: np.ndarray, second: np.ndarray) -> float:
    """RMS difference of scan-noise SD over the gradients that both show [grey], each gradient counting the same."""
    moments = np.stack([first.sum(0), second.sum(0)])
    seen = (moments[:, 0] >= _MIN_PIXELS_A_BIN).all(axis=0)
    if not seen.any():
        return float("nan")  # too few crops
    shared = moments[:, :, seen]
    means, squares = shared[:, 1] / shared[:, 0], shared[:, 2] / shared[:, 0]
    sds = np.sqrt(np.maximum(squares - means**2, 0))
    return float(np.sqrt(np.mean((sds[0] - sds[1]) ** 2)))


def _autocovariance(crops: np.ndarray, _: np.ndarray) -> np.ndarray:
    """2-D autocovariance of what a Gaussian blur leaves, at lags of up to 8 px."""
    rest = crops - ndimage.gaussian_filter(crops, (0, SMOOTH_PX, SMOOTH_PX))
    rest -= rest.mean(axis=(1, 2), keepdims=True)
    lags = slice(crops.shape[1] - 1 - _LAGS_PX, crops.shape[1] + _LAGS_PX)
    return signal.fftconvolve(rest, rest[:, ::-1, ::-1], axes=(1, 2))[:, lags, lags]


def _autocorrelation_distance(first: np.ndarray, second: np.ndarray) -> float:
    """RMS difference of autocorrelation over the lags but zero."""
    first, second = (each.sum(0) / each.sum(0)[_LAGS_PX, _LAGS_PX] for each in (first, second))
    return float(np.sqrt(np.sum((first - second) ** 2) / (first.size - 1)))


def _registration(crops: np.ndarray, lattices: np.ndarray) -> np.ndarray:
    """Sums of the registration of each crop's rows, shape (crops, 20)."""
    sums = []
    for crop, lattice in zip(crops, lattices):
        registration = Registration.on(lattice, UNFILTERED)
        rows = RowDisplacements.of(registration.normal, registration.of(crop)[0])
        sums.append(np.append(rows.products.sum(0), rows.systems.sum(0).ravel()))
    return np.array(sums)


def _jitter_distance(first: np.ndarray, second: np.ndarray) -> float:
    """RMS difference of the SDs of row displacements along x and y [px]."""
    sds = []
    for sums in (first.sum(0), second.sum(0)):
        rows = RowDisplacements(sums[None, :4], sums[None, 4:].reshape(1, 4, 4))
        sds.append(np.sqrt(np.maximum(rows.variances(np.ones(1)), 0)))
    return float(np.sqrt(np.mean((sds[0] - sds[1]) ** 2)))


def _slope_correlations(crops: np.ndarray, lattices: np.ndarray) -> np.ndarray:
    """Histogram, for each crop, of the correlation of each row's residual with the x-gradient of its lattice.

    The gradient of a displaced row, times the displacement, is its residual: the correlation has its sign.
    """
    residual, slope = crops - lattices, ndimage.convolve1d(lattices, DERIVATIVE, axis=2)
    residual, slope = (each - each.mean(axis=2, keepdims=True) for each in (residual, slope))
    powers = (residual**2).sum(2) * (slope**2).sum(2)
    correlations = (residual * slope).sum(2) / np.sqrt(np.maximum(powers, 1e-12))
    return np.array([np.histogram(each, _CORRELATIONS)[0] for each in correlations])


def _correlation_distance(first: np.ndarray, second: np.ndarray) -> float:
    return _wasserstein_distance(first, second, _CORRELATIONS)


#: What is compared of crops. Calibration never fits the autocorrelation and the signed correlation.
STATISTICS = {
    "row_spectrum": Statistic("Row spectrum", "dB", _row_spectrum, _log_spectral_distance),
    "column_spectrum": Statistic("Column spectrum", "dB", _column_spectrum, _log_spectral_distance),
    "pointwise": Statistic(
        "Pointwise distribution", "grey", _pointwise_histogram, _wasserstein_distance, of_noise=True
    ),
    "gradient": Statistic("Gradient dependence", "grey", _scan_noise_moments, _gradient_distance, of_noise=True),
    "row_jitter": Statistic("Row jitter", "px", _registration, _jitter_distance, of_noise=True),
    "x_gradient": Statistic(
        "Correlation with the x-gradient", "", _slope_correlations, _correlation_distance, of_noise=True
    ),
    "autocorrelation": Statistic("2-D autocorrelation", "", _autocovariance, _autocorrelation_distance),
}
#: What learns to tell real from synthetic crops, by its label.
LEARNT = {"classifier": "Linear classifier", "network": "Small network"}
