"""How noise is correlated along the rows: by streaks, which are smooth splines, and by neighbouring pixels."""

from functools import cache

import numpy as np
from scipy.interpolate import CubicSpline

_LAGS_PX = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32])
_LENGTHS_PX = np.geomspace(3, 40, 40)
_PIXEL_CORRELATIONS = np.linspace(-0.5, 0.9, 29)
_STEPS = 20  # between two knots
_REACH = 12  # knots


def row_products(noise: np.ndarray) -> np.ndarray:
    """Mean products of the pixels of each row that are 0, 1, 2, 3, 4, 6, 8, 12, 16, 24 and 32 px apart.

    Parameters
    ----------
    noise : ndarray, shape (rows, columns)
        At least 64 px wide.

    Returns
    -------
    ndarray, shape (rows, 11)
    """
    columns = noise.shape[1]
    pairs = ((noise[:, : columns - lag], noise[:, lag:], columns - lag) for lag in (0, *_LAGS_PX))
    return np.stack([np.einsum("rc,rc->r", first, second) / count for first, second, count in pairs], axis=1)


def correlations(products: np.ndarray) -> np.ndarray:
    """Correlation of pixels that are 1 px and more apart, shape (..., 10), from sums of `row_products`."""
    return products[..., 1:] / np.maximum(products[..., :1], 1e-12)


def first_guess(correlation: np.ndarray) -> tuple[float, float]:
    """The length of streaks [px] and the correlation of neighbouring pixels that explain `correlations` best.

    Any share of the noise may be streaks. The length is the distance of the knots of splines.
    """
    streaks = np.interp(_LAGS_PX / _LENGTHS_PX[:, None], np.arange(_STEPS * _REACH) / _STEPS, _spline_correlation())
    pixels = _PIXEL_CORRELATIONS[:, None] ** _LAGS_PX
    apart = streaks[:, None] - pixels
    share = np.sum(apart * (correlation - pixels), -1) / np.sum(apart**2, -1)
    missed = correlation - pixels - np.clip(share, 0, 1)[..., None] * apart
    length, pixel = np.unravel_index(np.argmin(np.sum(missed**2, -1)), share.shape)
    return float(_LENGTHS_PX[length]), float(_PIXEL_CORRELATIONS[pixel])


@cache
def _spline_correlation() -> np.ndarray:
    """Correlation, at steps of a twentieth of their distance, of splines through independent knots."""
    knots = np.arange(-_REACH, _REACH + 1)
    places = np.arange(-_REACH * _STEPS, _REACH * _STEPS + 1) / _STEPS
    single = CubicSpline(knots, knots == 0)(places)
    products = np.correlate(single, single, "full")[len(single) - 1 :]
    return products[: _STEPS * _REACH] / products[0]
