"""Rectangular supercells of a projected crystal: what a multislice calculation is run on."""

from dataclasses import dataclass
from math import gcd
from typing import NamedTuple

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
_NO_STRAIN = 1e-9
_FLAT_A = 1e-5
_LARGEST_COSINE = 2.1 * LARGEST_STRAIN  # of the angle between edges: a shear strains by half its angle
_CORNERS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])  # of a box, in edges


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
        listed = [(number, atom) for number, column in enumerate(projection.columns) for atom in column["atoms"]]
        numbers = np.array([atomic_numbers[atom["element"]] for _, atom in listed])
        places = np.array([[atom[key] for key in ("x_A", "y_A", "height_A")] for _, atom in listed])
        occupancies, thermal_b = (np.array([atom[key] for _, atom in listed]) for key in ("occupancy", "B_A2"))

        cells = _cells_within(self.indices)
        translations = cells @ np.column_stack([projection.lattice, projection.rise])
        box = np.array([*self.edges, projection.period])
        fractions = (translations[:, None] + places) @ self.deformation / box
        folded = np.maximum(fractions - np.floor(fractions + _ROUNDING), 0).reshape(-1, 3) * box
        cell, atom = np.divmod(np.arange(len(folded)), len(listed))
        column = np.array([number for number, _ in listed])[atom] + cell * len(projection.columns)

        layers = projection.period * np.arange(int(np.ceil(thickness / projection.period)))
        chosen, layer = np.nonzero(folded[:, 2:] + layers < thickness - _ROUNDING)
        positions = folded[chosen] + layers[layer, None] * [0, 0, 1]
        own = atom[chosen]
        ones = np.ones(len(chosen))
        return Specimen(positions, numbers[own], occupancies[own], thermal_b[own], column[chosen], ones)


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
    edges = _possible_edges(projection, width, longest)
    boxes = _boxes(edges, projection.period)
    allowed = (boxes.strains <= LARGEST_STRAIN) & (boxes.climbs <= LARGEST_CLIMB)
    if not allowed.any():
        raise InputError(
            f"no rectangular cell with edges of {width:.3g} to {longest:.3g} A strains the crystal by at most "
            f"{100 * LARGEST_STRAIN:g} % in the image and {100 * LARGEST_CLIMB:g} % along the beam; "
            "ask for a wider cell or another zone axis"
        )
    cost = np.where(allowed, boxes.cost(), np.inf)
    best = np.lexsort((abs(boxes.first.vectors[:, 1]), np.round(cost, 4)))[0]
    indices = np.stack([boxes.first.steps[best], boxes.second.steps[best]])
    lengths = np.array([boxes.first.lengths[best], boxes.second.lengths[best]])
    deformation = boxes.deformations[best]
    tile = _flat_periods(projection, indices, deformation)
    return Supercell(lengths, indices, deformation, float(boxes.strains[best]), float(boxes.climbs[best]), tile)


class _Edges(NamedTuple):
    """Translations that may be edges of a box.

    `steps`, shape (n, 2), are multiples of the projection's lattice vectors; `vectors`, shape (n, 3), end at the
    nearest height that is equivalent [A].
    """

    steps: np.ndarray
    vectors: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """In the image [A]."""
        return np.linalg.norm(self.vectors[:, :2], axis=1)

    @property
    def directions(self) -> np.ndarray:
        """Unit vectors in the image."""
        return self.vectors[:, :2] / self.lengths[:, None]

    def chosen(self, which: np.ndarray) -> "_Edges":
        return _Edges(self.steps[which], self.vectors[which])

    def signed(self, signs: np.ndarray) -> "_Edges":
        """Each of them or its opposite."""
        return _Edges(signs[:, None] * self.steps, signs[:, None] * self.vectors)


class _Boxes(NamedTuple):
    """Pairs of edges, each with the deformation that makes a flat rectangle of it."""

    first: _Edges
    second: _Edges
    deformations: np.ndarray
    strains: np.ndarray
    climbs: np.ndarray

    def cost(self) -> np.ndarray:
        """Area, made larger by what makes a box worse."""
        primitive = np.gcd(*self.first.steps.T) * np.gcd(*self.second.steps.T)
        cells = abs(np.linalg.det(np.stack([self.first.steps, self.second.steps], 1))) / primitive
        bent = (1 + self.strains / _STRAIN_WORTH_A_DOUBLING) * (1 + self.climbs / _CLIMB_WORTH_A_DOUBLING)
        return self.first.lengths * self.second.lengths * bent * (1 + cells / 10)


