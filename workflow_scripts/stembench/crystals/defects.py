"""Point defects and disorder in a specimen; each function gives a new one."""

from dataclasses import replace

import numpy as np
from ase.data import atomic_numbers
from scipy.spatial import cKDTree

from stembench.crystals.disorder import points_apart
from stembench.crystals.specimen import NO_COLUMN, Specimen, together


def with_vacancies(specimen: Specimen, fraction: float, rng: np.random.Generator, of: str = "atoms") -> Specimen:
    """A random fraction of the atoms (`of="atoms"`) or of whole columns (`of="columns"`) removed."""
    return specimen[~_drawn(specimen, fraction, rng, of)]


def with_substitutions(
    specimen: Specimen, fraction: float, element: str, rng: np.random.Generator, of: str = "atoms"
) -> Specimen:
    """A random fraction of the atoms, or of whole columns, replaced by `element` (symbol)."""
    replaced = _drawn(specimen, fraction, rng, of)
    return replace(specimen, numbers=np.where(replaced, atomic_numbers[element], specimen.numbers))


def with_interstitials(
    specimen: Specimen,
    fraction: float,
    clearance: float,
    extent: tuple[float, float],
    rng: np.random.Generator,
    of: str = "atoms",
) -> Specimen:
    """Copies of random atoms, or columns, at places between the columns; each is a column of its own.

    Parameters
    ----------
    specimen : Specimen
        What they are put into.
    fraction : float
        Their number as a fraction of the atoms, or columns, in the field.
    clearance : float
        Smallest distance in the image from every column and from each other [A]; where no place is left, fewer are
        added.
    extent : tuple of float
        Height and width of the field [A].
    rng : numpy.random.Generator
        Source of randomness.
    of : {"atoms", "columns"}
        What is copied.
    """
    groups = specimen.columns if of == "columns" else np.arange(len(specimen))
    in_field = np.all((specimen.positions[:, :2] >= 0) & (specimen.positions[:, :2] <= extent[::-1]), axis=1)
    candidates = np.unique(groups[in_field & (specimen.columns != NO_COLUMN)])
    wanted = rng.binomial(len(candidates), fraction)
    drawn = rng.uniform(0, extent[::-1], (20 * wanted, 2))
    free = drawn[cKDTree(specimen.positions[:, :2]).query(drawn)[0] >= clearance]
    places = points_apart(free, clearance)[:wanted]
    parts = [specimen]
    for place, group in zip(places, rng.choice(candidates, len(places), replace=False)):
        copied = specimen[groups == group]
        positions = np.column_stack([np.broadcast_to(place, (len(copied), 2)), copied.positions[:, 2]])
        parts.append(replace(copied, positions=positions, columns=np.zeros(len(copied), int)))
    return together(*parts)


def displaced(specimen: Specimen, sd: float, rng: np.random.Generator, of: str = "atoms") -> Specimen:
    """Atoms, or whole columns, moved in the image by a Gaussian displacement of `sd` along each axis [A]."""
    if of == "atoms":
        shifts = rng.normal(0, sd, (len(specimen), 2))
    else:
        shifts = rng.normal(0, sd, (specimen.columns.max(initial=0) + 1, 2))[specimen.columns]
    return specimen.moved(np.column_stack([shifts, np.zeros(len(specimen))]))


def _drawn(specimen: Specimen, fraction: float, rng: np.random.Generator, of: str) -> np.ndarray:
    """Mask of a random fraction of the atoms, or of all atoms in a random fraction of the columns."""
    if of == "atoms":
        return rng.random(len(specimen)) < fraction
    return (rng.random(specimen.columns.max(initial=0) + 1) < fraction)[specimen.columns]
