"""Facets of a crystal by its own symmetry.

Large distances between lattice planes make large facets, the nearer to the centre the larger (Bravais, Friedel, Donnay
and Harker: Donnay & Harker, Am. Mineral. 22, 446 (1937)): {111} and {200} of face-centred cubic crystals, {110} and
{200} of body-centred ones, bases and prisms of layered ones.
"""

from itertools import islice, product
from typing import NamedTuple

import numpy as np
from ase.data import atomic_numbers
from ase.geometry import minkowski_reduce

from stembench.crystals.projection import Projection
from stembench.crystals.space_group import lattice_symmetries, shifts_with

_TOLERANCE_A = 0.02  # of symmetry
_SAME_A = 0.1  # between images of one atom by the crystal's translations
_MOST_ATOMS = 300
_SAME_PHASE = 0.1  # of a period; extinctions have 1/2, 1/3, 1/4 or 1/6
_SAME_VOLUME = 0.01  # relative difference of volumes, and of an occupancy from 1
_LEVEL = 1e-3  # a facet's normal lies in the image if its component along the beam is less


class Facets(NamedTuple):
    """A family of equivalent facets.

    Attributes
    ----------
    normals : ndarray, shape (planes, 3)
        Outward unit normals, in the axes of the projection.
    spacing : float
        Distance between the lattice planes [A].
    """

    normals: np.ndarray
    spacing: float


class Symmetry:
    """A crystal's symmetry, found from its atoms: the rotations of its Laue class, and which lattice planes reflect.

    Cells of more than `_MOST_ATOMS` atoms are not searched: they have an inversion alone.

    Attributes
    ----------
    basis : ndarray, shape (3, 3)
        Vectors of the reduced primitive cell as rows, in the axes of the projection [A].
    rotations : ndarray, shape (operations, 3, 3)
        In the same axes; a row vector times one of them is its image.
    """

    def __init__(self, projection: Projection) -> None:
        along = np.column_stack([projection.lattice, projection.rise])
        basis, _ = minkowski_reduce(np.vstack([along, [0, 0, projection.period]]))
        self.basis, self._operations = basis, [(np.eye(3, dtype=int), np.zeros(3))]
        atoms = [atom for column in projection.columns for atom in column["atoms"]]
        if len(atoms) <= _MOST_ATOMS:
            positions = np.array([[atom[axis] for axis in ("x_A", "y_A", "height_A")] for atom in atoms])
            sorts = [[atomic_numbers[atom["element"]], round(atom["occupancy"], 3)] for atom in atoms]
            kinds = np.unique(sorts, axis=0, return_inverse=True)[1].ravel()
            self.basis, places, kinds = _primitive(basis, positions, kinds)
            self._operations = [
                (turn, shift)
                for turn in lattice_symmetries(self.basis, _TOLERANCE_A)
                for shift in islice(shifts_with(turn, places, kinds, self.basis, _TOLERANCE_A), 1)
            ]
        turns = np.array([turn for turn, _ in self._operations])
        # Exact rotations, of a cell that is nearly symmetric.
        u, _, vh = np.linalg.svd(np.linalg.inv(self.basis) @ turns @ self.basis)
        self.rotations = np.concatenate([u @ vh, -u @ vh])

    def family(self, plane: np.ndarray) -> np.ndarray:
        """Return the unit normals of all planes that are equivalent to one, given by a vector along its normal."""
        normals = plane @ self.rotations / np.linalg.norm(plane)
        _, first = np.unique(np.round(normals, 4) + 0.0, axis=0, return_index=True)
        return normals[first]

    def planes(self, count: int) -> np.ndarray:
        """Return the reflections among about 4 `count` reciprocal lattice vectors, from the shortest [1/A].

        An operation that keeps the direction of a plane and moves the crystal by a part of its spacing extinguishes it.
        """
        lengths, reciprocal = np.linalg.norm(self.basis, axis=1), np.linalg.inv(self.basis).T
        limit = (count / abs(np.linalg.det(self.basis))) ** (1 / 3)
        steps = [np.arange(-n, n + 1) for n in np.ceil(limit * lengths).astype(int)]
        indices = np.stack(np.meshgrid(*steps), -1).reshape(-1, 3)
        reflects = indices.any(axis=1)
        for turn, shift in self._operations:
            phases = indices @ shift
            kept = np.all(indices @ turn.T == indices, axis=1)
            reflects &= ~kept | (np.abs(phases - np.round(phases)) < _SAME_PHASE)
        vectors = indices[reflects] @ reciprocal
        size = np.linalg.norm(vectors, axis=1)
        return vectors[np.argsort(size)][np.sort(size) <= limit]


