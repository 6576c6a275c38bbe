"""Atoms of a specimen in a field of view: what finite and imperfect objects are made of."""

from dataclasses import dataclass, fields, replace

import numpy as np
from ase.data import atomic_numbers
from scipy.spatial import cKDTree

from stembench.crystals.field import columns_in_field, in_plane_turn
from stembench.crystals.grouping import WIDEST_COLUMN_A, grouped
from stembench.crystals.projection import Projection, members

#: Column number of atoms that form no column, such as those of an amorphous support.
NO_COLUMN = -1

_COVERING_A = 0.7  # radius around a column in which atoms of an overlayer add to its peak; about that of a probe


@dataclass(frozen=True)
class Specimen:
    """Atoms in the axes of an image: x to the right, y down, z along the beam, the origin at the top left.

    Attributes
    ----------
    positions : ndarray, shape (atoms, 3)
        x, y, z [A]; the beam is focused on z = 0, where the specimen begins; overlayers lie at z < 0.
    numbers : ndarray of int, shape (atoms,)
        Atomic numbers.
    occupancies : ndarray, shape (atoms,)
        Probability that the atom is there.
    thermal_b : ndarray, shape (atoms,)
        Isotropic B [A^2].
    columns : ndarray of int, shape (atoms,)
        Number of the atomic column that each belongs to, `NO_COLUMN` for none.
    transmission : ndarray, shape (atoms,)
        Fraction of its signal that an overlayer leaves; enters the linear model alone.
    """

    positions: np.ndarray
    numbers: np.ndarray
    occupancies: np.ndarray
    thermal_b: np.ndarray
    columns: np.ndarray
    transmission: np.ndarray

    def __len__(self) -> int:
        """Number of atoms."""
        return len(self.numbers)

    def __getitem__(self, chosen: np.ndarray) -> "Specimen":
        """The atoms chosen by a mask or by indices."""
        return Specimen(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def moved(self, shift: np.ndarray) -> "Specimen":
        """Displaced by `shift` [A], one vector or one an atom."""
        return replace(self, positions=self.positions + shift)


def atoms_alone(positions: np.ndarray, number: int | np.ndarray, thermal_b: float = 0.0) -> Specimen:
    """Atoms of one or several species that form no columns; `positions` of shape (atoms, 3) [A]."""
    count = len(positions)
    numbers = np.broadcast_to(np.asarray(number, int), count).copy()
    ones = np.ones(count)
    return Specimen(positions, numbers, ones, thermal_b * ones, np.full(count, NO_COLUMN), ones)


def together(*parts: Specimen) -> Specimen:
    """All parts in one, each keeping columns of its own."""
    columns, used = [], 0
    for part in parts:
        columns.append(np.where(part.columns == NO_COLUMN, NO_COLUMN, part.columns + used))
        used += part.columns.max(initial=NO_COLUMN) + 1
    merged = [np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Specimen)]
    return replace(Specimen(*merged), columns=np.concatenate(columns))


def regrouped(specimen: Specimen) -> Specimen:
    """With columns anew, as the projection of a crystal groups atoms; atoms of no column stay in none."""
    own = np.flatnonzero(specimen.columns != NO_COLUMN)
    columns = np.full(len(specimen), NO_COLUMN)
    if len(own):
        places = specimen.positions[own, :2]
        box = np.diag(np.ptp(places, axis=0) + 2 * WIDEST_COLUMN_A)
        for number, (atoms, _) in enumerate(grouped(places - places.min(axis=0), box)):
            columns[own[atoms]] = number
    return replace(specimen, columns=columns)


def column_means(
    column: np.ndarray, positions: np.ndarray, strengths: np.ndarray, thermal_b: np.ndarray
) -> dict[str, np.ndarray]:
    """Columns from the points they are made of.

    Parameters
    ----------
    column : ndarray of int, shape (points,)
        Column of each point, all from 0 up in use.
    positions : ndarray, shape (points, 2)
        x and y [A].
    strengths, thermal_b : ndarray, shape (points,)
        Scattering strength, and B [A^2].

    Returns
    -------
    dict of ndarray, each of shape (columns,)
        `x_A`, `y_A` and `B_A2`, means weighted by strength, and `strength`, the sum.
    """
    total = np.bincount(column, strengths)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(column, strengths * values) / total

    means = {"x_A": mean(positions[:, 0]), "y_A": mean(positions[:, 1]), "B_A2": mean(thermal_b)}
    return means | {"strength": total}


