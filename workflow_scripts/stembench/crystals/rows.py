"""Rows of a projected lattice, the traces of the lattice planes that contain the beam."""

from math import gcd

import numpy as np

from stembench.crystals.facets import Symmetry
from stembench.crystals.projection import Projection

_LARGEST_INDEX = 3
_EQUALLY_SHORT = 1.05
_SYMMETRIC = 0.01


def lattice_rows(projection: Projection) -> list[tuple[int, int]]:
    """Return the shortest lattice vectors in different directions, as multiples of the projection's lattice vectors.

    None is longer than the shortest by more than a twentieth. The shorter a row's vector, the farther apart its planes.
    """
    return _shortest(projection, _directions())


def twin_rows(projection: Projection) -> list[tuple[int, int]]:
    """Return those rows, as `lattice_rows` does, whose planes are no mirror planes of the crystal."""
    rotations, rows = Symmetry(projection).rotations, []
    for row in _directions():
        along = np.array(row) @ projection.lattice
        normal = np.array([-along[1], along[0], 0]) / np.linalg.norm(along)
        mirror = np.eye(3) - 2 * np.outer(normal, normal)
        if np.abs(rotations - mirror).max(axis=(1, 2)).min() > _SYMMETRIC:
            rows.append(row)
    return _shortest(projection, rows)


def _directions() -> list[tuple[int, int]]:
    """Rows of small indices, one of each pair of opposite ones."""
    axis = range(-_LARGEST_INDEX, _LARGEST_INDEX + 1)
    return [(i, j) for i in axis for j in axis if (i, j) > (0, 0) and gcd(i, j) == 1]


def _shortest(projection: Projection, rows: list[tuple[int, int]]) -> list[tuple[int, int]]:
    lengths = np.linalg.norm(np.array(rows) @ projection.lattice, axis=1)
    order = np.argsort(np.round(lengths, 3), kind="stable")
    return [rows[i] for i in order if lengths[i] < _EQUALLY_SHORT * lengths.min()]
