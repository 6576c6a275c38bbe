"""Exact projection of a crystal along a zone axis."""

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd

import numpy as np
from ase.data import atomic_numbers

from stembench.crystals.cif import Crystal
from stembench.crystals.grouping import grouped

#: Atoms of an element this close are one, seen through a centring translation or as ions that share a site [A].
SAME_PLACE_A = 0.02


@dataclass(frozen=True)
class Projection:
    """A crystal seen along a zone axis: a two-dimensional lattice and the columns in its primitive cell.

    The x axis lies along the first lattice vector, the viewer looks down the zone axis.

    Attributes
    ----------
    lattice : ndarray, shape (2, 2)
        Primitive in-plane lattice vectors as rows (x, y) [A], reduced (shortest basis).
    rise : ndarray, shape (2,)
        Rise of each lattice vector along the beam, modulo the period [A].
    period : float
        Period along the beam [A].
    columns : tuple of dict
        Position `x_A`, `y_A` [A] of each column (the mean of its atoms by occupancy and atomic number) and its `atoms`
        in one period: `element`, `occupancy`, `x_A`, `y_A`, `height_A` along the beam [A], `B_A2` [A^2].
    frame : ndarray, shape (3, 3)
        Unit vectors of the image's x, its y and the beam as rows, in the crystal's Cartesian axes (a along x, b in the
        x-y plane).
    cell : ndarray, shape (3, 3)
        The crystal's lattice vectors a, b, c as rows, in the same axes [A].
    """

    lattice: np.ndarray
    rise: np.ndarray
    period: float
    columns: tuple[dict, ...]
    frame: np.ndarray
    cell: np.ndarray

    def to_dict(self) -> dict:
        """As it is stored in `projection.json`."""
        return {
            "lattice_A": self.lattice.tolist(),
            "rise_A": self.rise.tolist(),
            "period_A": self.period,
            "columns": list(self.columns),
            "frame": self.frame.tolist(),
            "cell_A": self.cell.tolist(),
        }

    @classmethod
    def from_dict(cls, stored: dict) -> "Projection":
        """From the content of a `projection.json`."""
        lattice, rise, frame, cell = (np.array(stored[key]) for key in ("lattice_A", "rise_A", "frame", "cell_A"))
        return cls(lattice, rise, stored["period_A"], tuple(stored["columns"]), frame, cell)


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
    columns, period = _columns(crystal, basis, frame), float(basis[2, 2])
    return Projection(basis[:2, :2].copy(), basis[:2, 2] % period, period, columns, frame, crystal.cell)


@dataclass(frozen=True)
class Scatterers:
    """The points that scatter in one in-plane cell, atoms that lie behind one another as one; those of a column adjoin.

    Attributes
    ----------
    counts : ndarray of int, shape (columns,)
        Number of points in each column of the cell.
    offsets : ndarray, shape (points, 2)
        x and y from the column's position [A].
    strengths, thermal_b : ndarray, shape (points,)
        Scattering strength of the atoms in one period along the beam (occupancy times Z to the mode's exponent, summed:
        strength per period), and B [A^2]. `datasets.forward.Scene` holds strengths of the whole thickness.
    """

    counts: np.ndarray
    offsets: np.ndarray
    strengths: np.ndarray
    thermal_b: np.ndarray

    @classmethod
    def of(cls, projection: Projection, strength_of: Callable[[str], float]) -> "Scatterers":
        """Those of a crystal, given the strength of a single atom by its element."""
        counts, points = [], []
        for column in projection.columns:
            merged: dict[tuple, float] = {}
            for atom in column["atoms"]:
                offset = (round(atom["x_A"] - column["x_A"], 4), round(atom["y_A"] - column["y_A"], 4))
                key = (*offset, atom["B_A2"])
                merged[key] = merged.get(key, 0.0) + atom["occupancy"] * strength_of(atom["element"])
            counts.append(len(merged))
            points += [(*key, strength) for key, strength in merged.items()]
        x, y, thermal_b, strengths = np.array(points).T
        return cls(np.array(counts), np.column_stack([x, y]), strengths, thermal_b)


def members(counts: np.ndarray, sites: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For columns of given sites, the members of each, where site i has `counts[i]` that adjoin in a list.

    Returns
    -------
    column, member : ndarray of int
        For each member its column (index into `sites`), and which of the list it is.
    """
    column = np.repeat(np.arange(len(sites)), counts[sites])
    within = np.arange(len(column)) - np.searchsorted(column, column)
    return column, (np.cumsum(counts) - counts)[sites][column] + within


def _columns(crystal: Crystal, basis: np.ndarray, frame: np.ndarray) -> tuple[dict, ...]:
    """Columns of one in-plane cell; `basis` is in the frame whose third axis is the beam."""
    cartesian = crystal.positions @ crystal.cell @ frame.T
    fractions = np.linalg.solve(basis.T, cartesian.T).T
    fractions -= np.floor(fractions + 1e-6)
    atoms, period = fractions @ basis, basis[2, 2]
    weights = crystal.occupancies * [atomic_numbers[element] for element in crystal.elements]
    columns = []
    for own, steps in grouped(atoms[:, :2], basis[:2, :2]):
        places = atoms[own] + steps @ basis[:2]
        centre = np.average(places[:, :2], axis=0, weights=weights[own])
        home = np.floor(centre @ np.linalg.inv(basis[:2, :2]) + 1e-6) @ basis[:2]
        entries: list[dict] = []
        for atom, (x, y, z) in zip(own, places - home):
            entry = {
                "element": crystal.elements[atom],
                "occupancy": float(crystal.occupancies[atom]) / len(crystal.centring),
                "x_A": float(x),
                "y_A": float(y),
                "height_A": _height(z, period),
                "B_A2": float(crystal.thermal_b[atom]),
            }
            same = next((other for other in entries if _same_place(entry, other, period)), None)
            if same:
                same["occupancy"] += entry["occupancy"]
            else:
                entries.append(entry)
        entries.sort(key=lambda entry: entry["height_A"])
        x, y = centre - home[:2]
        columns.append({"x_A": float(x), "y_A": float(y), "atoms": entries})
    return tuple(sorted(columns, key=lambda column: (round(column["y_A"], 3), round(column["x_A"], 3))))


def _height(z: float, period: float) -> float:
    height = float(z % period)
    return 0.0 if period - height < 1e-4 else height


def _same_place(one: dict, other: dict, period: float) -> bool:
    climb = abs(one["height_A"] - other["height_A"])
    apart = np.hypot(np.hypot(one["x_A"] - other["x_A"], one["y_A"] - other["y_A"]), min(climb, period - climb))
    return one["element"] == other["element"] and apart < SAME_PLACE_A


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
