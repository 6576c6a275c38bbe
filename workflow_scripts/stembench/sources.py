"""Digests of source code: what of the code a product's content can depend on.

Rules carry the digest of their script as a parameter, so a product is remade when the digest changes. The digest covers
the script and every module that it imports, directly or through others, but only statements that can change a result.
These do not count:

- comments, layout, docstrings, `pass`;
- type hints of functions and of variables, imports under `if TYPE_CHECKING:`, imports from `typing`; hints in the body
  of a class do count, because dataclasses and pydantic read them;
- the arguments of an exception: its message. Which exception is raised, and when, does count;
- the text in calls of `say`, `report` and loggers; what is computed in them does count;
- `__all__`, `__getattr__` and `__dir__` of a module, by which a package offers names to its users;
- `__version__`, and the `source` and `published_parameters` of a network, which products only quote.

The digest is the same in every version of Python, because it is made from the names and the values in the syntax tree
and leaves out empty fields: those are what differs between the versions.
"""

import ast
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from stembench.errors import InputError

# Fields of the syntax tree that change nothing: type hints, and what follows from the place of a node.
_UNUSED_FIELDS = {"ctx", "kind", "type_comment", "type_ignores", "returns"}
_UNUSED_FIELDS_OF: dict[type[ast.AST], set[str]] = {ast.arg: {"annotation"}, ast.Assert: {"msg"}}
_TYPING = {"__future__", "collections.abc", "typing"}
_QUOTED = {"source", "published_parameters"}
_TELLERS = {"say", "report", "warn"}
_LOGGERS = {"_log", "logger", "logging"}


def source_digest(
    script: str | Path, folder: str | Path, loaded: Sequence[str] = (), ignored: Sequence[str] = ()
) -> str:
    """Return the digest of a script and of all modules behind it.

    The parameters and errors are those of `modules_behind`.
    """
    digest = hashlib.sha256()
    for module in sorted(modules_behind(script, folder, loaded, ignored)):
        digest.update(module.relative_to(folder).as_posix().encode() + b"\0" + _read(module, Path(folder))[1])
    return digest.hexdigest()[:16]


def modules_behind(
    script: str | Path, folder: str | Path, loaded: Sequence[str] = (), ignored: Sequence[str] = ()
) -> set[Path]:
    """Return a script and all modules under `folder` that it imports, directly or through others.

    Imports inside functions count as well.

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

    Raises
    ------
    InputError
        If a module has a relative import; names its file and line.
    ValueError
        If there is no module of a name in `loaded`.
    """
    script, folder = Path(script), Path(folder)
    for name in loaded:
        if not (folder.joinpath(*name.split(".")).with_suffix(".py")).is_file():
            raise ValueError(f"there is no module {name} in {folder}")
    places = [folder.joinpath(*name.split(".")) for name in ignored]
    left_out = {file for place in places for file in (place.with_suffix(".py"), place)}
    modules = {module for name in loaded for module in _files(name, folder)}
    waiting = [script, *modules]
    while waiting:
        imported = _read(waiting.pop(), folder)[0] - modules
        new = {module for module in imported if left_out.isdisjoint((module, *module.parents))}
        modules |= new
        waiting += new
    return {*modules, script}


@cache
def _read(file: Path, folder: Path) -> tuple[frozenset[Path], bytes]:
    """Return the files that a module imports, and the digest of the module alone."""
    names, code = _parsed(file, file.read_text(encoding="utf-8"))
    return frozenset(path for name in names for path in _files(name, folder)), code