def _possible_edges(projection: Projection, width: float, longest: float) -> _Edges:
    """Translations of a permitted length that climb little, one of each and its opposite."""
    reach = np.floor(longest * np.linalg.norm(np.linalg.inv(projection.lattice), axis=0) + _ROUNDING).astype(int)
    steps = _grid(-reach, reach)
    steps = steps[len(steps) // 2 + 1 :]
    heights = _nearest_to_zero(steps @ projection.rise, projection.period)
    edges = _Edges(steps, np.column_stack([steps @ projection.lattice, heights]))
    lengths = edges.lengths
    long_enough, short_enough = lengths > width - _ROUNDING, lengths < longest + _ROUNDING
    return edges.chosen(long_enough & short_enough & (abs(heights) / lengths < LARGEST_CLIMB))


def _boxes(edges: _Edges, period: float) -> _Boxes:
    """All pairs of nearly perpendicular edges; the first is the one nearer to the image's x, the second turned to y."""
    cosines = abs(edges.directions @ edges.directions.T)
    one, other = np.nonzero(np.triu(cosines < _LARGEST_COSINE, 1))
    steeper = abs(edges.vectors[one, 1]) > abs(edges.vectors[other, 1])
    first = edges.chosen(np.where(steeper, other, one))
    second = edges.chosen(np.where(steeper, one, other))
    second = second.signed(np.sign(_cross(first.directions, second.directions)).astype(int))
    deformations = _deformations(first.vectors, second.vectors, period)
    strains = abs(np.linalg.svd(deformations[:, :2, :2], compute_uv=False) - 1).max(axis=1, initial=0)
    climbs = np.linalg.norm(deformations[:, :2, 2], axis=1)
    strains[strains < _NO_STRAIN], climbs[climbs < _NO_STRAIN] = 0, 0
    return _Boxes(first, second, deformations, strains, climbs)


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


def _nearest_to_zero(heights: np.ndarray, period: float) -> np.ndarray:
    return heights - period * np.round(heights / period)


def _cross(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]


def _grid(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """All pairs of integers (n, 2) between two, ends included; the second number runs fastest."""
    return np.stack(np.meshgrid(*map(_inclusive, first, last), indexing="ij"), -1).reshape(-1, 2)


def _inclusive(first: int, last: int) -> np.ndarray:
    return np.arange(first, last + 1)


def _deformations(first: np.ndarray, second: np.ndarray, period: float) -> np.ndarray:
    """Maps that lay pairs of translations (pairs, 3) along x and y without a climb and leave their lengths."""
    beam = np.broadcast_to([0, 0, period], first.shape)
    edges = np.stack([np.linalg.norm(rows[:, :2], axis=1) for rows in (first, second)] + [beam[:, 2]], 1)
    return np.linalg.inv(np.stack([first, second, beam], 1)) * edges[:, None]


def _cells_within(indices: np.ndarray) -> np.ndarray:
    """Integer vectors (cells, 2) in the parallelogram spanned by the rows of `indices`, each class of them once."""
    corners = _CORNERS @ indices
    steps = _grid(corners.min(axis=0)[::-1], corners.max(axis=0)[::-1])[:, ::-1]
    fractions = steps @ np.linalg.inv(indices)
    return steps[np.all((fractions > -_ROUNDING) & (fractions < 1 - _ROUNDING), axis=1)]


def _flat_periods(projection: Projection, indices: np.ndarray, deformation: np.ndarray) -> np.ndarray:
    """Shortest basis (integer rows) of the translations that do not climb in the deformed crystal."""
    steps = (_cells_within(indices)[:, None] - _CORNERS @ indices).reshape(-1, 2)
    steps = np.concatenate([steps, -steps])  # the shortest two lie less than an edge away along both edges
    deformed = steps @ np.column_stack([projection.lattice, projection.rise]) @ deformation
    flat = abs(_nearest_to_zero(deformed[:, 2], projection.period)) < _FLAT_A
    steps, planar = steps[flat], deformed[flat, :2]
    from_shortest = np.lexsort((-planar[:, 1], -planar[:, 0], np.round(np.linalg.norm(planar, axis=1), 5)))
    steps = steps[from_shortest]
    first = steps[np.any(steps != 0, axis=1)][0]
    second = steps[_cross(first, steps) > 0][0]
    return np.stack([first, second])


def _angle(crystal: Crystal, zone: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Between two directions, taken without their senses [degrees]."""
    one, two = np.array([zone, other]) @ crystal.cell
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(one, two)), abs(one @ two))))


def _key(zone: tuple[int, int, int]) -> str:
    return "".join(f"m{-index}" if index < 0 else str(index) for index in zone)
