"""Which library modules a script rests on."""

import ast
import hashlib
from functools import cache
from pathlib import Path


def source_digest(script: str | Path, folder: str | Path) -> str:
    """Digest of all modules under `folder` that a script imports, directly or through others.

    It changes with their code, not with comments. Imports inside functions count as well.

    Parameters
    ----------
    script : str or Path
        A Python file in `folder`; its own text does not enter the digest (Snakemake watches it).
    folder : str or Path
        Where imports are looked for.
    """
    modules, waiting = set(), [Path(script)]
    while waiting:
        new = _imports(waiting.pop(), Path(folder)) - modules
        modules |= new
        waiting += new
    digest = hashlib.sha256()
    for module in sorted(modules):
        digest.update(module.relative_to(folder).as_posix().encode() + _code(module))
    return digest.hexdigest()[:16]


@cache
def _imports(file: Path, folder: Path) -> set[Path]:
    found = set()
    for node in ast.walk(_tree(file)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            packages = [folder.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
            module = folder.joinpath(*parts).with_suffix(".py")
            found |= {path for path in (*packages, module) if path.exists()}
    return found


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


@cache
def _code(file: Path) -> bytes:
    return ast.dump(_tree(file)).encode()
