"""Rectangular supercells of a projected crystal: what a multislice calculation is run on."""

from dataclasses import dataclass
from math import gcd

import numpy as np
from ase.data import atomic_numbers

from stembench.crystals.cif import Crystal
from stembench.crystals.projection import Projection, project_structure
from stembench.crystals.specimen import Specimen
from stembench.errors import InputError

#: No crystal is strained in the image by more than this to make it rectangular.
LARGEST_STRAIN = 0.005
#: Nor are its columns shifted along the beam against each other by more than this fraction of their distance. That
#: moves nothing in the projection; a crystal whose translations climb along the beam has no flat period without.
LARGEST_CLIMB = 0.06
#: The longest edge that is tried, in units of the least width that is asked for.
LONGEST_EDGE = 3.0

_STRAIN_WORTH_A_DOUBLING = 0.001  # of the area, when cells compete
_CLIMB_WORTH_A_DOUBLING = 0.1
_ZONES_UP_TO = 3
_ROUNDING = 1e-6  # of a period


@dataclass(frozen=True)
class Supercell:
    """A flat crystal slab that repeats exactly in a rectangular box, after a small homogeneous deformation.

    Attributes
    ----------
    edges : ndarray, shape (2,)
        Length of the box along its x and y [A].
    indices : ndarray of int, shape (2, 2)
        The edges as rows of multiples of the projection's lattice vectors.
    deformation : ndarray, shape (3, 3)
        Takes positions (rows) in the projection's axes to the box's: a rotation about the beam and the strain.
    strain : float
        Largest departure of a principal stretch from 1, in the image.
    climb : float
        Slope along the beam that the deformation takes away.
    tile : ndarray of int, shape (2, 2)
        The shortest in-plane translations that leave a flat slab as it is, as multiples of the projection's lattice
        vectors; the projection's own vectors may climb along the beam.
    """

    edges: np.ndarray
    indices: np.ndarray
    deformation: np.ndarray
    strain: float
    climb: float
    tile: np.ndarray

    def atoms(self, projection: Projection, thickness: float) -> Specimen:
        """The atoms at 0 <= x, y < edges and 0 <= z < thickness [A], each once, in the box's axes."""
        keys = ("x_A", "y_A", "height_A", "occupancy", "B_A2")
        atoms = np.array(
            [
                [*(atom[key] for key in keys), atomic_numbers[atom["element"]], number]
                for number, column in enumerate(projection.columns)
                for atom in column["atoms"]
            ]
        )
        cells = _cells_within(self.indices)
        box = np.array([*self.edges, projection.period])
        translations = cells @ np.column_stack([projection.lattice, projection.rise])
        fractions = (translations[:, None] + atoms[:, :3]) @ self.deformation / box
        inside = np.maximum(fractions - np.floor(fractions + _ROUNDING), 0).reshape(-1, 3) * box

        layers = projection.period * np.arange(int(np.ceil(thickness / projection.period)))
        chosen, layer = np.nonzero(inside[:, 2:] + layers < thickness - _ROUNDING)
        positions = inside[chosen] + layers[layer, None] * [0, 0, 1]
        _, _, _, occupancies, thermal_b, numbers, columns = np.tile(atoms, (len(cells), 1))[chosen].T
        columns += (chosen // len(atoms)) * len(projection.columns)
        return Specimen(
            positions, numbers.astype(int), occupancies, thermal_b, columns.astype(int), np.ones(len(chosen))
        )


def orthogonal_supercell(projection: Projection, width: float, longest: float | None = None) -> Supercell:
    """The best rectangular box of a flat slab of the crystal.

    All in-plane translations up to the longest edge compete, in pairs that are nearly perpendicular and nearly flat.
    The smallest area wins; a strain of 0.1 % counts as a doubling of it, and each cell in the primitive rectangle as a
    tenth of it: a box turned against the lattice has no grid with whole points a period.

    Parameters
    ----------
    projection : Projection
        The crystal along its zone axis.
    width : float
        Least length of an edge [A].
    longest : float, optional
        Greatest length of an edge [A]; `LONGEST_EDGE` times the width where it is not given.

    Raises
    ------
    InputError
        If every box within the bounds strains the crystal by more than `LARGEST_STRAIN`, or climbs by more than
        `LARGEST_CLIMB`.
    """
    longest = LONGEST_EDGE * width if longest is None else longest
    lattice, period = projection.lattice, projection.period
    reach = np.floor(longest * np.linalg.norm(np.linalg.inv(lattice), axis=0) + _ROUNDING).astype(int)
    steps = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), -1).reshape(-1, 2)
    steps = steps[len(steps) // 2 + 1 :]  # one of each vector and its opposite
    vectors = np.column_stack([steps @ lattice, _residual(steps @ projection.rise, period)])
    lengths = np.linalg.norm(vectors[:, :2], axis=1)
    climbs = abs(vectors[:, 2]) / lengths
    near = (lengths > width - _ROUNDING) & (lengths < longest + _ROUNDING) & (climbs < LARGEST_CLIMB)
    steps, vectors, lengths = steps[near], vectors[near], lengths[near]

    unit, divisors = vectors[:, :2] / lengths[:, None], np.gcd(*steps.T)
    one, other = np.nonzero(np.triu(abs(unit @ unit.T) < 2.1 * LARGEST_STRAIN, 1))  # a shear strains by half its angle
    if len(one):
        flip = abs(vectors[one, 1]) > abs(vectors[other, 1])  # the first edge is the one nearer to the image's x
        one, other = np.where(flip, other, one), np.where(flip, one, other)
        sign = np.sign(np.linalg.det(np.stack([unit[one], unit[other]], 1)))[:, None]
        deformations = _deformations(vectors[one], sign * vectors[other], period)
        strains = abs(np.linalg.svd(deformations[:, :2, :2], compute_uv=False) - 1).max(axis=1)
        climbs = np.linalg.norm(deformations[:, :2, 2], axis=1)
        strains[strains < 1e-9], climbs[climbs < 1e-9] = 0, 0
        turned = abs(np.linalg.det(np.stack([steps[one], steps[other]], 1))) / np.prod(divisors[[one, other]], axis=0)
        bent = (1 + strains / _STRAIN_WORTH_A_DOUBLING) * (1 + climbs / _CLIMB_WORTH_A_DOUBLING)
        cost = lengths[one] * lengths[other] * bent * (1 + turned / 10)
        cost[(strains > LARGEST_STRAIN) | (climbs > LARGEST_CLIMB)] = np.inf
        best = np.lexsort((abs(vectors[one, 1]), np.round(cost, 4)))[0]
        if np.isfinite(cost[best]):
            indices = np.stack([steps[one[best]], (sign[best] * steps[other[best]]).astype(int)])
            edges, deformation = lengths[[one[best], other[best]]], deformations[best]
            tile = _flat_periods(projection, indices, deformation)
            return Supercell(edges, indices, deformation, float(strains[best]), float(climbs[best]), tile)
    raise InputError(
        f"no rectangular cell with edges of {width:.3g} to {longest:.3g} A strains the crystal by at most "
        f"{100 * LARGEST_STRAIN:g} % in the image and {100 * LARGEST_CLIMB:g} % along the beam; "
        "ask for a wider cell or another zone axis"
    )


def supercell_along(
    material: str, crystal: Crystal, zone: tuple[int, int, int], width: float, longest: float | None = None
) -> Supercell:
    """As `orthogonal_supercell`; the refusal names the material and the nearest zone axis that has a cell."""
    try:
        return orthogonal_supercell(project_structure(crystal, zone), width, longest)
    except InputError as error:
        reason = str(error).split(";")[0]
    other = nearest_zone(crystal, zone, width, longest)
    remedy = "none of small indices has one, ask for a wider cell"
    if other:
        remedy = f"the nearest that has one is {_key(other)}, {_angle(crystal, zone, other):.1f} degrees from it"
    raise InputError(f"{material}, zone axis {_key(zone)}: {reason}; {remedy}")


def nearest_zone(
    crystal: Crystal, zone: tuple[int, int, int], width: float, longest: float | None = None
) -> tuple[int, int, int] | None:
    """The zone axis [uvw] of small indices closest to another one that has a rectangular cell; None if none has."""
    axis = range(-_ZONES_UP_TO, _ZONES_UP_TO + 1)
    others = [(u, v, w) for u in axis for v in axis for w in axis if gcd(u, v, w) == 1]
    others = sorted((other for other in others if other > (0, 0, 0)), key=lambda other: _angle(crystal, zone, other))
    for other in others:
        if _angle(crystal, zone, other) < 1e-3:
            continue
        try:
            orthogonal_supercell(project_structure(crystal, other), width, longest)
        except InputError:
            continue
        return other
    return None


def _residual(heights: np.ndarray, period: float) -> np.ndarray:
    return heights - period * np.round(heights / period)


def _deformations(first: np.ndarray, second: np.ndarray, period: float) -> np.ndarray:
    """Maps that lay pairs of translations (pairs, 3) along x and y without a climb and leave their lengths."""
    beam = np.broadcast_to([0, 0, period], first.shape)
    edges = np.stack([np.linalg.norm(rows[:, :2], axis=1) for rows in (first, second)] + [beam[:, 2]], 1)
    return np.linalg.inv(np.stack([first, second, beam], 1)) * edges[:, None]


def _cells_within(indices: np.ndarray) -> np.ndarray:
    """Integer vectors (cells, 2) in the parallelogram spanned by the rows of `indices`, each class of them once."""
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) @ indices
    steps = np.stack(np.meshgrid(*[np.arange(a, b + 1) for a, b in zip(corners.min(0), corners.max(0))]), -1)
    steps = steps.reshape(-1, 2)
    fractions = steps @ np.linalg.inv(indices)
    return steps[np.all((fractions > -_ROUNDING) & (fractions < 1 - _ROUNDING), axis=1)]


