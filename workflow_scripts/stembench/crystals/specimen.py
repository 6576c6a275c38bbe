"""Atoms of a specimen in a field of view: what finite and imperfect objects are made of."""

from dataclasses import dataclass, fields, replace

import numpy as np
from ase.data import atomic_numbers

from stembench.crystals.field import columns_in_field
from stembench.crystals.projection import Projection

#: Column number of atoms that form no column, such as those of an amorphous support.
NO_COLUMN = -1


@dataclass(frozen=True)
class Specimen:
    """Atoms in the axes of an image: x to the right, y down, z along the beam, the origin at the top left.

    Attributes
    ----------
    positions : ndarray, shape (atoms, 3)
        x, y, z [A]; the beam enters at z = 0.
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
    atoms = [atom for column in projection.columns for atom in column["atoms"]]
    counts = np.array([len(column["atoms"]) for column in projection.columns])
    numbers = np.array([atomic_numbers[atom["element"]] for atom in atoms])
    occupancies, heights, thermal_b = (np.array([a[key] for a in atoms]) for key in ("occupancy", "height_A", "B_A2"))

    starts = np.cumsum(counts) - counts
    column = np.repeat(np.arange(len(sites)), counts[sites])
    atom = starts[sites][column] + np.arange(len(column)) - np.searchsorted(column, column)
    first = (heights[atom] + (cells @ projection.rise)[column]) % projection.period
    layers = np.arange(int(np.ceil(thickness / projection.period)))
    z = first[:, None] + projection.period * layers
    chosen, layer = np.nonzero(z < thickness)
    column, atom, z = column[chosen], atom[chosen], z[chosen, layer]
    positions = np.column_stack([places[column], z])
    return Specimen(positions, numbers[atom], occupancies[atom], thermal_b[atom], column, np.ones(len(atom)))
