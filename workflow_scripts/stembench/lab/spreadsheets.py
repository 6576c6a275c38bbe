"""Tables that users write by hand or by a spreadsheet of any country."""

import csv
from pathlib import Path

from stembench.errors import InputError, in_short


def read_lines(path: str | Path, name: str) -> tuple[list[tuple[int, list[str]]], bool]:
    """The lines of a CSV file that hold something.

    Parameters
    ----------
    path : str or Path
        In UTF-8 or UTF-16; commas, semicolons or tabs stand between its cells, as its first line has most of.
    name : str
        What messages call the file.

    Returns
    -------
    lines : list of (int, list of str)
        Number in the file, from 1, and cells of each, without white space around them.
    decimal_commas : bool
        Whether a comma in a cell may stand for a decimal point, since none stands between cells.

    Raises
    ------
    InputError
        If it is no such text.
    """
    try:
        content = Path(path).read_bytes()
        # A spreadsheet's byte order mark belongs to no name.
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        delimiter = max(",;\t", key=text.lstrip().partition("\n")[0].count)
        reader = csv.reader(text.splitlines(), delimiter=delimiter, skipinitialspace=True)
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{name}: is no CSV text ({in_short(error)}); save it as CSV in UTF-8") from None
    return [(number, cells) for number, cells in lines if any(cells)], delimiter != ","