def _primitive(
    basis: np.ndarray, positions: np.ndarray, kinds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reduced primitive lattice of a crystal, and its atoms' fractions and kinds."""
    fractions = positions @ np.linalg.inv(basis)
    shifts = list(shifts_with(np.eye(3, dtype=int), fractions, kinds, basis, _TOLERANCE_A))
    steps = np.array(list(product((-1, 0, 1), repeat=3)))
    vectors = (np.array(shifts)[:, None] + steps).reshape(-1, 3) @ basis
    lengths = np.linalg.norm(vectors, axis=1)
    shortest: list[np.ndarray] = []
    for vector in vectors[np.argsort(lengths, kind="stable")]:  # in space, the shortest independent ones are a basis
        if np.linalg.matrix_rank([*shortest, vector], tol=0.1) > len(shortest):
            shortest.append(vector)
    lattice = np.array(shortest)
    inside, own = positions @ np.linalg.inv(lattice), list[int]()
    for atom, place in enumerate(inside):
        apart = inside[own] - place
        if not np.any(np.linalg.norm((apart - np.round(apart)) @ lattice, axis=1)[kinds[own] == kinds[atom]] < _SAME_A):
            own.append(atom)
    return lattice, inside[own], kinds[own]


def face_centred_cubic(projection: Projection) -> float | None:
    """Edge of the cubic cell of a face-centred cubic element [A]; None for any other crystal.

    No other lattice of one atom per cell is as dense: its cell holds its shortest vector cubed over the root of 2.
    """
    atoms = [atom for column in projection.columns for atom in column["atoms"]]
    basis = Symmetry(projection).basis
    volume, shortest = abs(np.linalg.det(basis)), np.linalg.norm(basis, axis=1).min()
    per_atom = abs(np.linalg.det(projection.lattice)) * projection.period / len(atoms)
    plain = (
        len({atom["element"] for atom in atoms}) == 1 and min(atom["occupancy"] for atom in atoms) > 1 - _SAME_VOLUME
    )
    if plain and abs(volume / per_atom - 1) < _SAME_VOLUME and abs(volume * 2**0.5 / shortest**3 - 1) < _SAME_VOLUME:
        return float(shortest * 2**0.5)
    return None


def facets_of(projection: Projection, flake: bool = False) -> tuple[list[Facets], list[Facets]]:
    """Return the families of facets that close a particle, and the family that truncates it.

    Parameters
    ----------
    projection : Projection
        The crystal along its zone axis.
    flake : bool
        Whether only planes that contain the beam are facets.
    """
    symmetry, found = Symmetry(projection), list[Facets]()
    count, closed = 100, 0
    while True:
        found, closed = [], 0
        for plane in symmetry.planes(count):
            spacing = 1 / np.linalg.norm(plane)
            if flake and abs(plane[2]) * spacing > _LEVEL:
                continue
            if any(np.any(known.normals @ plane * spacing > 1 - _LEVEL**2) for known in found):
                continue
            found.append(Facets(symmetry.family(plane), float(spacing)))
            if closed:
                return found[:closed], found[closed:]
            rank = np.linalg.matrix_rank(np.concatenate([known.normals for known in found]), tol=_LEVEL)
            closed = len(found) if rank == 3 - flake else 0
        count *= 8
