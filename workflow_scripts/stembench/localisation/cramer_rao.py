"""Cramer-Rao lower bound on column positions under Poisson noise."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.interpolate import RectBivariateSpline
from scipy.sparse.linalg import splu

from stembench.imaging.column_peak import peak_intensity
from stembench.imaging.linear import linear_image
from stembench.imaging.probe import Probe

_REACH_A = 4.0  # a column's intensity beyond this tells nothing about its position
_STEP_A = 0.05
_REACH_WIDTHS = 4.0  # the same of a Gaussian
_SOLVED_AT_ONCE = 256
_TILE = 32  # edge [px]


class _Derivatives(NamedTuple):
    """Derivatives of the expected counts with respect to the parameters of a column, in a window of the image."""

    rows: slice
    columns: slice
    values: np.ndarray  # shape (parameters, y, x)


def position_bound(
    expected: np.ndarray,
    positions: np.ndarray,
    peaks: np.ndarray,
    thermal_b: np.ndarray,
    probe: Probe,
    pixel_size: float,
) -> np.ndarray:
    """Smallest standard error of each column's position that an unbiased estimator can have.

    From the joint Fisher information of all positions and peak heights and of a constant background, sum over pixels
    of (d lambda / d a)(d lambda / d b) / lambda (van den Bos & den Dekker, Adv. Imaging Electron Phys. 117, 207
    (2001), doi 10.1016/S1076-5670(01)80114-2). The probe and the thermal broadening are taken as known.

    Parameters
    ----------
    expected : ndarray, shape (y, x)
        Expected counts, background included.
    positions : ndarray, shape (columns, 2)
        x and y [A].
    peaks : ndarray, shape (columns,)
        Expected counts at each column's centre from itself alone.
    thermal_b : ndarray, shape (columns,)
        Isotropic B [A^2].
    probe : Probe
        Probe and source.
    pixel_size : float
        [A].

    Returns
    -------
    ndarray, shape (columns,)
        Root mean square over the two axes [pm].
    """
    y, x = (np.arange(n) * pixel_size for n in expected.shape)
    derivatives = []
    for j, (position, peak) in enumerate(zip(positions, peaks)):
        profile = _profile(probe, float(thermal_b[j]))
        rows, columns = _within(y, position[1], _REACH_A), _within(x, position[0], _REACH_A)
        at = (y[rows] - position[1], x[columns] - position[0])
        values = np.stack([-peak * profile(*at, dy=1), -peak * profile(*at, dx=1), profile(*at)])
        derivatives.append(_Derivatives(rows, columns, values))
    variances = _variances(derivatives, expected)
    return 100 * np.sqrt((variances[0::3] + variances[1::3]) / 2)


def gaussian_position_bound(
    expected: np.ndarray, positions: np.ndarray, amplitudes: np.ndarray, widths: np.ndarray
) -> np.ndarray:
    """Return the Cramer-Rao bound of the positions of Gaussian columns with unknown heights and widths.

    Parameters
    ----------
    expected : ndarray, shape (y, x)
        Expected counts, background included.
    positions : ndarray, shape (columns, 2)
        x and y [px].
    amplitudes : ndarray, shape (columns,)
        Expected counts at the centre of each column, without background and other columns.
    widths : ndarray, shape (columns,)
        Standard deviations of the Gaussians [px].

    Returns
    -------
    ndarray, shape (columns, 2)
        Smallest standard error of x and y [px] that an unbiased estimate can have.
    """
    y, x = (np.arange(n) for n in expected.shape)
    derivatives = []
    for (x0, y0), amplitude, width in zip(positions, amplitudes, widths):
        rows, columns = _within(y, y0, _REACH_WIDTHS * width), _within(x, x0, _REACH_WIDTHS * width)
        v, u = (y[rows, None] - y0) / width, (x[columns] - x0) / width
        gaussian = np.exp(-(u**2 + v**2) / 2)
        slope = amplitude / width * gaussian
        values = np.stack([slope * u, slope * v, gaussian, slope * (u**2 + v**2)])
        derivatives.append(_Derivatives(rows, columns, values))
    variances = _variances(derivatives, expected)
    return np.sqrt(np.stack([variances[0::4], variances[1::4]], axis=1))


def _within(axis: np.ndarray, centre: float, reach: float) -> slice:
    """Range of an ascending axis that is no farther than `reach` from `centre`."""
    inside = np.flatnonzero(np.abs(axis - centre) <= reach)
    return slice(inside[0], inside[-1] + 1) if len(inside) else slice(0, 0)


def _variances(derivatives: Sequence[_Derivatives], expected: np.ndarray) -> np.ndarray:
    """Bound of each parameter's variance, a constant background unknown as well."""
    information = _information(derivatives, expected)
    size = information.shape[0]
    scale = 1 / np.sqrt(np.maximum(information.diagonal(), 1e-12))
    correlation = information * scale * scale[:, None] + 1e-9 * sparse.eye_array(size, format="csc")
    factors = splu(correlation.tocsc())
    inverse_diagonal = np.empty(size - 1)
    for first in range(0, size - 1, _SOLVED_AT_ONCE):
        chosen = np.arange(first, min(first + _SOLVED_AT_ONCE, size - 1))
        units = np.zeros((size, len(chosen)))
        units[chosen, chosen - first] = 1
        inverse_diagonal[chosen] = factors.solve(units)[chosen, chosen - first]
    return inverse_diagonal * scale[:-1] ** 2


