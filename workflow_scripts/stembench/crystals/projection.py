"""Exact projection of a crystal along a zone axis."""

from dataclasses import dataclass
from math import gcd

import numpy as np

from stembench.crystals.cif import Crystal

#: Atoms whose projections lie closer than this belong to one column [A].
SAME_COLUMN_A = 0.02


@dataclass(frozen=True)
class Projection:
    """A crystal seen along a zone axis: a two-dimensional lattice and the columns in its primitive cell.

    The x axis lies along the first lattice vector, the viewer looks down the zone axis.

    Attributes
    ----------
    lattice : ndarray, shape (2, 2)
        Primitive in-plane lattice vectors as rows (x, y) [A], reduced (shortest basis).
    period : float
        Period along the beam [A].
    columns : tuple of dict
        Position `x_A`, `y_A` [A] and `atoms` of each column: `element`, `occupancy`, `height_A` along the beam [A],
        `B_A2` [A^2], for one period.
    frame : ndarray, shape (3, 3)
        Unit vectors of the image's x, its y and the beam as rows, in the crystal's Cartesian axes (a along x, b in the
        x-y plane).
    """

    lattice: np.ndarray
    period: float
    columns: tuple[dict, ...]
    frame: np.ndarray

    def to_dict(self) -> dict:
        """As it is stored in `projection.json`."""
        return {
            "lattice_A": self.lattice.tolist(),
            "period_A": self.period,
            "columns": list(self.columns),
            "frame": self.frame.tolist(),
        }

    @classmethod
    def from_dict(cls, stored: dict) -> "Projection":
        """From the content of a `projection.json`."""
        columns, frame = tuple(stored["columns"]), np.array(stored["frame"])
        return cls(np.array(stored["lattice_A"]), stored["period_A"], columns, frame)


def project_structure(crystal: Crystal, zone: tuple[int, int, int]) -> Projection:
    """Project a crystal of any system along the direct-lattice direction [uvw].

    A basis of the crystal's translation lattice is chosen whose third vector is the shortest translation along the
    zone axis; the first two then project to a basis of the in-plane lattice, whatever else they do along the beam.

    Parameters
    ----------
    crystal : Crystal
        The structure.
    zone : tuple of int
        Indices [uvw] in the crystal's own setting, not all zero.
    """
    primitive = _primitive_basis(crystal.centring)
    along = np.round(np.linalg.solve(primitive.T, np.array(zone, float))).astype(int)
    along //= gcd(*along.tolist())
    basis = _completed_basis(along) @ primitive @ crystal.cell

    beam = basis[2] / np.linalg.norm(basis[2])
    in_plane = basis[:2] - np.outer(basis[:2] @ beam, beam)
    basis[:2] = _reduced(in_plane) @ basis[:2]
    if np.linalg.det(basis) < 0:
        basis[1] *= -1
    in_plane = basis[:2] - np.outer(basis[:2] @ beam, beam)
    x_axis = in_plane[0] / np.linalg.norm(in_plane[0])
    frame = np.stack([x_axis, np.cross(beam, x_axis), beam])
    basis = basis @ frame.T
    return Projection(basis[:2, :2].copy(), float(basis[2, 2]), _columns(crystal, basis, frame), frame)


def column_strengths(projection: Projection, gamma: float) -> np.ndarray:
    """Scattering strength of each column of the cell, sum over its atoms of occupancy * Z^gamma (linear HAADF)."""
    from ase.data import atomic_numbers

    return np.array(
        [
            sum(atom["occupancy"] * atomic_numbers[atom["element"]] ** gamma for atom in column["atoms"])
            for column in projection.columns
        ]
    )


def column_thermal_b(projection: Projection) -> np.ndarray:
    """Mean isotropic B of each column of the cell, weighted by occupancy [A^2]."""
    return np.array(
        [
            np.average([a["B_A2"] for a in column["atoms"]], weights=[a["occupancy"] for a in column["atoms"]])
            for column in projection.columns
        ]
    )


