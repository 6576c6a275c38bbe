"""Positions of columns in a CSV file."""

import csv
from pathlib import Path

import numpy as np

from stembench.errors import InputError

_PAIRS = {"px": ("x_px", "y_px"), "A": ("x_A", "y_A")}


def read_positions(path: str | Path, pixel_size: float, name: str) -> np.ndarray:
    """Positions x and y [A], shape (columns, 2), in a CSV file whose first line names `x_px`, `y_px` or `x_A`, `y_A`.

    Raises
    ------
    InputError
        If the file cannot be read, or a position is no number.
    """
    positions, unit, _ = read_csv(Path(path), name)
    return np.reshape(positions, (-1, 2)) * (1.0 if unit == "A" else pixel_size)


def read_csv(path: Path, name: str) -> tuple[np.ndarray, str, list[str]]:
    """Positions in a CSV file, their unit ("px" or "A"), and the line of each.

    Raises
    ------
    InputError
        If the file cannot be read, or a position is no number; it begins with `name` this is said.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # a spreadsheet's byte order mark is no name
            reader = csv.DictReader(file, skipinitialspace=True)
            header = reader.fieldnames = [field.strip() for field in reader.fieldnames or []]
            units = [unit for unit, pair in _PAIRS.items() if set(pair) <= set(header)]
            if len(units) != 1:
                found = f"it names {', '.join(header)}" if any(header) else "the file is empty"
                raise InputError(
                    f"{name}, line 1: must name the columns x_px,y_px or x_A,y_A, one pair of them, with commas "
                    f"between; {found}"
                )
            positions, places = [], []
            for row in reader:
                places.append(f"line {reader.line_num}")
                positions.append([_number(row[key], key, f"{name}, {places[-1]}") for key in _PAIRS[units[0]]])
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{name}: is no CSV text ({error}); save it as CSV in UTF-8") from None
    return np.array(positions), units[0], places


def _number(text: str | None, key: str, where: str) -> float:
    try:
        number = float(text or "")
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"{where}: {key} is {text or ''!r}, which is no number; write one, or remove the line")
    return number