def columns_of(specimen: Specimen, strengths: np.ndarray) -> dict[str, np.ndarray]:
    """The atomic columns of a specimen, as truth; atoms that belong to no column count in none.

    Parameters
    ----------
    specimen : Specimen
        Atoms.
    strengths : ndarray, shape (atoms,)
        Scattering strength of each atom, occupancy included, above 0.

    Returns
    -------
    dict of ndarray, each of shape (columns,)
        As `column_means`, with `atoms` (number, by occupancy) and `hidden` (under an overlayer that leaves less than
        half of the signal, or whose own atoms around the column's place are stronger than what is left).
    """
    own = specimen.columns != NO_COLUMN
    _, column = np.unique(specimen.columns[own], return_inverse=True)
    means = column_means(column, specimen.positions[own, :2], strengths[own], specimen.thermal_b[own])
    left = np.bincount(column, strengths[own] * specimen.transmission[own])
    places = np.column_stack([means["x_A"], means["y_A"]])
    above = specimen.positions[:, 2] < 0
    covering = np.zeros(len(places))
    if above.any() and len(places):
        near = cKDTree(specimen.positions[above, :2]).query_ball_point(places, _COVERING_A)
        covering = np.array([strengths[above][around].sum() for around in near])
    covered = np.bincount(column, ~above[own]) > 0  # a column of the overlayer itself is none
    hidden = covered & ((left < 0.5 * means["strength"]) | (left < covering))
    return means | {"atoms": np.bincount(column, specimen.occupancies[own]), "hidden": hidden}


def projected(specimen: Specimen, strengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a linear image is made of: atoms that lie behind one another, and shake alike, as one.

    Parameters
    ----------
    specimen : Specimen
        Atoms.
    strengths : ndarray, shape (atoms,)
        Scattering strength of each; an overlayer's transmission is applied here.

    Returns
    -------
    positions, strengths, thermal_b : ndarray of shapes (points, 2), (points,), (points,)
        x and y [A], sums, B [A^2].
    """
    keys = np.column_stack([specimen.positions[:, :2], specimen.thermal_b])
    order = np.lexsort(np.round(keys, 4).T)
    new = np.ones(len(keys), bool)
    new[1:] = (np.abs(np.diff(keys[order], axis=0)) > 1e-4).any(axis=1)
    first = keys[order][new]
    sums = np.bincount(np.cumsum(new) - 1, (strengths * specimen.transmission)[order], len(first))
    return first[:, :2], sums, first[:, 2]


def crystal_slab(
    projection: Projection,
    extent: tuple[float, float],
    rotation: float,
    offset: np.ndarray,
    margin: float,
    thickness: float,
) -> Specimen:
    """A perfect crystal that fills a field of view and a margin around it, from z = 0 to its thickness.

    Parameters
    ----------
    projection : Projection
        The crystal along its zone axis.
    extent, rotation, offset, margin
        As in `columns_in_field`.
    thickness : float
        Atoms at 0 <= z < thickness are part of it [A].
    """
    places, sites, cells = columns_in_field(projection, extent, rotation, offset, margin)
    counts = np.array([len(column["atoms"]) for column in projection.columns])
    atoms = [(column, atom) for column in projection.columns for atom in column["atoms"]]
    numbers = np.array([atomic_numbers[atom["element"]] for _, atom in atoms])
    occupancies, heights, thermal_b = (
        np.array([a[key] for _, a in atoms]) for key in ("occupancy", "height_A", "B_A2")
    )
    offsets = np.array([[atom[axis] - column[axis] for axis in ("x_A", "y_A")] for column, atom in atoms])

    column, atom = members(counts, sites)
    places = places[column] + (offsets @ in_plane_turn(rotation))[atom]
    first = (heights[atom] + (cells @ projection.rise)[column]) % projection.period
    layers = np.arange(int(np.ceil(thickness / projection.period)))
    z = first[:, None] + projection.period * layers
    chosen, layer = np.nonzero(z < thickness)
    positions = np.column_stack([places[chosen], z[chosen, layer]])
    column, atom = column[chosen], atom[chosen]
    return Specimen(positions, numbers[atom], occupancies[atom], thermal_b[atom], column, np.ones(len(atom)))
