"""Columns that somebody marked in an image, read from a file."""

from pathlib import Path

import h5py
import numpy as np
from scipy.spatial import ConvexHull, QhullError, cKDTree

from stembench.errors import InputError, in_short
from stembench.lab.apart import Readable, read_apart
from stembench.lab.positions import read_csv

#: Most that an atom lattice may hold.
MAX_COLUMNS = 1_000_000

_SAME_A = 0.1  # nearer to each other two marks are of one column


def read_marked_columns(
    path: str | Path, pixel_size: float, shape: tuple[int, int], name: str, *, or_none: bool = False
) -> np.ndarray:
    """Positions of marked columns.

    Parameters
    ----------
    path : str or Path
        A CSV file whose first line names the columns `x_px` and `y_px` or `x_A` and `y_A`, others being passed over, or
        an atom lattice that atomap saved (hdf5). Pixel centres are at integers, the origin is the image's top left.
    pixel_size : float
        [A].
    shape : tuple of int
        Height and width of the image [px].
    name : str
        What messages call the file.
    or_none : bool
        Whether a CSV file may hold no position: the image shows no column.

    Returns
    -------
    ndarray, shape (columns, 2)
        x and y [A].

    Raises
    ------
    InputError
        If the file cannot be read, or a position is no number, outside of the image, or given twice.
    """
    read = _atom_lattice if Path(path).suffix == ".hdf5" else read_csv
    positions, unit, places = read(Path(path), name)
    if or_none and not len(positions):
        return np.empty((0, 2))
    if not len(positions):
        raise InputError(f"{name}: holds no positions below its first line; add a line for each column")
    positions = positions * (1.0 if unit == "A" else pixel_size)
    for place, at in zip(places, positions):
        if not np.all((at >= -pixel_size / 2) & (at <= (np.array(shape[::-1]) - 0.5) * pixel_size)):  # also nan
            raise InputError(
                f"{name}, {place}: {_told(at, unit, pixel_size)} lies outside of the image of {shape[1]} x {shape[0]} "
                f"px of {pixel_size:g} A; correct or remove it, or see whether x and y or the units are exchanged"
            )
    pairs = cKDTree(positions).query_pairs(_SAME_A)
    for first, second in sorted(pairs)[:1]:
        raise InputError(
            f"{name}, {places[first]} and {places[second]} mark one column, {_told(positions[first], unit, pixel_size)}"
            "; remove one of them"
        )
    try:
        ConvexHull(positions)
    except (QhullError, ValueError):
        raise InputError(
            f"{name}: {len(positions)} columns enclose no area, in which methods could be scored; mark more"
        ) from None
    return positions


def _told(at: np.ndarray, unit: str, pixel_size: float) -> str:
    """A position as the file gives it."""
    x, y = at / (1.0 if unit == "A" else pixel_size)
    return f"x = {x:.6g}, y = {y:.6g} {unit}"


def _atom_lattice(path: Path, name: str) -> tuple[np.ndarray, str, list[str]]:
    """Positions in all sublattices, read by a process of its own."""
    positions, told = read_apart(atom_positions, path, name)
    return positions, "px", told["places"]


def atom_positions(path: str | Path, name: str) -> Readable:
    """Positions [px] in an atom lattice and the `places` of each; where atomap could fit none they are left out."""
    try:
        with h5py.File(path) as file:
            groups = {key: group for key, group in file.items() if isinstance(group, h5py.Group)}
            sublattices = {key: group for key, group in groups.items() if "atom_positions" in group}
            crowded = [key for key, group in sublattices.items() if group["atom_positions"].size > 2 * MAX_COLUMNS]
            if crowded:
                raise InputError(
                    f"{name}: {crowded[0]} holds more than {MAX_COLUMNS} atoms; check that the file is complete"
                )
            found = {
                key: np.reshape(group["atom_positions"], (-1, 2)).astype(float) for key, group in sublattices.items()
            }
    except InputError:
        raise
    except Exception as error:  # h5py raises whatever it stumbles over in a damaged file
        raise InputError(
            f"{name}: is no atom lattice of atomap ({in_short(error)}); save it again, or as CSV"
        ) from None
    if not found:
        raise InputError(f"{name}: is no atom lattice of atomap (it holds no atom_positions); save it again, or as CSV")
    positions = np.concatenate(list(found.values()))
    places = [f"{key}, atom {i}" for key, part in found.items() for i in range(len(part))]
    fitted = np.isfinite(positions).all(axis=1)
    return positions[fitted], {"places": [place for place, known in zip(places, fitted) if known]}
