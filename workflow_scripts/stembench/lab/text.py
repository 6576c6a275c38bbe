"""Images that are written as numbers into text files."""

import io
import re
from pathlib import Path

import numpy as np

from stembench.errors import InputError
from stembench.lab.limits import MAX_BYTES
from stembench.lab.signals import Signal

#: Lines, and numbers in a line, from which on a text file is an image.
LEAST = 32

_HEAD_BYTES = 2**18  # in which the first line of numbers stands
_COMMENT = re.compile(r"\s*([#%*]|//|$)")


def begins_as_image(path: Path) -> bool:
    """Return whether the first line of a text file holds as many numbers as the row of an image.

    Lines that begin with # or %, as ImageJ and Gwyddion write them, are passed over.
    """
    try:
        with path.open("rb") as file:
            lines = _text(file.read(_HEAD_BYTES)).splitlines()
    except OSError:
        return False
    first = next((line for line in lines if not _COMMENT.match(line)), "")
    return len(_numbers(first)) >= LEAST


def read_text(path: Path) -> list[Signal]:
    """Return the table of numbers in a text file, whose columns are divided by spaces, tabs, commas or semicolons.

    Raises
    ------
    InputError
        If it holds anything else, or too few numbers for an image.
    """
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path}: is a text of more than {MAX_BYTES >> 30} GiB; save the image as tif")
    lines = [line for line in _text(path.read_bytes()).splitlines() if not _COMMENT.match(line)]
    columns = len(_numbers(lines[0])) if lines else 0
    if not columns:
        raise InputError(f"{path}: does not begin with a line of numbers; give the image as tif")
    if columns >= LEAST > len(lines) or 3 < columns < LEAST:
        raise InputError(
            f"{path}: holds a table of {len(lines)} lines of {columns} numbers, not an image, which has at least "
            f"{LEAST} of each; give the image as tif"
        )
    try:
        values = np.loadtxt(io.StringIO("\n".join(map(_divided, lines))), dtype=np.float32, ndmin=2, comments=None)
    except ValueError:
        raise InputError(
            f"{path}: is no table of numbers with {columns} in every line; give the image as tif"
        ) from None
    return [Signal(values)]


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _divided(line: str) -> str:
    """A line with spaces between its numbers, and points in them."""
    if ";" in line or "\t" in line:
        return line.replace(",", "." if "." not in line else " ").replace(";", " ")
    return line.replace(",", " ")


def _numbers(line: str) -> list[float]:
    try:
        return list(map(float, _divided(line).split()))
    except ValueError:
        return []
