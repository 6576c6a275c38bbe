"""How long the streaks of scan noise look, by their correlation along the row."""

from functools import cache

import numpy as np
from scipy import ndimage
from scipy.interpolate import CubicSpline

from stembench.noise.decomposition import SMOOTH_PX

_LAGS_PX = (5, 16)  # the one tells short streaks from correlated pixels, the other long ones from each other
_LENGTHS_PX = np.geomspace(2, 60, 69)
_LEAST_STREAKS = 0.02  # of the power that the blur passes


def row_products(rest: np.ndarray) -> np.ndarray:
    """Sums along each row of products that tell how noise is correlated.

    Parameters
    ----------
    rest : ndarray, shape (rows, columns)
        What displaced rows leave of the noise.

    Returns
    -------
    ndarray, shape (rows, 4)
        Of what a blur along the row passes: products 5 and 16 px apart, their mean, and squares. Of what the blur
        takes away: products of neighbours, and squares.
    """
    smooth = ndimage.gaussian_filter1d(rest, SMOOTH_PX, axis=1)
    rough = rest - smooth
    apart = np.mean([_products(smooth, lag) for lag in _LAGS_PX], axis=0)
    return np.stack([apart, _products(smooth, 0), _products(rough, 1), _products(rough, 0)], axis=1)


def _products(noise: np.ndarray, lag: int) -> np.ndarray:
    return np.einsum("rc,rc->r", noise[:, : noise.shape[1] - lag], noise[:, lag:])


def apparent_correlation(products: np.ndarray) -> np.ndarray:
    """How streaks and pixels look, from sums of `row_products`, shape (..., 4).

    Returns
    -------
    ndarray, shape (..., 2)
        The logarithm of the distance [px] of the knots of splines that are correlated as streaks are, where what the
        blur passes of the other noise is taken off as if that were white; and the correlation of neighbours in what the
        blur takes away.
    """
    apart, power, neighbours, rough = np.moveaxis(products, -1, 0)
    white = _WHITE_POWER * rough
    streaks = np.maximum(power - white, _LEAST_STREAKS * power)
    correlation = (apart - _WHITE_AT_LAGS * white) / np.maximum(streaks, 1e-12)
    lengths = np.interp(correlation, _correlations(), np.log(_LENGTHS_PX))
    return np.stack([lengths, neighbours / np.maximum(rough, 1e-12)], axis=-1)


def _white() -> tuple[float, float]:
    """Return the power of white noise that the blur passes over what it takes away, and its correlation at the lags."""
    impulse = np.zeros(8 * int(SMOOTH_PX) + 1)
    impulse[len(impulse) // 2] = 1
    passed = ndimage.gaussian_filter1d(impulse, SMOOTH_PX, mode="constant")
    products = np.correlate(passed, passed, "full")[len(passed) - 1 :]
    return float(products[0] / np.sum((impulse - passed) ** 2)), float(np.mean(products[list(_LAGS_PX)]) / products[0])


_WHITE_POWER, _WHITE_AT_LAGS = _white()


@cache
def _correlations() -> np.ndarray:
    """Mean correlation of blurred splines at the lags, by the distance of their knots."""
    reach, knots = 512, np.arange(-12, 13)
    places = np.arange(-reach, reach + 1)
    single = CubicSpline(knots, knots == 0)
    found = []
    for length in _LENGTHS_PX:
        inside = np.abs(places) <= 12 * length
        kernel = np.where(inside, single(np.clip(places / length, -12, 12)), 0)
        kernel = ndimage.gaussian_filter1d(kernel, SMOOTH_PX)
        products = np.correlate(kernel, kernel, "full")
        found.append(np.mean(products[len(kernel) - 1 + np.array(_LAGS_PX)]) / products[len(kernel) - 1])
    return np.array(found)
