"""The data blocks of a CIF file, their tags in one dialect."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gemmi.cif import as_number, as_string, read_string

from stembench.crystals.cif.repair import CannotMendError, repaired
from stembench.crystals.cif.text import decode, plain, with_straight_quotes
from stembench.errors import InputError, in_short

MAX_BYTES = 20_000_000

#: Coordinates of atoms: fractions of the cell, or orthogonal axes [A].
FRACTIONS, CARTESIAN = ([f"_atom_site_{kind}_{axis}" for axis in "xyz"] for kind in ("fract", "cartn"))
_FRACTION = re.compile(r"([+-]?\d{1,9})\s*/\s*(\d{1,9})")
_DECIMAL = re.compile(r"([+-]?\d{0,20})[.,](\d{0,20})(?:\(\d*\)?)?")


@dataclass
class Block:
    """A data block.

    Attributes
    ----------
    name : str
        What stands behind `data_`.
    values : dict of list of str
        Values of each tag, empty where they are unknown. Tags are in small letters, with `_` for the dots of newer
        dictionaries: `_cell.length_a` is `_cell_length_a`.
    conflicts : list of str
        Tags that are given more than once, with different values.
    """

    name: str
    values: dict[str, list[str]] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, items: Iterable[tuple[str, list[str]]]) -> "Block":
        """From pairs of a tag, as it stands in the file, and its values."""
        block = cls(name)
        for tag, values in items:
            known = tag.lower().replace(".", "_")
            if block.values.setdefault(known, values) != values:
                block.conflicts.append(tag)
        return block

    def text(self, *tags: str) -> str:
        """The first of the tags that has a value, else an empty string."""
        return next(filter(None, (value for tag in tags for value in self.values.get(tag, [])[:1])), "")

    def number(self, *tags: str) -> float:
        """The number of the first tag that has a value, else NaN."""
        return number(self.text(*tags))

    def rows(self, needed: Iterable[str], further: Iterable[str] = ()) -> list[list[str]]:
        """Rows of the columns of a loop; those that are not needed may be missing, and are empty then."""
        columns = [self.values.get(tag, []) for tag in needed]
        length = len(columns[0])
        if any(len(column) != length for column in columns):
            return []
        columns += [
            column if len(column) == length else [""] * length for column in (self.values.get(t, []) for t in further)
        ]
        return [list(row) for row in zip(*columns)]

    @property
    def coordinates(self) -> list[str]:
        """Tags of the atoms' coordinates, which are empty where the block has no atoms."""
        for tags in (FRACTIONS, CARTESIAN):
            if any(all(row) for row in self.rows(tags)):
                return tags
        return FRACTIONS if any(any(row) for row in self.rows(FRACTIONS)) else []


def number(text: str) -> float:
    """The number in a text, its standard uncertainty left away; NaN if there is none.

    Ratios, such as 1/3, and decimal commas are understood.
    """
    value = as_number(text)
    if value != value:
        if (ratio := _FRACTION.fullmatch(text)) and int(ratio[2]):
            return int(ratio[1]) / int(ratio[2])
        if (decimal := _DECIMAL.fullmatch(text)) and (decimal[1].strip("+-") or decimal[2]):
            return float(f"{decimal[1]}.{decimal[2]}")
    return value


def read_blocks(path: Path) -> tuple[list[Block], bool]:
    """Return the data blocks of a CIF, and whether its quoting had to be repaired.

    Raises
    ------
    InputError
        If the file cannot be read or is no CIF.
    """
    try:
        if not path.is_file():
            raise InputError("no regular file; give the path of a CIF")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror}); give yourself the right to read it") from None
    if len(content) > MAX_BYTES:
        raise InputError(f"longer than {MAX_BYTES / 1e6:g} MB; leave only the crystal's data block in it")
    text = decode(content)
    try:
        document = read_string(plain(text), check_level=0)
    except (RuntimeError, ValueError) as error:
        return _repaired(text, str(error).removeprefix("string:")), True
    return [Block.of(block.name, _items(block)) for block in document if any(_items(block))], False


def _items(block: Any) -> Iterable[tuple[str, list[str]]]:
    for item in block:
        if item.pair:
            yield item.pair[0], [as_string(item.pair[1])]
        elif item.loop:
            width, values = len(item.loop.tags), item.loop.values
            for i, tag in enumerate(item.loop.tags):
                dotted = "_fract_" in tag.lower()  # see `sites._without_dots`
                yield tag, [value if dotted and value == "." else as_string(value) for value in values[i::width]]


def _repaired(text: str, reason: str) -> list[Block]:
    try:
        blocks = [Block.of(block.name, block.items) for block in repaired(plain(with_straight_quotes(text)))]
    except CannotMendError as error:
        reason, blocks = f"{reason}: {error}", []
    if not any(block.coordinates for block in blocks):
        raise InputError(f"no readable CIF (line {in_short(reason)}); correct that line, or unpack or replace the file")
    return blocks
