"""Random matter: points at a minimum distance, amorphous layers, columns without a lattice, lattices at random."""

import numpy as np
from ase.data import atomic_masses, atomic_numbers, chemical_symbols
from scipy.spatial import cKDTree

from stembench.crystals.cif.thermal import USUAL_B_A2
from stembench.crystals.projection import Projection
from stembench.crystals.specimen import Specimen, atoms_alone, crystal_slab, together

#: Amorphous carbon, and solid elements of which ASE has no cell, or a wrong one; handbook values [g/cm^3].
_DENSITIES = {"C": 2.0, "B": 2.34, "P": 2.2, "S": 2.07, "Mn": 7.3, "Ga": 5.91, "Se": 4.3, "Te": 6.24, "I": 4.93}
_DENSITIES |= {"U": 19.1, "Np": 20.2}
_DALTON_PER_A3 = 1.66054  # [g/cm^3]
_USUAL_DENSITY = 0.05  # [1/A^3]
_CLOSEST = 0.65  # distance of the closest atoms, over the edge of the cube that an atom has; 1.4 A in carbon
_ROUNDS = 30  # of drawing candidates before a volume counts as full


def random_points(
    low: np.ndarray, high: np.ndarray, count: int, min_distance: float, rng: np.random.Generator
) -> np.ndarray:
    """Points in a box at random, none closer to another than `min_distance` (random sequential adsorption).

    Parameters
    ----------
    low, high : ndarray, shape (dimensions,)
        Corners of the box.
    count : int
        How many are wanted; fewer come where the box is full before.
    min_distance : float
        In the unit of the corners.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (points, dimensions)
    """
    points = np.empty((0, len(low)))
    for _ in range(_ROUNDS):
        if len(points) >= count:
            break
        drawn = rng.uniform(low, high, (2 * (count - len(points)), len(low)))
        if len(points):
            free = np.isinf(cKDTree(points).query(drawn, distance_upper_bound=min_distance)[0])
            drawn = drawn[free]
        points = np.concatenate([points, points_apart(drawn, min_distance)])
    return points[:count]


def points_apart(points: np.ndarray, min_distance: float) -> np.ndarray:
    """Those of some points, shape (points, dimensions), that are no closer than that to one before them which stays."""
    pairs = cKDTree(points).query_pairs(min_distance, output_type="ndarray")
    refused = [False] * len(points)
    for first, second in pairs[np.argsort(pairs[:, 1])].tolist():
        refused[second] = refused[second] or not refused[first]
    return points[~np.array(refused, bool)]


def amorphous_layer(
    extent: tuple[float, float],
    margin: float,
    thickness: float,
    rng: np.random.Generator,
    element: str = "C",
) -> Specimen:
    """A structureless film that fills a field and a margin around it, from z = 0 to its thickness.

    Parameters
    ----------
    extent : tuple of float
        Height and width of the field [A].
    margin, thickness : float
        [A].
    rng : numpy.random.Generator
        Source of randomness.
    element : str
        Its species; `number_density` says how dense it is.
    """
    density = number_density(element)
    low = np.array([-margin, -margin, 0.0])
    high = np.array([extent[1] + margin, extent[0] + margin, thickness])
    count = rng.poisson(density * np.prod(high - low))
    distance = _CLOSEST / density ** (1 / 3)
    return atoms_alone(random_points(low, high, count, distance, rng), atomic_numbers[element])


def number_density(element: str) -> float:
    """Return the number of atoms per volume of an amorphous element [1/A^3].

    It is that of the element's crystal (`ase.build.bulk`), from which most glasses differ by a few per cent, or follows
    from the density in `_DENSITIES`. Other elements, such as gases, have that of a usual solid.
    """
    if element in _DENSITIES:
        return _DENSITIES[element] / (atomic_masses[atomic_numbers[element]] * _DALTON_PER_A3)
    from ase.build import bulk  # loads slowly

    try:
        crystal = bulk(element)
    except (ValueError, KeyError, RuntimeError):
        return _USUAL_DENSITY
    return len(crystal) / crystal.get_volume()


def random_columns(
    projection: Projection,
    extent: tuple[float, float],
    margin: float,
    thickness: float,
    spacing: float,
    rng: np.random.Generator,
) -> Specimen:
    """Columns of a crystal scattered at random over a field and a margin around it.

    Parameters
    ----------
    projection : Projection
        Whose columns are taken, each site as likely as it is frequent.
    spacing : float
        Smallest distance between columns [A]; they are 0.5 / spacing^2, of the 0.7 / spacing^2 that would fit.
    extent, margin, thickness, rng
        As in `amorphous_layer`.
    """
    low, high = np.full(2, -margin), np.array(extent[::-1]) + margin
    places = random_points(low, high, int(0.5 * np.prod(high - low) / spacing**2), spacing, rng)
    lattice = np.abs(projection.lattice).sum(axis=0)
    cell = crystal_slab(projection, tuple(2 * lattice[::-1]), 0.0, lattice / 2, 0.0, thickness)
    chosen = rng.choice(np.unique(cell.columns), len(places))
    columns = [cell[cell.columns == number] for number in range(cell.columns.max() + 1)]
    parts = []
    for place, number in zip(places, chosen):
        column = columns[number]
        parts.append(column.moved(np.array([*(place - column.positions[0, :2]), 0.0])))
    return together(*parts) if parts else cell[np.array([], int)]


def random_lattice(
    edges: tuple[float, float],
    angle: float,
    period: float,
    sites: int,
    spacing: float,
    numbers: tuple[int, int],
    rng: np.random.Generator,
) -> Projection:
    """A plane lattice of columns of single elements at random places of its cell, none closer than `spacing`.

    Parameters
    ----------
    edges : tuple of float
        Lengths of the lattice vectors [A].
    angle : float
        Between them [rad].
    period : float
        Distance of atoms along the beam [A].
    sites : int
        How many columns a cell is to hold; fewer come where it is full before, at least one.
    spacing : float
        Smallest distance of columns, if the edges are longer [A].
    numbers : tuple of int
        Lowest and highest atomic number, each in between as likely.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Projection
        Atoms of a column lie at heights of its own, and vibrate with B = 0.5 A^2.
    """
    lattice = np.array([[edges[0], 0.0], [edges[1] * np.cos(angle), edges[1] * np.sin(angle)]])
    images = np.array([[i, j] for i in (-1, 0, 1) for j in (-1, 0, 1)]) @ lattice
    places: list[np.ndarray] = []
    for place in rng.random((_ROUNDS * sites, 2)) @ lattice:
        if len(places) == sites:
            break
        if min((np.hypot(*(place - other + images).T).min() for other in places), default=np.inf) >= spacing:
            places.append(place)
    columns = []
    for x, y in places:
        atom = {"element": chemical_symbols[rng.integers(numbers[0], numbers[1] + 1)], "occupancy": 1.0}
        place = {"x_A": float(x), "y_A": float(y)}
        atom |= place | {"height_A": float(rng.uniform(0, period)), "B_A2": USUAL_B_A2}
        columns.append(place | {"atoms": [atom]})
    cell = np.zeros((3, 3))
    cell[:2, :2], cell[2, 2] = lattice, period
    return Projection(lattice, np.zeros(2), period, tuple(columns), np.eye(3), cell)
