"""Which places of a flat crystal slab look alike to a round probe."""

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
    places, kinds = _sites(atoms, lattice)
    points = np.stack(np.meshgrid(*[np.arange(n) / n for n in grid]), -1).reshape(-1, 2)
    images = [
        image
        for turn in lattice_symmetries(lattice, _TOLERANCE_A)
        for shift in shifts_with(turn, places, kinds, lattice, _TOLERANCE_A)
        if (image := _on_grid(points @ turn + shift, grid)) is not None
    ]
    return _first_of_orbit(np.array(images))


def _sites(atoms: Specimen, lattice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fractional places of the atoms in one in-plane period, each once, and the kind of each.

    Atoms are of one kind if they agree in height, element, occupancy and B.
    """
    fractions = atoms.positions[:, :2] @ np.linalg.inv(lattice)
    fractions = np.round(fractions - np.floor(fractions + 1e-6), 6)
    traits = np.column_stack([atoms.positions[:, 2], atoms.numbers, atoms.occupancies, atoms.thermal_b])
    _, kinds = np.unique(np.round(traits, 3), axis=0, return_inverse=True)
    sites = np.unique(np.column_stack([kinds, fractions]), axis=0)
    return sites[:, 1:], sites[:, 0].astype(int)


def _on_grid(fractions: np.ndarray, grid: tuple[int, int]) -> np.ndarray | None:
    """Numbers of the grid's points at some places, shape (points,); None if one lies between them."""
    steps = fractions * grid
    if not np.allclose(steps, np.round(steps), atol=1e-3):
        return None
    i, j = (np.round(steps).astype(int) % grid).T
    return j * grid[0] + i


def _first_of_orbit(images: np.ndarray) -> np.ndarray:
    """The lowest number that each point is connected to, where row r of `images` takes point p to `images[r, p]`."""
    count = images.shape[1]
    links = np.tile(np.arange(count), len(images)), images.ravel()
    orbits, orbit = connected_components(coo_array((np.ones(images.size), links), shape=(count, count)))
    first = np.full(orbits, count)
    np.minimum.at(first, orbit, np.arange(count))
    return first[orbit]
