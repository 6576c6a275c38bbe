"""Products appear whole or not at all, and say what made them."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from glob import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from stembench import __version__
from stembench.errors import InputError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PACKAGES = ("numpy", "scipy", "xarray", "zarr", "torch", "lightning", "atomap", "gemmi", "ase", "abtem")


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write a file or folder to; it takes its name only when the block succeeds.

    What killed processes left of the same product is removed: a product has one writer at a time. A full disk ends in
    an InputError that says so.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    for left in path.parent.glob(f".{escape(path.stem)}.*.partial{escape(path.suffix)}"):
        _remove(left)
    try:
        yield partial
        if path.is_dir():
            _remove(path)
        os.replace(partial, path)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise InputError(f"{path}: cannot be written ({os.strerror(error.errno)}); free space and run again") from error
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: str | Path, content: dict) -> None:
    """Write `content` and the provenance of this run as one JSON file."""
    with whole(path) as partial:
        partial.write_text(json.dumps(content | {"provenance": provenance()}, indent=1, allow_nan=False) + "\n")


def read_json(path: str | Path) -> dict:
    """Read a JSON product.

    Raises
    ------
    InputError
        If the file is none.
    """
    try:
        content = json.loads(Path(path).read_text())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no JSON text ({error}); remove it and run again, and it is made anew") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no JSON object; remove it and run again, and it is made anew")
    return content


@cache
def provenance() -> dict:
    """Versions and git commit of what makes a product; recorded in it, never a reason to remake it."""
    return {
        "stembench": __version__,
        "git_commit": _git_commit(),
        "python": sys.version.split()[0],
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    try:
        command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
