"""Which library modules a script rests on."""

import ast
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path


def source_digest(
    script: str | Path, folder: str | Path, loaded: Sequence[str] = (), ignored: Sequence[str] = ()
) -> str:
    """Digest of a script and of all modules behind it; it changes with their code, not with comments and docstrings.

    The parameters are those of `modules_behind`.
    """
    digest = hashlib.sha256()
    for module in sorted(modules_behind(script, folder, loaded, ignored)):
        digest.update(module.relative_to(folder).as_posix().encode() + _code(module))
    return digest.hexdigest()[:16]


def modules_behind(
    script: str | Path, folder: str | Path, loaded: Sequence[str] = (), ignored: Sequence[str] = ()
) -> set[Path]:
    """A script, and all modules under `folder` that it imports, directly or through others.

    Imports inside functions count as well; those for type checkers alone do not.

    Parameters
    ----------
    script : str or Path
        A Python file in `folder`.
    folder : str or Path
        Where imports are looked for.
    loaded : sequence of str
        Modules that the script loads by name (`stembench.networks.atomsegnet_unet`).
    ignored : sequence of str
        Modules and packages that change nothing in what a script makes.
    """
    places = [Path(folder).joinpath(*name.split(".")) for name in ignored]
    left_out = {file for place in places for file in (place.with_suffix(".py"), *place.rglob("*.py"))}
    modules = {module for name in loaded for module in _files(name, Path(folder))}
    waiting = [Path(script), *modules]
    while waiting:
        new = _imports(waiting.pop(), Path(folder)) - modules - left_out
        modules |= new
        waiting += new
    return {*modules, Path(script)}


@cache
def _imports(file: Path, folder: Path) -> set[Path]:
    found = set()
    for node in _statements(_tree(file)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found |= {path for name in names for path in _files(name, folder)}
    return found


def _files(module: str, folder: Path) -> set[Path]:
    """The files behind a dotted name: its packages, and itself if it is a module of this folder."""
    parts = module.split(".")
    packages = [folder.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return {path for path in (*packages, folder.joinpath(*parts).with_suffix(".py")) if path.exists()}


@cache
def _tree(file: Path) -> ast.Module:
    """A module without its docstrings."""
    tree = ast.parse(file.read_text())
    for node in _statements(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return tree


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """The module and every statement that runs in it, without what statements are made of: a tenth of its nodes."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        waiting += (
            child
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case)
        )


@cache
def _code(file: Path) -> bytes:
    return ast.dump(_tree(file)).encode()
