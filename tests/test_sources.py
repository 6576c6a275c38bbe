import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from stembench import sources
from stembench.errors import InputError
from stembench.sources import modules_behind, source_digest

#: What versions of Python parse differently, and all else that a module of Python 3.11 may hold.
CONSTRUCTS = r'''
"""A module."""

from __future__ import annotations

import math as m
from os import path, sep
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from nowhere import Nothing

α: int = 1
NUMBERS = [1, -1, 1.5, 1e400, 2j, True, None, ..., b"\x00\xff", u"old", "\U0001fae8 \x7f \u0378 \N{DEGREE SIGN}"]


class Point(NamedTuple):
    x: float
    y: float = 0.0


@m.ceil
class Derived(Point, metaclass=type):
    """A class."""

    flag = True

    async def wait(self, a, /, b=1, *args: int, c, d=2, **kwargs) -> None:
        """A method."""
        async with a as x, b:
            await x
        return [i async for i in a if i if not i]


def texts(value, width):
    yield f"", f"plain", f"{value}", f"a{value!r:>{width}}b" "c" f"{value:.2f}{width = }", f"{{{value}}}", f"{value:}"
    yield (
        "one "
        f"two {value} "
        "three"
    )
    x: int
    y: list[int] = [*value, *{**{"a": 1}, "b": 2}]
    z = lambda q, *_, r=3: (q := r) or m.sqrt(q) ** -q // 1
    del y[1:2, ::3, ...], z
    assert value, "message"
    match value:
        case None | True | 1 | "s":
            pass
        case {"k": [a, *_], **rest} if rest:
            return
        case Point(x=0, y=b) as c:
            global G
            G = b, c
        case _:
            ...
    try:
        raise ValueError(f"text {value}") from None
    except (KeyError, OSError) as error:
        raise
    else:
        while 0 < value <= 1 is not None not in (): break
    finally:
        for i, (j, *k) in value: continue
    with open(sep) as f, (path): f.read()
    try:
        pass
    except* ValueError:
        say(f"text {value:>3}", "text")
    return not value if +value @ ~value else value and 1 << 2 | 3 ^ 4 & 5 % 6
'''

SCRIPT = '''
"""A script."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

_log = logging.getLogger()


@dataclass
class Pair:
    source = "a paper of 2021"
    first: int = 1


def product(values: list, text="a", say=print) -> int:
    """Add up."""
    total: int = 0
    for value in values:
        total += value + 1
    if total < 0:
        raise ValueError(f"a negative sum: {total}")
    say(f"the sum is {total}")
    _log.info("the sum is %s", total)
    return total, text, refuse()


def refuse():
    return ValueError("no value")
'''

SAME = {
    "a comment": ("total: int = 0", "total: int = 0  # from nothing"),
    "layout": ("value + 1", "(value\n            + 1)"),
    "a docstring of a function": ('"""Add up."""', '"""Sum up."""'),
    "a docstring taken out": ('    """Add up."""\n', ""),
    "a hint of an argument": ("values: list", "values: tuple"),
    "a hint of what is returned": ("-> int", "-> float"),
    "a hint of a variable": ("total: int = 0", "total = 0"),
    "a name for hints": ("import TYPE_CHECKING", "import TYPE_CHECKING, Any"),
    "imports for hints": ("_log =", "if TYPE_CHECKING:\n    from library import other\n_log ="),
    "the message of an exception": ("a negative sum: {total}", "the sum {total:.3f} is negative"),
    "the message of an exception that is returned": ("no value", "nothing"),
    "the text of a line of progress": ("the sum is {total}", "sum: {total}"),
    "the text of a line of the log": ("the sum is %s", "sum: %s"),
    "a statement that does nothing": ("total += value + 1", "total += value + 1\n        pass"),
    "the version": ("_log =", '__version__ = "2.0"\n_log ='),
    "the paper that a class quotes": ("2021", "2022"),
}
OTHER = {
    "a number": ("value + 1", "value + 2"),
    "an operator": ("total += value", "total -= value"),
    "a text": ('text="a"', 'text="b"'),
    "a default": ("say=print", "say=repr"),
    "a field of a class": ("first: int = 1", "first: int = 2"),
    "a hint of a field, which dataclasses read": ("first: int", "first: ClassVar[int]"),
    "when an exception is raised": ("total < 0", "total <= 0"),
    "which exception is raised": ("raise ValueError", "raise KeyError"),
    "what a line of progress computes": ("the sum is {total}", "the sum is {values.pop()}"),
    "a decorator": ("@dataclass", "@dataclass(order=True)"),
    "an import": ("import logging", "import logging, library"),
    "a name": ("total", "whole"),
}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text, encoding="utf-8")
    sources._read.cache_clear()
    sources._files.cache_clear()


def digest_of(text: str, folder: Path) -> str:
    write(folder / "script.py", text)
    return source_digest(folder / "script.py", folder)


@pytest.mark.parametrize("edit", SAME)
def test_what_changes_no_product_leaves_the_digest(tmp_path, edit):
    before, after = SAME[edit]
    assert SCRIPT.count(before) >= 1
    assert digest_of(SCRIPT, tmp_path) == digest_of(SCRIPT.replace(before, after), tmp_path)


