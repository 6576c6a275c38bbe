"""Pages of the documentation, as tests read them: blocks of code, tables, and the products that a page describes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[1]


def pages() -> list[Path]:
    """Every page that a user reads."""
    found = [*(REPOSITORY / "docs").rglob("*.md"), REPOSITORY / "README.md"]
    return sorted(path for path in found if "_build" not in path.parts)


class Block(NamedTuple):
    """A block of code of a page, where it begins, and its language."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


def blocks(*languages: str) -> Iterator[Block]:
    """Blocks of code in these languages, of all pages."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            if found[1] in languages:
                yield Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2])


class Product(NamedTuple):
    """Files that a section of the page on products describes, and their columns."""

    paths: list[str]
    columns: dict[str, bool]  # whether each has an interval beside it
    others: list[str]  # sections whose columns it has as well


def products() -> dict[str, Product]:
    """Sections of the page on products by their heading."""
    page = (REPOSITORY / "docs" / "reference" / "products.md").read_text(encoding="utf-8")
    found = {}
    for section in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        heading, text = section.split("\n", 1)
        cells = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
        names = [name for cell in cells for name in re.findall(r"`(\w+)`( ±)?", cell)]
        columns = {name: bool(interval) for name, interval in names}
        introduction = text.partition("\n| ")[0].replace("\n", " ")
        others = re.findall(r"\]\(#([\w-]+)\)", introduction) if "The columns of [" in introduction else []
        found[heading] = Product(re.findall(r"`(results/[^`]+)`", text.partition("\n| ")[0]), columns, others)
    return found


def anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub and MyST make it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
