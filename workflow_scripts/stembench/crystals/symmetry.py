"""Which places of a flat crystal slab look alike to a round probe."""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from stembench.crystals.space_group import lattice_symmetries, shifts_with
from stembench.crystals.specimen import Specimen

_TOLERANCE_A = 1e-3


def equivalent_points(atoms: Specimen, lattice: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """For each point of a periodic grid, the first point that a symmetry of the slab takes it to.

    The symmetries are rotations about the beam, mirrors and glides that contain it: they keep heights, so that they
    hold for the slab whatever its thickness, and for images by any detector that is round about the beam.

    Parameters
    ----------
    atoms : Specimen
        The slab's atoms over one period along the beam; whole in-plane periods, any number of them.
    lattice : ndarray, shape (2, 2)
        In-plane period as rows (x, y), reduced [A].
    grid : tuple of int
        Points along the first and the second lattice vector.

    Returns
    -------
    ndarray of int, shape (grid[1] * grid[0],)
        Point number j * grid[0] + i lies at i / grid[0] and j / grid[1] of the vectors.
    """
    places, kinds = _unique(atoms, lattice)
    points = np.stack(np.meshgrid(*[np.arange(n) / n for n in grid]), -1).reshape(-1, 2)
    number = np.arange(len(points))
    one, other = [number], [number]
    for turn, shift in _symmetries(places, kinds, lattice):
        images = (points @ turn + shift) * grid
        if np.allclose(images, np.round(images), atol=1e-3):
            i, j = (np.round(images).astype(int) % grid).T
            one.append(number)
            other.append(j * grid[0] + i)
    pairs = np.concatenate(one), np.concatenate(other)
    alike, orbit = connected_components(coo_array((np.ones(len(pairs[0])), pairs), shape=(len(points),) * 2))
    first = np.full(alike, len(points))
    np.minimum.at(first, orbit, number)
    return first[orbit]


def _unique(atoms: Specimen, lattice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fractional places of the atoms in one in-plane period, and numbers that tell height and sort apart."""
    fractions = atoms.positions[:, :2] @ np.linalg.inv(lattice)
    fractions = np.round(fractions - np.floor(fractions + 1e-6), 6)
    sorts = np.column_stack([np.round(atoms.positions[:, 2], 3), atoms.numbers, atoms.occupancies, atoms.thermal_b])
    _, kinds = np.unique(np.round(sorts, 3), axis=0, return_inverse=True)
    together = np.unique(np.column_stack([kinds, fractions]), axis=0)
    return together[:, 1:], together[:, 0].astype(int)


def _symmetries(places: np.ndarray, kinds: np.ndarray, lattice: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for turn in lattice_symmetries(lattice, _TOLERANCE_A):
        for shift in shifts_with(turn, places, kinds, lattice, _TOLERANCE_A):
            yield turn, shift
