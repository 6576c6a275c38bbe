"""Products appear whole or not at all, and say what made them."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from functools import cache
from glob import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from stembench import __version__
from stembench.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_REMEDIES = dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free space")
_REMEDIES |= dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "make it writable")
_FOLDER_MARK = ".snakemake_timestamp"
#: List of checksums in a product that is a folder.
CHECKSUMS = "checksums.sha256"
_LEAST_FREE = 2**18  # bytes: what Snakemake notes of a run
_CLOCKS_DIFFER_S = 10  # of a machine and the server of its files
_PACKAGES = ("numpy", "scipy", "xarray", "zarr", "torch", "lightning", "atomap", "gemmi", "ase", "abtem")


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write a file or folder to; it takes its name only when the block succeeds.

    What killed processes left of the same product is removed: a product has one writer at a time. A disk that is
    full or read-only ends in an InputError that says so.
    """
    path = Path(path)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f".{escape(path.stem)}.*.partial{escape(path.suffix)}"):
            _remove(left)
        try:
            yield partial
            if path.is_dir():
                _remove(path)
            os.replace(partial, path)
        finally:
            _remove(partial)


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """A disk that is full or read-only ends in an InputError that names the path and the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REMEDIES:
            raise
        reason, remedy = os.strerror(error.errno), _REMEDIES[error.errno]
        raise InputError(f"{path}: cannot be written ({reason}); {remedy} and run again") from error


def check_writable(*folders: str | Path) -> None:
    """See that folders can be written to.

    Raises
    ------
    InputError
        That names the folder and the remedy.
    """
    for folder in map(Path, folders):
        if not os.access(folder, os.W_OK):
            raise InputError(f"{folder.resolve()}: is read-only; make it writable and run again")
        if shutil.disk_usage(folder).free < _LEAST_FREE:
            raise InputError(f"{folder.resolve()}: the disk is full; free space and run again")


def date_now(*folders: str | Path) -> list[Path]:
    """Give files that are dated in the future, by a clock that was wrong, the present date; return them.

    What is made of such a file would be taken for older than it. Inside a folder that is a product Snakemake's mark of
    its date counts.
    """
    now, found = time.time(), []
    for parent, below, files in (step for folder in folders for step in os.walk(folder)):
        if _FOLDER_MARK in files:
            below.clear()
            files = [_FOLDER_MARK]
        for path in (Path(parent) / name for name in files):
            # what another run wrote for a moment may be gone, or lead nowhere
            with suppress(FileNotFoundError), writing(path):
                if path.stat().st_mtime > now + _CLOCKS_DIFFER_S:
                    os.utime(path, (now, now))
                    found.append(path)
    return found


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
    """Read a JSON product; a damaged one is an InputError."""
    try:
        content = json.loads(Path(path).read_text())
    except (ValueError, RecursionError) as error:
        raise damaged(path) from error
    if not isinstance(content, dict):
        raise damaged(path)
    return content


def read_parquet(path: str | Path, columns: Sequence[str] | None = None) -> "pd.DataFrame":
    """Read a table that is a product; a damaged one is an InputError."""
    import pandas as pd

    try:
        return pd.read_parquet(path, columns=columns)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # what Arrow says of a file it cannot make sense of
        raise damaged(path) from error


def damaged(path: str | Path, remove: str | Path | None = None) -> InputError:
    """What to say of a product that is not what was written; `remove` is what to delete, if not itself."""
    return InputError(f"{path} is damaged: it is not what was written; delete {remove or path} and run again")


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, or of a folder's list of checksums."""
    if Path(path).is_dir():
        return hashlib.sha256("".join(_checksums(Path(path))).encode()).hexdigest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checksums(folder: Path) -> None:
    """Write into a folder the SHA-256 of every file below it, as `sha256sum --check` reads them."""
    (folder / CHECKSUMS).write_text("".join(_checksums(folder)))


def _checksums(folder: Path) -> list[str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]


def verify(folder: str | Path, *patterns: str) -> None:
    """See that the files of a product that is a folder are those that were written.

    Parameters
    ----------
    folder : str or Path
        What `write_checksums` was called for.
    patterns : str
        Which files to look at; `*` stands for a part of a path.

    Raises
    ------
    InputError
        That names the first file that is not, or is not there, and the remedy.
    """
    listed = Path(folder) / CHECKSUMS
    if not listed.is_file():
        raise damaged(listed, folder)
    for line in listed.read_text(errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        path = Path(folder) / name
        if any(fnmatch(name, pattern) for pattern in patterns) and not (path.is_file() and sha256(path) == digest):
            raise damaged(path, folder)


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