def _flat_periods(projection: Projection, indices: np.ndarray, deformation: np.ndarray) -> np.ndarray:
    """Shortest basis (integer rows) of the translations that do not climb in the deformed crystal."""
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) @ indices
    steps = (_cells_within(indices)[:, None] - corners).reshape(-1, 2)
    steps = np.concatenate([steps, -steps])  # the shortest two lie less than an edge away along both edges
    deformed = steps @ np.column_stack([projection.lattice, projection.rise]) @ deformation
    flat = abs(_residual(deformed[:, 2], projection.period)) < 1e-5
    steps, planar = steps[flat], deformed[flat, :2]
    steps = steps[np.lexsort((-planar[:, 1], -planar[:, 0], np.round(np.linalg.norm(planar, axis=1), 5)))]
    first = steps[np.any(steps != 0, axis=1)][0]
    turn = first[0] * steps[:, 1] - first[1] * steps[:, 0]
    return np.stack([first, steps[turn > 0][0]])


def _angle(crystal: Crystal, zone: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Between two directions, taken without their senses [degrees]."""
    one, two = np.array([zone, other]) @ crystal.cell
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(one, two)), abs(one @ two))))


def _key(zone: tuple[int, int, int]) -> str:
    return "".join(f"m{-index}" if index < 0 else str(index) for index in zone)
