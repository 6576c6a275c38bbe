"""Cramer-Rao lower bound on column positions under Poisson noise."""

from collections.abc import Iterable
from functools import lru_cache

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
    pixels = np.arange(expected.size).reshape(expected.shape)
    rows = []
    for j, (position, peak) in enumerate(zip(positions, peaks)):
        profile = _profile(probe, float(thermal_b[j]))
        window = np.ix_(*(np.abs(axis - centre) <= _REACH_A for axis, centre in ((y, position[1]), (x, position[0]))))
        at = (y[window[0][:, 0]] - position[1], x[window[1][0]] - position[0])
        for derivative in (-peak * profile(*at, dy=1), -peak * profile(*at, dx=1), profile(*at)):
            rows.append((pixels[window].ravel(), derivative.ravel()))
    variances = _variances(rows, expected)
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
    pixels = np.arange(expected.size).reshape(expected.shape)
    rows = []
    for (x0, y0), amplitude, width in zip(positions, amplitudes, widths):
        window = np.ix_(*(np.abs(axis - centre) <= _REACH_WIDTHS * width for axis, centre in ((y, y0), (x, x0))))
        v, u = (window[0] - y0) / width, (window[1] - x0) / width
        gaussian = np.exp(-(u**2 + v**2) / 2)
        slope = amplitude / width * gaussian
        for derivative in (slope * u, slope * v, gaussian, slope * (u**2 + v**2)):
            rows.append((pixels[window].ravel(), derivative.ravel()))
    variances = _variances(rows, expected)
    return np.sqrt(np.stack([variances[0::4], variances[1::4]], axis=1))


def _variances(derivatives: Iterable[tuple[np.ndarray, np.ndarray]], expected: np.ndarray) -> np.ndarray:
    """Bound of each parameter's variance, a constant background unknown as well.

    A derivative is given by the pixels (of the flat image) where it is not zero and by its values there.
    """
    rows = [*derivatives, (np.arange(expected.size), np.ones(expected.size))]
    columns, values = (np.concatenate(part) for part in zip(*rows))
    starts = np.cumsum([0, *(len(row[0]) for row in rows)])
    weights = 1 / np.sqrt(np.maximum(expected, 1e-9)).ravel()
    weighted = sparse.csr_array((values * weights[columns], columns, starts), shape=(len(rows), expected.size))
    information = (weighted @ weighted.T).tocsc()
    scale = 1 / np.sqrt(np.maximum(information.diagonal(), 1e-12))
    correlation = information * scale * scale[:, None] + 1e-9 * sparse.eye_array(len(rows), format="csc")
    factors = splu(correlation.tocsc())
    inverse_diagonal = np.empty(len(rows) - 1)
    for first in range(0, len(rows) - 1, _SOLVED_AT_ONCE):
        chosen = np.arange(first, min(first + _SOLVED_AT_ONCE, len(rows) - 1))
        units = np.zeros((len(rows), len(chosen)))
        units[chosen, chosen - first] = 1
        inverse_diagonal[chosen] = factors.solve(units)[chosen, chosen - first]
    return inverse_diagonal * scale[:-1] ** 2


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
