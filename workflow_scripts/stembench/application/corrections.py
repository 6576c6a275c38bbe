"""A user's own word on the columns of her image: those to add, to remove, to move."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from stembench.errors import InputError
from stembench.lab.spreadsheets import read_lines
from stembench.localisation.peaks import MIN_DISTANCE_A

_PLACE, _TARGET = ("x_px", "y_px"), ("to_x_px", "to_y_px")
_NEEDED = {"add": _PLACE, "remove": _PLACE, "move": (*_PLACE, *_TARGET)}
_NAMES = ("action", *_PLACE, *_TARGET, "frame")
_READ = ("action", "frame", "x_A", "y_A", "to_x_A", "to_y_A", "place")


def read_corrections(
    path: str | Path, name: str, *, shape: tuple[int, int], pixel_sizes: tuple[float, float], frames: int = 1
) -> pd.DataFrame:
    """Corrections that a user wrote beside her image.

    Parameters
    ----------
    path : str or Path
        A CSV file whose first line names the columns `action` (add, remove or move), `x_px`, `y_px` (where the column
        is, or shall be added), `to_x_px`, `to_y_px` (where it is moved to) and, of a stack, `frame`, counted from 0 and
        0 where it is blank. Pixels are those of the image's file, their centres at integers, the origin at the top
        left. What a spreadsheet writes with semicolons or tabs and decimal commas is read as well.
    name : str
        What messages call the file.
    shape : tuple of int
        Height and width of the image [px].
    pixel_sizes : tuple of float
        Along x and along y [A].
    frames : int
        How many the image has.

    Returns
    -------
    DataFrame
        A row a correction: `action`, `frame`, `x_A`, `y_A`, `to_x_A`, `to_y_A` [A] (the latter NaN but for move), and
        its `place` in the file, for messages.

    Raises
    ------
    InputError
        If the file cannot be read, an action is unknown, a position is no number or outside of the image, or two lines
        speak of one column.
    """
    corrections = []
    for line, row in _rows(Path(path), name):
        where = f"{name}, line {line}"
        action = row["action"].lower()
        if action not in _NEEDED:
            raise InputError(f"{where}: action is {row['action']!r}; write one of {', '.join(_NEEDED)}")
        needed = {key: _number(row[key], key, where) for key in _NEEDED[action]}
        for pair in (_PLACE, _TARGET)[: len(needed) // 2]:
            at = np.array([needed[key] for key in pair])
            if not np.all((at >= -0.5) & (at <= np.array(shape[::-1]) - 0.5)):
                raise InputError(
                    f"{where}: {pair[0]} = {at[0]:g}, {pair[1]} = {at[1]:g} lies outside of the image of {shape[1]} x "
                    f"{shape[0]} px; correct or remove the line, or see whether x and y are exchanged"
                )
        frame = _number(row["frame"] or "0", "frame", where)
        if frame not in range(frames):
            raise InputError(f"{where}: frame is {row['frame']}; the image has the frames 0 to {frames - 1}, write one")
        places = [needed.get(key, np.nan) * size for key, size in zip((*_PLACE, *_TARGET), 2 * pixel_sizes)]
        told = f"{where} ({action} at x = {needed['x_px']:g}, y = {needed['y_px']:g} px)"
        corrections.append((action, int(frame), *places, told))
    table = pd.DataFrame(corrections, columns=list(_READ))
    for _, lines in table.groupby("frame"):
        for first, second in sorted(cKDTree(lines[["x_A", "y_A"]]).query_pairs(MIN_DISTANCE_A))[:1]:
            raise _twice(lines.place.iloc[first], lines.place.iloc[second])
    return table


def _rows(path: Path, name: str) -> list[tuple[int, dict[str, str]]]:
    """Each line that is not blank: its number, and its text by the name of the column."""
    lines, decimal_commas = read_lines(path, name)
    header = lines[0][1] if lines else []
    missing = [key for key in ("action", *_PLACE) if key not in header]
    if missing or set(header) - set(_NAMES):
        found = f"it names {', '.join(header)}" if any(header) else "the file is empty"
        raise InputError(
            f"{name}, line 1: must name the columns action,x_px,y_px, with to_x_px,to_y_px where a column is moved and "
            f"frame for a stack, and no others; {found}"
        )
    rows = []
    for number, line in lines[1:]:
        if len(line) > len(header):
            raise InputError(f"{name}, line {number}: has more fields than the first line names; remove some")
        row = dict.fromkeys(_NAMES, "") | dict(zip(header, line))
        if decimal_commas:
            row |= {key: row[key].replace(",", ".") for key in _NAMES[1:]}
        rows.append((number, row))
    return rows


def _number(text: str, key: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"{where}: {key} is {text!r}, which is no number; write one, or remove the line")
    return number


def corrected(columns: pd.DataFrame, corrections: pd.DataFrame) -> pd.DataFrame:
    """Columns after a user's corrections, all of which refer to the columns as they were found.

    A column is removed or moved that is the nearest to the given place within `MIN_DISTANCE_A`, or within half of the
    median distance between neighbours if that is more. Where a column is added within `MIN_DISTANCE_A` of one that was
    found, it takes that one's place, since two so near are not told apart: corrections outlive the network that they
    were made for. A table that has been corrected comes back as it is; what changes in the file is applied to what the
    network found.

    Parameters
    ----------
    columns : DataFrame
        With `x_A`, `y_A` [A] and, of a stack, `frame`.
    corrections : DataFrame
        Of `read_corrections`.

    Returns
    -------
    DataFrame
        The columns, numbered anew, with `origin`: network, added or moved. Those of the user have `confidence` 1 and
        a blank (NaN) `uncertainty_pm`. Of those added, which stand last, nothing else is known but their place.

    Raises
    ------
    InputError
        If there is no column to remove or move, or two lines speak of one column.
    """
    if "origin" in columns:
        return columns
    result = columns.reset_index(drop=True).assign(origin="network")
    frames = result.frame.to_numpy() if "frame" in result else np.zeros(len(result), int)
    spoken_of: dict[int, str] = {}  # each of the columns, and the line that does
    for frame, lines in corrections.groupby("frame"):
        here = np.flatnonzero(frames == frame)
        found = result.loc[here, ["x_A", "y_A"]].to_numpy(float)
        reach, tree = _reach(found), cKDTree(found)
        for line in lines.itertuples():
            distance, nearest = tree.query((line.x_A, line.y_A))  # inf where there is no column
            if distance <= (MIN_DISTANCE_A if line.action == "add" else reach):
                if (number := here[nearest]) in spoken_of:
                    raise _twice(spoken_of[number], line.place)
                spoken_of[number] = line.place
                if line.action == "move":
                    result.loc[number, ["x_A", "y_A", "origin"]] = line.to_x_A, line.to_y_A, "moved"
            elif line.action != "add":
                raise InputError(f"{line.place}: no column lies within {reach:.2f} A; correct or remove the line")
    users = result.origin == "moved"
    added = corrections.loc[corrections.action == "add", ["x_A", "y_A", "frame"]].assign(origin="added")
    kept = result.drop(index=[number for number in spoken_of if not users[number]])
    parts = [kept, added.reindex(columns=result.columns)] if len(added) else [kept]  # an empty one has no types
    result = pd.concat(parts, ignore_index=True)
    result.loc[result.origin != "network", ["confidence", "uncertainty_pm"]] = 1.0, np.nan
    return result


def _reach(found: np.ndarray) -> float:
    """How far from a given place the column may lie that is meant [A]."""
    if len(found) < 2:
        return MIN_DISTANCE_A
    return max(MIN_DISTANCE_A, float(np.median(cKDTree(found).query(found, k=2)[0][:, 1])) / 2)


def _twice(first: str, second: str) -> InputError:
    return InputError(f"{first} and {second} speak of one column; remove one of the lines, or write `move`")
