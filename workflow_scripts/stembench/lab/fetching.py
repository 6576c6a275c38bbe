"""Fetching the distributions that carry experimental images."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from stembench.config import Distribution
from stembench.errors import InputError
from stembench.products import whole


def fetch_distribution(distribution: Distribution, destination: str | Path, offered: str | Path) -> None:
    """Bring a distribution to `destination`: from the folder `offered` if it lies there, else by pip.

    Raises
    ------
    InputError
        If it can be had from neither, or its SHA-256 is not the expected one.
    """
    given = Path(offered) / distribution.file
    with tempfile.TemporaryDirectory() as folder:
        found = given if given.exists() else _downloaded(distribution, Path(folder), given)
        digest = hashlib.sha256(found.read_bytes()).hexdigest()
        if digest != distribution.sha256:
            raise InputError(
                f"{found.name}: SHA-256 is {digest}, not {distribution.sha256}; "
                f"it is not the file this project knows, so remove it and fetch it again"
            )
        with whole(destination) as partial:
            shutil.copyfile(found, partial)


def _downloaded(distribution: Distribution, folder: Path, given: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    done = subprocess.run([*command, distribution.requirement], capture_output=True, text=True)
    found = folder / distribution.file
    if done.returncode or not found.exists():
        reason = (done.stderr.strip() or "another file came").splitlines()[-1]
        raise InputError(
            f"{distribution.requirement} could not be downloaded ({reason}); without a network, download "
            f"{distribution.file} elsewhere (`pip download --no-deps {distribution.requirement}`) and put it at {given}"
        )
    return found


def extract(archive: str | Path, member: str, destination: str | Path) -> None:
    """Write one file of a wheel to `destination`.

    Raises
    ------
    InputError
        If the archive does not hold it.
    """
    with zipfile.ZipFile(archive) as opened:
        if member not in opened.namelist():
            raise InputError(f"{archive} does not hold {member}; correct the image's `file` under lab.images")
        Path(destination).write_bytes(opened.read(member))
