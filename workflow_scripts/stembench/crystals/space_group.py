"""The symmetry operations that a periodic arrangement of points has."""

from collections.abc import Iterator
from itertools import product

import numpy as np

_PARTS = slice(3), slice(None)


def shifts_with(
    turn: np.ndarray, places: np.ndarray, kinds: np.ndarray, lattice: np.ndarray, tolerance: float
) -> Iterator[np.ndarray]:
    """Find the shifts that make a lattice's rotation or reflection take points to points of their kind.

    Parameters
    ----------
    turn : ndarray of int, shape (dimensions, dimensions)
        One of `lattice_symmetries`.
    places : ndarray, shape (points, dimensions)
        Fractions of the lattice vectors.
    kinds : ndarray of int, shape (points,)
        What tells points apart: numbers from 0 up, all in use.
    lattice : ndarray, shape (dimensions, dimensions)
        Lattice vectors as rows, reduced [A].
    tolerance : float
        Largest distance from a point's image to a point [A].

    Yields
    ------
    ndarray, shape (dimensions,)
        Fractions; a row vector of fractions goes to itself times `turn` plus the shift.
    """
    own = places[kinds == np.bincount(kinds).argmin()]
    for target in own:
        shift = (target - own[0] @ turn) % 1
        moved = places @ turn + shift
        # A few atoms refuse most candidates.
        if all(_same(moved[part], kinds[part], places, kinds, lattice, tolerance) for part in _PARTS):
            yield shift


def lattice_symmetries(lattice: np.ndarray, tolerance: float) -> Iterator[np.ndarray]:
    """Find the integer matrices that keep the lengths and angles of reduced lattice vectors, within a tolerance [A].

    Their entries are -1, 0 and 1.
    """
    entries = np.array(list(product((-1, 0, 1), repeat=len(lattice))))
    lengths, metric = np.linalg.norm(entries @ lattice, axis=1), lattice @ lattice.T
    own = np.linalg.norm(lattice, axis=1)
    # The angle of two vectors may differ by what moves their ends by the tolerance.
    allowed = tolerance * np.sqrt(np.multiply.outer(own, own))
    for turn in product(*(entries[np.abs(lengths - length) < tolerance] for length in own)):
        images = np.array(turn) @ lattice
        if np.all(np.abs(images @ images.T - metric) < allowed):
            yield np.array(turn)


def _same(
    moved: np.ndarray,
    moved_kinds: np.ndarray,
    places: np.ndarray,
    kinds: np.ndarray,
    lattice: np.ndarray,
    tolerance: float,
) -> bool:
    apart = moved[:, None] - places
    distances = np.linalg.norm((apart - np.round(apart)) @ lattice, axis=-1)
    distances[moved_kinds[:, None] != kinds] = np.inf
    return bool(np.all(distances.min(axis=1) < tolerance))
