"""Every reader of files from outside, a folder with valid files for each, and inputs that are not."""

import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import valid_files
import yaml
from PIL import Image
from stembench.application.characterisation import Characterisation
from stembench.application.corrections import read_corrections
from stembench.config import Config, ImportedDataset, load_config
from stembench.crystals.cif import read_crystal
from stembench.datasets.temimagenet import read_temimagenet
from stembench.errors import InputError
from stembench.lab.fetching import extract
from stembench.lab.formats import read_recording, recording_parts
from stembench.lab.marked_columns import atom_positions, read_marked_columns
from stembench.lab.own_images import own_images
from stembench.networks.registry import build, save
from stembench.planning.choice import SHIPPED, candidates
from stembench.products import sha256
from stembench.trained_network import TrainedNetwork

REPOSITORY = Path(__file__).parents[2]
_EXTREMES = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1]
_PIECES = b"\0|\xff|'|\"|\n;|\nloop_\n|data_|-|9|1e9|inf|nan| ? |.|#|(|\n|,|/|../|{|]|&a|*a|: |<|%s|\\".split(b"|")


@dataclass(frozen=True)
class Reader:
    """What makes a folder of valid files, and what reads it."""

    make: Callable[[Path], None]
    read: Callable[[Path], object]


# Of HDF5 what its process runs: the worker is such a process.
def _image(name: str, make: Callable[[Path], None]) -> Reader:
    return Reader(lambda folder: make(folder / name), lambda folder: recording_parts(folder / name))


# SciPy's reader of MATLAB files can end its process, which is why these have one of their own.
def _apart(name: str, make: Callable[[Path], None]) -> Reader:
    return Reader(lambda folder: make(folder / name), lambda folder: read_recording(folder / name))


def _emi_alone() -> Reader:
    def make(folder: Path) -> None:
        valid_files.emi(folder / "image.emi")
        (folder / "image_1.ser").unlink()

    return Reader(make, lambda folder: recording_parts(folder / "image.emi"))


# A zip whose parts are hostile: a hostile zip alone is refused by its checksums.
def _zipped(name: str, make: Callable[[Path], None]) -> Reader:
    def unpacked(folder: Path) -> None:
        make(folder / name)
        with zipfile.ZipFile(folder / name) as archive:
            archive.extractall(folder)
        (folder / name).unlink()

    def read(folder: Path) -> None:
        parts = sorted(path for path in folder.iterdir() if path.is_file())
        with zipfile.ZipFile(folder / name, "w") as archive:
            for part in parts:
                archive.write(part, part.name)
        recording_parts(folder / name)

    return Reader(unpacked, read)


def _atoms(name: str, make: Callable[[Path], None]) -> Reader:
    return Reader(lambda folder: make(folder / name), lambda folder: atom_positions(folder / name, name))


def _marked(name: str, make: Callable[[Path], None]) -> Reader:
    shape = valid_files.VALUES.shape
    return Reader(
        lambda folder: make(folder / name), lambda folder: read_marked_columns(folder / name, 0.2, shape, name)
    )


def _cif(name: str, written: Callable[[str], str] = str) -> Reader:
    def make(folder: Path) -> None:
        text = (REPOSITORY / "structures" / f"{name}.cif").read_text(encoding="utf-8")
        (folder / "test.cif").write_text(written(text), encoding="utf-8")

    return Reader(make, lambda folder: read_crystal(folder / "test.cif"))


def _with_broken_quotes(text: str) -> str:
    return text.replace("'\n_space_group", "\n_space_group") + "_x 'abc\n_y\n;open\n"


def _magnetic_and_mixed(text: str) -> str:
    """Cartesian coordinates of mixed sites in a magnetic group."""
    cell = "data_x\n" + "".join(line for line in text.splitlines(keepends=True) if line.startswith("_cell_"))
    operations = "_space_group_magn.name_BNS 'P m'\nloop_\n_space_group_symop_magn_operation.xyz\nx,y,z,+1\n-x,y,z,-1\n"
    columns = "loop_\n_atom_site_label\n_atom_site_type_symbol\n" + "".join(f"_atom_site_Cartn_{x}\n" for x in "xyz")
    return f"{cell}{operations}{columns}M1 '0.8Nb + 0.2Zr' 0 0 0\nM2 Fe0.5Co0.5 0 1,5 1.5\n"