@pytest.mark.parametrize("edit", OTHER)
def test_what_may_change_a_product_changes_the_digest(tmp_path, edit):
    before, after = OTHER[edit]
    assert SCRIPT.count(before) >= 1
    assert digest_of(SCRIPT, tmp_path) != digest_of(SCRIPT.replace(before, after), tmp_path)


def test_a_digest_does_not_depend_on_the_version_of_python(tmp_path, repository):
    """Every Python from 3.11 on that is on the path digests the same; the pinned digest holds where there is one."""
    write(tmp_path / "script.py", CONSTRUCTS)
    library = repository / "workflow_scripts"
    program = f"""
import sys
sys.path.insert(0, {str(library)!r})
from stembench.sources import source_digest
print(source_digest({str(tmp_path / "script.py")!r}, {str(tmp_path)!r}))
print(source_digest({str(library / "train_network.py")!r}, {str(library)!r}, ["stembench.networks.sffn"]))
"""
    said = {
        python: subprocess.run([python, "-I", "-B", "-c", program], capture_output=True, text=True, check=True).stdout
        for python in pythons()
    }
    assert len(set(said.values())) == 1, said
    # Whoever changes this digest has every product made anew, trained networks too.
    assert said[sys.executable].split()[0] == "d89c1a6806e6ebf3"


def pythons() -> list[str]:
    """This Python, and one of each other version from 3.11 on that is on the path and runs."""
    folders = map(Path, os.environ["PATH"].split(os.pathsep))
    paths = [path for folder in folders for path in folder.glob("python3.*")]
    paths = [path for path in paths if re.fullmatch(r"python3\.(1[1-9]|[2-9]\d)", path.name)]
    runs = [path for path in paths if subprocess.run([path, "-V"], capture_output=True).returncode == 0]
    return [sys.executable, *{path.name: str(path) for path in runs}.values()]


@pytest.mark.parametrize("empty", [None, []])
def test_a_field_of_the_syntax_tree_that_a_newer_python_adds_does_not_count_while_it_is_empty(monkeypatch, empty):
    tree = ast.parse(CONSTRUCTS)
    older, newer = sources._Code(Path("a.py")), sources._Code(Path("a.py"))
    older.add(tree)
    for kind in {type(node) for node in ast.walk(tree)}:
        monkeypatch.setattr(kind, "_fields", (*kind._fields, "added"))
    for node in ast.walk(tree):
        node.added = empty
    newer.add(tree)
    assert newer.parts == older.parts


def test_text_of_an_f_string_counts_the_same_in_one_piece_or_several():
    whole, pieces = sources._Code(Path("a.py")), sources._Code(Path("a.py"))
    tree = ast.parse('f"ab{x}"')
    whole.add(tree)
    tree.body[0].value.values[:1] = [ast.Constant("a"), ast.Constant(""), ast.Constant("b")]
    pieces.add(tree)
    assert pieces.parts == whole.parts


def package(folder: Path) -> Path:
    library = folder / "library"
    write(library / "__init__.py", "")
    write(library / "deep.py", "VALUE = 1\n")
    write(library / "middle.py", "from library.deep import VALUE\n")
    write(library / "other.py", "VALUE = 2\n")
    write(folder / "script.py", "def main():\n    from library import middle\n")
    return library


def test_digest_follows_transitive_imports_and_no_others(tmp_path):
    library = package(tmp_path)

    def digest(**options):
        return source_digest(tmp_path / "script.py", tmp_path, **options)

    first, without = digest(), digest(ignored=["library.middle"])
    write(library / "other.py", "VALUE = 3\n")
    assert digest() == first
    write(library / "deep.py", "VALUE = 4\n")
    assert digest() != first
    assert digest(ignored=["library.middle"]) == without


def test_a_digest_is_not_that_of_the_scripts_date(tmp_path):
    package(tmp_path)
    script = tmp_path / "script.py"
    first = source_digest(script, tmp_path)
    os.utime(script, (0, 0))
    sources._read.cache_clear()
    assert source_digest(script, tmp_path) == first


def test_an_ignored_package_is_left_out_whole(tmp_path):
    library = package(tmp_path)
    write(library / "settings" / "__init__.py", "from library.settings.models import VALUE\n")
    write(library / "settings" / "models.py", "VALUE = 1\n")
    write(tmp_path / "script.py", "from library.settings import VALUE\n")

    def digest(**options):
        return source_digest(tmp_path / "script.py", tmp_path, **options)

    whole, without = digest(), digest(ignored=["library.settings"])
    write(library / "settings" / "models.py", "VALUE = 2\n")
    assert digest() != whole
    assert digest(ignored=["library.settings"]) == without


def test_imports_that_only_type_checkers_see_are_not_followed(tmp_path):
    library = package(tmp_path)
    checked = "import typing\nif typing.TYPE_CHECKING:\n    import library.other\nelse:\n    import library.deep\n"
    write(tmp_path / "script.py", checked)
    assert modules_behind(tmp_path / "script.py", tmp_path) == {
        tmp_path / "script.py",
        library / "__init__.py",
        library / "deep.py",
    }


def test_a_relative_import_is_refused_with_its_file_and_line(tmp_path):
    library = package(tmp_path)
    write(library / "middle.py", "import os\n\nfrom .deep import VALUE\n")
    with pytest.raises(
        InputError, match=re.escape(f"{library / 'middle.py'}, line 3: `from .deep import` is relative")
    ):
        source_digest(tmp_path / "script.py", tmp_path)
