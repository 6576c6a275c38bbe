"""Cubic B-splines on regular knots, the smooth part of every noise model."""

import numpy as np


def cubic_weights(after: np.ndarray) -> np.ndarray:
    """Weights of the knots at -1, 0, 1 and 2 for places `after` the knot 0, between 0 and 1; shape (..., 4)."""
    t = np.asarray(after)[..., None]
    before = 1 - t
    outer = [before**3, t**3]
    inner = [4 - 6 * t**2 + 3 * t**3, 4 - 6 * before**2 + 3 * before**3]
    return np.concatenate([outer[0], inner[0], inner[1], outer[1]], axis=-1) / 6


def cubic_basis(places: np.ndarray, knots: int) -> np.ndarray:
    """Matrix from knot coefficients to the spline's values.

    Parameters
    ----------
    places : ndarray, shape (points,)
        In units of the knots' spacing, between 1 and knots - 2.
    knots : int
        How many there are, at 0, 1, 2, ...

    Returns
    -------
    ndarray, shape (points, knots)
    """
    start = np.floor(places).astype(int)
    basis = np.zeros((len(places), knots))
    np.put_along_axis(basis, start[:, None] + np.arange(-1, 3), cubic_weights(places - start), axis=1)
    return basis