def _columns(crystal: Crystal, basis: np.ndarray, frame: np.ndarray) -> tuple[dict, ...]:
    """Columns of one in-plane cell; `basis` is in the frame whose third axis is the beam."""
    cartesian = crystal.positions @ crystal.cell @ frame.T
    fractions = np.linalg.solve(basis.T, cartesian.T).T
    fractions -= np.floor(fractions + 1e-6)
    planes = fractions[:, :2] @ basis[:2, :2]
    heights = (fractions @ basis)[:, 2] % basis[2, 2]
    heights[basis[2, 2] - heights < 1e-4] = 0
    columns: list[dict] = []
    for atom in np.lexsort((heights, planes[:, 0], planes[:, 1])):
        column = next(
            (c for c in columns if _lattice_distance(planes[atom], c["at"], basis[:2, :2]) < SAME_COLUMN_A), None
        )
        if column is None:
            column = {"at": planes[atom], "atoms": []}
            columns.append(column)
        entry = {
            "element": crystal.elements[atom],
            "occupancy": float(crystal.occupancies[atom]),
            "height_A": float(heights[atom]),
            "B_A2": float(crystal.thermal_b[atom]),
        }
        if not any(_same_atom(entry, other, basis[2, 2]) for other in column["atoms"]):
            column["atoms"].append(entry)
    return tuple({"x_A": float(c["at"][0]), "y_A": float(c["at"][1]), "atoms": c["atoms"]} for c in columns)


def _same_atom(one: dict, other: dict, period: float) -> bool:
    """Whether two atoms of a column are one, seen through a centring translation."""
    apart = abs(one["height_A"] - other["height_A"])
    return one["element"] == other["element"] and min(apart, period - apart) < SAME_COLUMN_A


def _lattice_distance(one: np.ndarray, other: np.ndarray, lattice: np.ndarray) -> float:
    fractions = np.linalg.solve(lattice.T, one - other)
    corners = np.array([[i, j] for i in (0, -1, 1) for j in (0, -1, 1)])
    return float(np.linalg.norm((fractions - np.round(fractions) + corners) @ lattice, axis=1).min())


def _primitive_basis(centring: np.ndarray) -> np.ndarray:
    """Basis (rows, fractions of the cell) of the lattice that the cell and its centring translations generate."""
    rows = np.vstack([24 * np.eye(3), np.round(24 * centring)]).astype(int)
    basis = []
    for axis in range(3):  # Euclid's algorithm down each axis: a Hermite normal form
        while np.count_nonzero(rows[:, axis]) > 1:
            used = np.flatnonzero(rows[:, axis])
            pivot = used[np.argmin(np.abs(rows[used, axis]))]
            others = used[used != pivot]
            rows[others] -= np.outer(rows[others, axis] // rows[pivot, axis], rows[pivot])
        pivot = np.flatnonzero(rows[:, axis])[0]
        basis.append(rows[pivot].copy())
        rows = np.delete(rows, pivot, axis=0)
    return np.array(basis) / 24


def _completed_basis(direction: np.ndarray) -> np.ndarray:
    """Unimodular integer matrix whose last row is `direction` (coprime)."""
    remainder, inverse = direction.copy(), np.eye(3, dtype=int)
    while np.count_nonzero(remainder) > 1:  # row operations that reduce it to a unit vector, and their inverse
        used = np.flatnonzero(remainder)
        pivot = used[np.argmin(np.abs(remainder[used]))]
        for other in used[used != pivot]:
            factor = remainder[other] // remainder[pivot]
            remainder[other] -= factor * remainder[pivot]
            inverse[pivot] += factor * inverse[other]
    last = np.flatnonzero(remainder)[0]
    inverse[last] *= remainder[last]
    return np.roll(inverse, 2 - last, axis=0)


def _reduced(vectors: np.ndarray) -> np.ndarray:
    """Integer matrix that takes two vectors to the shortest basis of their lattice (Lagrange-Gauss)."""
    change = np.eye(2, dtype=int)
    while True:
        short, long = change @ vectors
        if short @ short > long @ long * (1 + 1e-9):
            change = change[::-1]
            continue
        factor = round(float(short @ long / (short @ short)) - 1e-9)
        if factor == 0:
            break
        change[1] -= factor * change[0]
    return change
