"""An offline conda channel of what is installed: the running interpreter and the packages beside it.

The formats are those of conda's documentation: a `.conda` file is a zip of two zstd-compressed tars, one of metadata
and one of files; `noarch: python` packages hold `site-packages/` and name their entry points.
"""

import asyncio
import hashlib
import io
import json
import os
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from environments import conda_name
from numcodecs.zstd import Zstd
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rattler import Subdir
from rattler.index import index_fs


def build_channel(folder: Path) -> None:
    """Write a channel with a package of the interpreter and one of each installed distribution."""
    noarch, native = folder / "noarch", folder / str(Subdir.current())
    for subdir in (noarch, native):
        subdir.mkdir(parents=True)
    version = sys.version.split()[0]
    _write(native, "python", version, [], _interpreter())
    installed = {canonicalize_name(dist.name): dist for dist in distributions()}
    for name, dist in installed.items():
        depends = sorted({"python", *_depends(dist, installed)})
        scripts = [f"{e.name} = {e.value}" for e in dist.entry_points if e.group == "console_scripts"]
        _write(noarch, conda_name(name), _version(dist), depends, _files(dist), scripts)
    _index(folder)


def build_empty_channel(folder: Path) -> None:
    """Write a channel without packages."""
    (folder / "noarch").mkdir(parents=True)
    _index(folder)


def _index(folder: Path) -> None:
    asyncio.run(index_fs(folder, write_zst=True, write_shards=False, force=True))


def _version(dist: Distribution) -> str:
    return dist.version.partition("+")[0]


def _interpreter() -> Iterator[tuple[str, Path]]:
    """Path in an environment and file of the interpreter, its library and the standard library."""
    short = f"python{sys.version_info.major}.{sys.version_info.minor}"
    binary = Path(sys.base_prefix, "bin", short)
    for name in (short, "python3", "python"):
        yield f"bin/{name}", binary
    for library in Path(sys.base_prefix, "lib").glob("libpython*.so*"):
        yield f"lib/{library.name}", library
    standard = Path(sysconfig.get_path("stdlib"))
    left_out = {"site-packages", "dist-packages", "__pycache__", "test", "tests", "idlelib", "ensurepip"}
    for file in sorted(standard.rglob("*")):
        inside = file.relative_to(standard)
        if file.is_file() and not left_out & set(inside.parts):
            yield f"lib/{short}/{inside.as_posix()}", file


def _files(dist: Distribution) -> Iterator[tuple[str, Path]]:
    """Files in site-packages; scripts are made anew from entry points."""
    for path in dist.files or ():
        file = Path(dist.locate_file(path))
        if ".." not in path.parts and "__pycache__" not in path.parts and file.is_file():
            yield f"site-packages/{path.as_posix()}", file


def _depends(dist: Distribution, installed: dict[str, Distribution], extras: Iterable[str] = ("",)) -> Iterator[str]:
    """What a distribution needs here, as conda writes it; needs of extras that it asks for are its own."""
    for line in dist.requires or ():
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        if name not in installed:
            continue
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            yield f"{conda_name(name)} {','.join(sorted(map(str, requirement.specifier)))}".strip()
            if requirement.extras:
                yield from _depends(installed[name], installed, requirement.extras)


def _write(
    subdir: Path, name: str, version: str, depends: list[str], files: Iterable[tuple[str, Path]], scripts=()
) -> None:
    noarch, build = subdir.name == "noarch", "0"
    index = {"name": name, "version": version, "build": build, "build_number": 0, "depends": depends}
    index |= {"subdir": subdir.name} | ({"noarch": "python"} if noarch else {})
    contents, paths = io.BytesIO(), []
    with tarfile.open(fileobj=contents, mode="w") as tar:
        for place, file in files:
            data = file.read_bytes()
            _add(tar, place, data, executable=os.access(file, os.X_OK))
            sha256 = hashlib.sha256(data).hexdigest()
            paths.append({"_path": place, "path_type": "hardlink", "sha256": sha256, "size_in_bytes": len(data)})
    described = {"index.json": index, "paths.json": {"paths": paths, "paths_version": 1}}
    if noarch:
        link = {"type": "python", "entry_points": list(scripts)}
        described["link.json"] = {"noarch": link, "package_metadata_version": 1}
    info = io.BytesIO()
    with tarfile.open(fileobj=info, mode="w") as tar:
        for file, content in described.items():
            _add(tar, f"info/{file}", json.dumps(content).encode())
    stem = f"{name}-{version}-{build}"
    with zipfile.ZipFile(subdir / f"{stem}.conda", "w") as package:
        package.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        for part, tar in (("info", info), ("pkg", contents)):
            package.writestr(f"{part}-{stem}.tar.zst", bytes(Zstd(level=1).encode(tar.getvalue())))


def _add(tar: tarfile.TarFile, name: str, data: bytes, executable: bool = False) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o755 if executable else 0o644
    tar.addfile(member, io.BytesIO(data))
