"""Data blocks of CIFs that break the rules of quoting.

Read line by line, as most programs that write such files do: a tag with the rest of its line, a row of a loop per line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

#: A line that is no part of a text: where one is met inside a text field, the end of the field is missing.
_OUTSIDE_TEXT = re.compile(r"\s*(data_|loop_|_(cell|atom_site|symmetry|space_group)[_.])", re.IGNORECASE)
_BLANK = re.compile(r"\s*")
_WORD = re.compile(r"\S+")
_CLOSING = {quote: re.compile(rf"{quote}(?=\s|$)") for quote in "'\""}
_OPERATIONS = ("symop", "equiv_pos")
#: Loops without which the crystal would be another one.
_NEEDED = (*_OPERATIONS, "_atom_site_fract", "_atom_site.fract", "_atom_site_cartn", "_atom_site.cartn")


#: Longest text and line; the standard allows 2048 characters a line.
_LONGEST, _LONGEST_LINE = 5_000_000, 10_000


class CannotMendError(ValueError):
    """A loop of atoms or symmetry has too few or too many values, or the text is too long to be mended."""


@dataclass
class RepairedBlock:
    """A data block as it was read: pairs of a tag and its values, empty strings where they are unknown."""

    name: str
    items: list[tuple[str, list[str]]] = field(default_factory=list)


def repaired(text: str) -> list[RepairedBlock]:
    """Return the data blocks of a CIF with illegal quoting.

    A missing `data_` line, quotes that are not closed, values of several words without quotes, text fields without an
    end and broken loops of other things than atoms and symmetry are accepted.

    Raises
    ------
    CannotMendError
        If a line of a loop of atoms or symmetry has not a value for each tag, or the text is too long.
    """
    lines = text.split("\n")
    if len(text) > _LONGEST or max(map(len, lines)) > _LONGEST_LINE:
        raise CannotMendError("the file or a line is too long to be mended")
    reader = _Reader(lines)
    reader.read()
    return reader.blocks


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self.lines, self.next = lines, 0
        self.blocks = [RepairedBlock("")]
        self.waiting = ""  # tag whose value comes on a later line
        self.tags: list[str] | None = None  # of the loop that is being read
        self.rows: list[list[str]] = []

    def read(self) -> None:
        while self.next < len(self.lines):
            line = self.lines[self.next]
            self.next += 1
            if line.startswith(";") and (self.waiting or self.tags):
                self._values([self._text_field(line)])
                continue
            line = line.strip()
            while line:
                line = self._rest(line)
        self._end_loop()

    def _rest(self, line: str) -> str:
        """Read what a line begins with, and return what comes behind it."""
        start = line[:5].lower()
        if start[0] == "#":
            return ""
        if start == "data_":
            self._end_loop()
            self.blocks.append(RepairedBlock(line[5:].strip()))
        elif start == "loop_":
            self._end_loop()
            self.tags = []
            return line[5:].strip()
        elif start[0] == "_" and self.tags is not None and not self.rows:
            tag, _, rest = line.replace("\t", " ").partition(" ")
            self.tags.append(tag)
            return rest.strip()
        elif start[0] == "_":
            self._end_loop()
            tag, _, rest = line.replace("\t", " ").partition(" ")
            self.waiting = tag
            return rest.strip()
        elif self.waiting:
            value, rest = _value(line)
            self._values([value])
            return rest
        elif self.tags:
            if any(part in tag.lower() for tag in self.tags for part in _OPERATIONS):
                line = re.sub(r"\s*,\s*", ",", line)
            self._values([_value(line)[0]] if len(self.tags) == 1 else list(_tokens(line)))
        elif self.blocks[-1].items and _is_needed(self.blocks[-1].items[-1][0]):
            raise CannotMendError(f"there are more values behind {self.blocks[-1].items[-1][0]} than it has tags")
        return ""

    def _values(self, values: list[str]) -> None:
        if self.waiting:
            self.blocks[-1].items.append((self.waiting, values))
            self.waiting = ""
        elif self.tags:
            if not self.rows or len(self.rows[-1]) >= len(self.tags):
                self.rows.append([])
            self.rows[-1] += values

    def _text_field(self, line: str) -> str:
        end = self.next
        while end < len(self.lines) and not self.lines[end].lstrip().startswith(";"):
            if _OUTSIDE_TEXT.match(self.lines[end]):
                return line[1:].strip()
            end += 1
        if end == len(self.lines):
            return line[1:].strip()
        text = [line[1:], *self.lines[self.next : end]]
        self.lines[end] = self.lines[end].lstrip()[1:]  # what comes behind the text is read next
        self.next = end
        return "\n".join(text).strip()

    def _end_loop(self) -> None:
        tags, rows = self.tags, self.rows
        self.tags, self.rows, self.waiting = None, [], ""
        if not tags or not rows:
            return
        if all(len(row) == len(tags) for row in rows):
            self.blocks[-1].items += [(tag, list(column)) for tag, column in zip(tags, zip(*rows))]
        elif any(map(_is_needed, tags)):
            wrong = next(row for row in rows if len(row) != len(tags))
            raise CannotMendError(f"a row of the loop of {tags[0]} has {len(wrong)} values for {len(tags)} tags")


def _is_needed(tag: str) -> bool:
    return any(part in tag.lower() for part in _NEEDED)


def _tokens(line: str) -> Iterator[str]:
    """The values on a line of a loop; a quote that is not closed is left away."""
    at, never_closed = 0, set()
    while (at := _BLANK.match(line, at).end()) < len(line) and line[at] != "#":  # type: ignore[union-attr]
        quote = line[at]
        if quote in _CLOSING and quote not in never_closed:
            if closing := _CLOSING[quote].search(line, at + 1):
                yield line[at + 1 : closing.start()]
                at = closing.end()
                continue
            never_closed.add(quote)
        word = _WORD.match(line, at)[0]  # type: ignore[index]
        at += len(word)
        yield "" if word in ("?", ".") else word.lstrip("'\"")


def _value(text: str) -> tuple[str, str]:
    """The value that a line gives to a tag, and what comes behind it."""
    quote = text[0]
    if quote in _CLOSING and len(text) > 1:
        closing = _CLOSING[quote].search(text, 1)
        if not closing:
            return re.split(r"\s#", text[1:])[0].strip(), ""
        rest = text[closing.end() :].strip()
        if rest.startswith("_"):
            return text[1 : closing.start()], rest
        return text[1 : [found.start() for found in _CLOSING[quote].finditer(text, 1)][-1]], ""  # quotes in the value
    value, tag, rest = text.partition(" _")
    value, comment, _ = value.partition(" #")
    return "" if value.strip() in ("?", ".") else value.strip(), "" if comment else (tag + rest).strip()