def _information(derivatives: Sequence[_Derivatives], expected: np.ndarray) -> sparse.csc_array:
    """Fisher information of the parameters of all columns and of a constant background, which comes last.

    Summed over the tiles of the image: in each, one dense product of the columns that reach into it.
    """
    count = len(derivatives[0].values)
    weights = 1 / np.sqrt(np.maximum(expected, 1e-9))
    spans = np.array([(w.rows.start, w.rows.stop, w.columns.start, w.columns.stop) for w in derivatives])
    size = count * len(derivatives) + 1
    rows, columns, sums = [], [], []
    for top in range(0, expected.shape[0], _TILE):
        for left in range(0, expected.shape[1], _TILE):
            weight = weights[top : top + _TILE, left : left + _TILE]
            bottom, right = top + weight.shape[0], left + weight.shape[1]
            near = np.flatnonzero(
                (spans[:, 0] < bottom) & (spans[:, 1] > top) & (spans[:, 2] < right) & (spans[:, 3] > left)
            )
            tile = np.zeros((count * len(near) + 1, *weight.shape))
            for i, (first_y, last_y, first_x, last_x) in enumerate(spans[near]):
                y0, y1, x0, x1 = max(first_y, top), min(last_y, bottom), max(first_x, left), min(last_x, right)
                seen = derivatives[near[i]].values[:, y0 - first_y : y1 - first_y, x0 - first_x : x1 - first_x]
                tile[count * i : count * (i + 1), y0 - top : y1 - top, x0 - left : x1 - left] = seen
            tile[-1] = 1
            flat = (tile * weight).reshape(len(tile), -1)
            parameters = np.append((count * near[:, None] + np.arange(count)).ravel(), size - 1)
            rows.append(np.repeat(parameters, len(parameters)))
            columns.append(np.tile(parameters, len(parameters)))
            sums.append((flat @ flat.T).ravel())
    entries = (np.concatenate(sums), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.coo_array(entries, shape=(size, size)).tocsc()


@lru_cache(maxsize=256)
def _profile(probe: Probe, thermal_b: float) -> RectBivariateSpline:
    """Image of one column of peak 1 as a function of (y, x) from its centre."""
    half = int(_REACH_A / _STEP_A) + 2
    centre = np.full((1, 2), half * _STEP_A)
    size = 2 * half + 1
    image = linear_image(centre, np.ones(1), np.full(1, thermal_b), probe, (size, size), _STEP_A)
    image /= peak_intensity(probe, np.array(thermal_b))
    axis = (np.arange(size) - half) * _STEP_A
    return RectBivariateSpline(axis, axis, image)