@cache
def _files(module: str, folder: Path) -> tuple[Path, ...]:
    """Return the files behind a dotted name: its packages, and itself if it is a module of this folder."""
    parts = module.split(".")
    packages = [folder.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return tuple(path for path in (*packages, folder.joinpath(*parts).with_suffix(".py")) if path.exists())


@cache
def _parsed(file: Path, text: str) -> tuple[frozenset[str], bytes]:
    """Return the dotted names that a module imports, and its digest."""
    code = _Code(file)
    code.add(ast.parse(text, file))
    return frozenset(code.imported), hashlib.sha256("".join(code.parts).encode()).digest()


class _Code:
    """The statements of a module that count, as text that is the same in every version of Python."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.parts: list[str] = []
        self.imported: set[str] = set()
        self.in_class = False
        self.in_message = False

    def add(self, node: ast.AST) -> None:
        """Add a node and all that it is made of."""
        match node:
            case ast.Name():
                self.parts.append(f"${node.id} ")
            case ast.Constant():
                if not (self.in_message and isinstance(node.value, str)):
                    self.parts.append(f"{node.value!a} ")
            case ast.JoinedStr():
                self._add_f_string(node)
            case ast.Raise():
                raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                self._add_fields("Raise", [raised] if raised else [])
            case ast.Call() if _called(node).endswith("Error"):
                self._add_fields("Error", [node.func])
            case ast.Call() if _tells(node):
                before, self.in_message = self.in_message, True
                self._add_all(node)
                self.in_message = before
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                before, self.in_class = self.in_class, isinstance(node, ast.ClassDef)
                self._add_all(node)
                self.in_class = before
            case _:
                self._add_all(node)

    def _add_all(self, node: ast.AST) -> None:
        kind = type(node)
        unused = _UNUSED_FIELDS_OF.get(kind, ())
        self.parts.append(f"({kind.__name__}")
        for name in kind._fields:
            value = getattr(node, name, None)
            if name in _UNUSED_FIELDS or name in unused or value is None or value == []:
                continue
            before = len(self.parts)
            self.parts.append(f" {name}=")
            after = len(self.parts)
            if isinstance(value, ast.AST):
                self.add(value)
            elif not isinstance(value, list):
                self.parts.append(str(value))
            elif isinstance(value[0], ast.stmt):
                self._add_block(value)
            else:
                self._add_list(value)
            if len(self.parts) == after:
                del self.parts[before:]
        self.parts.append(")")

    def _add_list(self, values: Iterable[ast.AST | str | None]) -> None:
        self.parts.append("[")
        for value in values:
            if isinstance(value, ast.AST):
                self.add(value)
            else:  # `None` is the key of `**mapping` in a dictionary
                self.parts.append(f"{value} ")
        self.parts.append("]")

    def _add_fields(self, kind: str, nodes: Iterable[ast.AST]) -> None:
        self.parts.append(f"({kind} ")
        for node in nodes:
            self.add(node)
        self.parts.append(")")

    def _add_f_string(self, node: ast.JoinedStr) -> None:
        """Add an f-string; versions of Python cut the text between its values differently."""
        self.parts.append("(f ")
        text = ""
        for value in node.values:
            if isinstance(value, ast.Constant):
                text += "" if self.in_message else str(value.value)
                continue
            if text:
                self.parts.append(ascii(text))
                text = ""
            self.add(value)
        self.parts.append(f"{ascii(text) if text else ''})")

    def _add_block(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements:
            match statement:
                case ast.Pass() | ast.Expr(value=ast.Constant()):
                    continue
                case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                    self._add_block(statement.orelse)
                    continue
                case ast.Assign(targets=[ast.Name(id="__version__" | "__all__")]):
                    continue
                case ast.FunctionDef(name="__getattr__" | "__dir__") if not self.in_class:
                    continue
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant()) if self.in_class and name in _QUOTED:
                    continue
                case ast.AnnAssign() if not self.in_class:
                    if statement.value is None:
                        continue
                    statement = ast.Assign(targets=[statement.target], value=statement.value)
                case ast.Import():
                    self.imported.update(alias.name for alias in statement.names)
                case ast.ImportFrom(module=module) if statement.level:
                    named = "." * statement.level + (module or "")
                    raise InputError(
                        f"{self.file}, line {statement.lineno}: `from {named} import` is relative; "
                        "write the whole name of the module"
                    )
                case ast.ImportFrom(module=str(module)):
                    if module in _TYPING:
                        continue
                    self.imported.update((module, *(f"{module}.{alias.name}" for alias in statement.names)))
            self.add(statement)


def _called(call: ast.Call) -> str:
    """Return the last part of the name that is called."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _tells(call: ast.Call) -> bool:
    """Return whether a call only tells what happens, in the log or on the terminal."""
    match call.func:
        case ast.Attribute(value=ast.Name(id=owner)) if owner in _LOGGERS:
            return True
    return _called(call) in _TELLERS