def _temimagenet(folder: Path) -> None:
    for name in ("image", "position", "radius"):
        (folder / name).mkdir()
    for number in range(1, 4):
        Image.fromarray(valid_files.VALUES[:16].astype(np.uint8)).save(folder / f"image/{number:05d}.png")
        (folder / f"position/{number:05d}.txt").write_text(f" {number}.5 3.25 \n 5 7 \n")
        (folder / f"radius/{number:05d}.txt").write_text(" 2 \n")
    (folder / "metadata.csv").write_text("number,structure,pixel_size_A,zone\n1,0,0.1,001\n2,1,0.1,\n3,2,0.2,110\n")


def _read_temimagenet(folder: Path) -> None:
    for _ in read_temimagenet(ImportedDataset(folder=str(folder), pixel_size_A=0.1)):
        pass


def _columns(path: Path) -> None:
    path.write_text("x_px,y_px\n" + "".join(f"{x}.25,{y}\n" for x in range(1, 15, 3) for y in range(1, 23, 3)))


def _own_images(folder: Path) -> None:
    for name in ("a.tif", "b.png"):
        (folder / name).write_text("an image")
    (folder / "images.csv").write_text(
        "image,pixel_size_A,pixel_size_y_A,mode,signal,energy_keV,material,zone,frames\n"
        "a.tif,0.1,0.2,BF,DF4,200,Si,110,each\nb,0.12,,,,,,,\n"
    )


def _corrections(path: Path) -> None:
    path.write_text("action,x_px,y_px,to_x_px,to_y_px,frame\nadd,1.5,2,,,\nremove,9,3,,,1\nmove,4,20,5.25,21,0\n")


def _read_corrections(path: Path) -> None:
    read_corrections(path, path.name, shape=valid_files.VALUES.shape, pixel_sizes=(0.2, 0.2), frames=2)


def _shipped(*names: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "shipped").mkdir()
        for name in names:
            content = (SHIPPED / "column_finder" / name).read_bytes()
            (folder / "shipped" / name).write_bytes(content)

    return make


def _network(folder: Path) -> None:
    made_as = {"architecture": "fcn", "width": 0.02, "task": "denoise", "options": {}}
    save(folder, build(**made_as, seed=0), made_as)


def _read_network(folder: Path) -> None:
    """With the checksum of whatever weights there are, as somebody who tampers with them would give it."""
    try:
        record = json.loads((folder / "model.json").read_bytes())
        record["weights_sha256"] = sha256(folder / "weights.safetensors")
        (folder / "model.json").write_text(json.dumps(record))
    except (ValueError, TypeError):
        pass
    TrainedNetwork(folder)


def _wheel(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images/one.txt", "an image " * 50)


def _source_distribution(path: Path) -> None:
    with TemporaryDirectory() as folder, tarfile.open(path, "w:gz") as archive:
        (Path(folder) / "one.txt").write_text("an image " * 50)
        archive.add(Path(folder) / "one.txt", "images/one.txt")


def _archive(name: str, make: Callable[[Path], None]) -> Reader:
    def read(folder: Path) -> None:
        extract(folder / name, "images/one.txt", folder / "one.txt")

    return Reader(lambda folder: make(folder / name), read)


def _configuration(folder: Path) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(Config().model_dump(mode="json", by_alias=True)))


def _read_configuration(folder: Path) -> None:
    """Once Snakemake has found YAML with keys in it."""
    try:
        content = yaml.safe_load((folder / "config.yaml").read_bytes())
    except (yaml.YAMLError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise InputError("no YAML with keys at top level")
    load_config(content)


READERS = {
    "dm3": _image("image.dm3", valid_files.digital_micrograph),
    "dm4": _image("image.dm4", valid_files.digital_micrograph),
    "emd of Berkeley": _image("image.emd", valid_files.berkeley_emd),
    "emd of Velox": _image("image.emd", valid_files.velox_emd),
    "emd of Velox with EDS": _image("image.emd", valid_files.velox_emd_with_eds),
    "dm5": _image("image.dm5", valid_files.dm5),
    "nhdf": _image("image.nhdf", valid_files.nhdf),
    "ndata": _image("image.ndata", valid_files.ndata),
    "prz": _image("image.prz", valid_files.prz),
    "npz": _image("image.npz", valid_files.npz),
    "parts of ndata": _zipped("image.ndata", valid_files.ndata),
    "parts of prz": _zipped("image.prz", valid_files.prz),
    "parts of npz": _zipped("image.npz", valid_files.npz),
    "mat": _apart("image.mat", valid_files.statstem),
    "mat of version 7.3": _image("image.mat", valid_files.matlab_7_3),
    "h5": _image("image.h5", valid_files.any_hdf5),
    "txt": _image("image.txt", valid_files.text),
    "ser": _image("image.ser", valid_files.ser),
    "emi": _image("image.emi", valid_files.emi),
    "emi alone": _emi_alone(),
    "mrc": _image("image.mrc", valid_files.mrc),
    "hspy": _image("image.hspy", valid_files.hspy),
    "zspy": _image("image.zspy", valid_files.zspy),
    "npy": _image("image.npy", valid_files.npy),
    "tif": _image("image.tif", valid_files.tiff),
    "tif with LZW": _image("image.tif", valid_files.compressed_tiff),
    "tif with JPEG": _image("image.tif", valid_files.tiff_with_jpeg),
    "tif of OME": _image("image.ome.tif", valid_files.ome_tiff),
    "tif of ImageJ": _image("image.tiff", valid_files.imagej_tiff),
    "png": _image("image.png", valid_files.with_pillow),
    "jpg": _image("image.jpg", valid_files.with_pillow),
    "bmp": _image("image.bmp", valid_files.with_pillow),
    "atom lattice's image": _image("image.hdf5", valid_files.atom_lattice),
    "atom lattice's columns": _atoms("columns.hdf5", valid_files.atom_lattice),
    "marked columns": _marked("columns.csv", _columns),
    "table of images": Reader(_own_images, lambda folder: own_images(folder, {}, materials={"Si": ("110",)})),
    "corrections": Reader(
        lambda folder: _corrections(folder / "a.csv"), lambda folder: _read_corrections(folder / "a.csv")
    ),
    "card": Reader(_shipped("card.json", "model.json"), lambda folder: candidates("localise", folder, folder)),
    "characterisation": Reader(
        _shipped("characterisation.json"),
        lambda folder: Characterisation.read(folder / "shipped" / "characterisation.json"),
    ),
    "CIF with a group's name": _cif("MoS2"),
    "CIF with operations": _cif("SrTiO3"),
    "CIF with broken quotes": _cif("LiCoO2", _with_broken_quotes),
    "CIF of a magnetic group and mixed sites": _cif("SrTiO3", _magnetic_and_mixed),
    "TEMImageNet": Reader(_temimagenet, _read_temimagenet),
    "network": Reader(_network, _read_network),
    "wheel": _archive("images.whl", _wheel),
    "source distribution": _archive("images.tar.gz", _source_distribution),
    "configuration": Reader(_configuration, _read_configuration),
}


def write_input(folder: Path, name: str, number: int) -> None:
    """A reader's valid files, one of them mutated, or at odd numbers random bytes, in half of them behind its head."""
    rng, files = np.random.default_rng(number), dict(_valid_files(name))
    hostile = list(files)[rng.integers(len(files))]
    content = bytearray(files[hostile])
    if number % 2:
        kept = int(rng.integers(2) * rng.integers(min(len(content), 600)))
        content[kept:] = rng.bytes(int(rng.integers(2000)))
    else:
        for _ in range(rng.integers(1, 4)):
            content = _mutated(content, rng)
    for path, valid in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content if path == hostile else valid)


@cache
def _valid_files(name: str) -> dict[str, bytes]:
    """Content of the files in a reader's valid folder, by their paths in it."""
    with TemporaryDirectory() as folder:
        READERS[name].make(Path(folder))
        paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def _mutated(content: bytearray, rng: np.random.Generator) -> bytearray:
    head = min(len(content), 400) if rng.integers(2) else len(content)
    at = int(rng.integers(head)) if head else 0
    kind = rng.choice(["byte", "number", "cut", "again", "piece", "end"], p=[0.3, 0.3, 0.1, 0.1, 0.1, 0.1])
    if kind == "byte":
        content[at : at + 1] = rng.bytes(1)
    elif kind == "number":
        width, order = int(rng.choice([1, 2, 4, 8])), ("little", "big")[rng.integers(2)]
        content[at : at + width] = (_EXTREMES[rng.integers(len(_EXTREMES))] % 256**width).to_bytes(width, order)
    elif kind == "cut":
        del content[at : at + int(rng.integers(1, 50))]
    elif kind == "again":
        content[at:at] = content[at : at + int(rng.integers(1, 50))]
    elif kind == "piece":
        content[at : at + int(rng.integers(4))] = _PIECES[rng.integers(len(_PIECES))]
    else:
        content = content[: max(at, len(content) // 2)]
    return content
