"""The images in the user's own folder, and what the table beside them tells."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from glob import escape
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from stembench.config import LabImage
from stembench.crystals.names import cif_and_phase, zones_of
from stembench.errors import InputError, in_short
from stembench.lab.formats import is_listed
from stembench.lab.spreadsheets import read_lines

#: The table of what files do not tell, in the folder of the images.
SIDECAR = "images.csv"

_NUMBERS = ("pixel_size_A", "pixel_size_y_A", "energy_keV")
_COLUMNS = ("image", *_NUMBERS, "mode", "signal", "material", "zone", "frames")
_LONGEST_NAME = 80
_CORRECTIONS = ".corrections.csv"
_MARKS = "_columns.csv"
_TAKEN = ("distributions",)  # a folder beside those of images


class OwnImages(NamedTuple):
    """Images by name, in order, and why some of them cannot be used, by name as well."""

    images: dict[str, LabImage]
    refused: dict[str, str]


def own_images(
    folder: str | Path,
    entries: Mapping[str, LabImage],
    *,
    materials: Mapping[str, Collection[str]] | None = None,
) -> OwnImages:
    """The images in a folder that no entry of the configuration names; no pixel is read.

    An image is what `formats.is_listed` says. Its name is the file's without the ending, letters and digits of it as
    they are and `_` for what else there is; where two files would have one name the ending is part of it. An emi file
    and the ser files that it describes are one image.

    Parameters
    ----------
    folder : str or Path
        May be missing: then there are none.
    entries : mapping
        Images that the configuration names.
    materials : mapping, optional
        Zone axes of each material that there is a CIF of; if given, others are refused.

    Returns
    -------
    images : dict of LabImage
        What `images.csv` does not tell is None. `columns` is the file `{image}_columns.csv` of marked columns, if it
        lies beside the image.
    refused : dict of str
        What is wrong in the line of an image, with the remedy.

    Raises
    ------
    InputError
        If a file's name cannot be used, or `images.csv` is no table of images: with its line and the remedy.
    """
    folder = Path(folder)
    named = {path for entry in entries.values() if not entry.distribution for path in (entry.file, entry.columns)}
    own = [path for path in _image_files(folder) if path not in named]
    told = _told(folder / SIDECAR, own, {path for path in named if path})
    images, refused = {}, {}
    for name, file in _names(folder, own, [*entries, *_TAKEN]).items():
        images[name] = _marked(folder, _image(file, {}, str(folder / file)))
        if file not in told:
            continue
        line, row = told[file]
        where = f"{folder / SIDECAR}, line {line}"
        try:
            image = _marked(folder, _image(file, row, where))
            images[name] = image if materials is None else with_structure(image, where, materials)
        except InputError as error:
            refused[name] = str(error)
    return OwnImages(images, refused)


def _marked(folder: Path, image: LabImage) -> LabImage:
    """An image with the file of marked columns beside it, if there is one."""
    marks = f"{Path(image.file).stem}{_MARKS}"
    return image.model_copy(update={"columns": marks}) if (folder / marks).is_file() else image


def _image(file: str, row: Mapping[str, str], where: str) -> LabImage:
    """A file with what its line of the table tells."""
    try:
        return LabImage(file=file, **({"mode": None} | _values(row, where)))
    except ValidationError as error:
        raise InputError(f"{where}: {_mistake(error)}") from None


def with_structure(image: LabImage, where: str, materials: Mapping[str, Collection[str]]) -> LabImage:
    """An image with the zone axis of the material that it is said to show, where that has but one.

    Raises
    ------
    InputError
        If there is no structure of the material and zone axis, or no word on which of several zone axes is seen; it
        begins with `where` this is said.
    """
    if not image.material:
        return image
    zones = zones_of(image.material, materials)
    if not zones:
        raise InputError(
            f"{where}: material {image.material} is unknown, there is no "
            f"structures/{cif_and_phase(image.material)[0]}.cif; add this file, or write one of {', '.join(materials)}"
        )
    if not image.zone and len(zones) > 1:
        raise InputError(
            f"{where}: the zone axis of {image.material} is missing; write one of {', '.join(zones)} as its zone"
        )
    if image.zone and image.zone not in zones:
        raise InputError(
            f"{where}: {image.material} has no zone {image.zone} ({', '.join(zones)}); write one of these, or add "
            f"yours to structures.zones.{image.material} in config/config.yaml"
        )
    return image.model_copy(update={"zone": image.zone or next(iter(zones))})


def corrections_beside(folder: str | Path, images: Mapping[str, LabImage]) -> dict[str, Path]:
    """The file with the user's corrections of each image that has one.

    Parameters
    ----------
    folder : str or Path
        Of the images.
    images : mapping
        By name; a file of corrections is called by it, or as the image's file is with or without its ending.

    Raises
    ------
    InputError
        If such a file belongs to no image, or to more than one, or an image has two.
    """
    found: dict[str, Path] = {}
    for path in sorted(Path(folder).glob(f"[!.]*{_CORRECTIONS}")):
        called = path.name.removesuffix(_CORRECTIONS)
        meant = [
            name for name, image in images.items() if called in (name, Path(image.file).name, Path(image.file).stem)
        ]
        if len(meant) != 1:
            reason = f"could be of {' or '.join(meant)}" if meant else "belongs to no image of this folder"
            known = in_short(", ".join(meant or images) or "no image")
            raise InputError(
                f"{path}: {reason}; call it IMAGE{_CORRECTIONS}, with IMAGE one of {known}, or remove the file"
            )
        if other := found.get(meant[0]):
            raise InputError(f"{path}: {other.name} corrects the same image; write all lines into one of the two")
        found[meant[0]] = path
    return found


def files_of(folder: str | Path, image: LabImage) -> list[str]:
    """Paths of the files that one of the user's own images is in: the image, what belongs to it, the marked columns."""
    path = Path(folder) / image.file
    series = path.parent.glob(f"{escape(path.stem)}_*.ser") if path.suffix.lower() == ".emi" else ()
    columns = [Path(folder) / image.columns] if image.columns else []
    return list(map(str, [path, *sorted(series), *columns]))


def _image_files(folder: Path) -> list[str]:
    """Names of the images in a folder, of which ser files are none that an emi file describes."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [path for path in found if is_listed(path)]
    described = {path.stem for path in found if path.suffix.lower() == ".emi"}
    return [
        path.name for path in found if path.suffix.lower() != ".ser" or path.stem.rpartition("_")[0] not in described
    ]


def _names(folder: Path, files: list[str], taken: Collection[str]) -> dict[str, str]:
    """A name for each file: of two that would have one, each with its ending."""
    short = {file: _as_name(Path(file).stem) for file in files}
    # Without regard to capitals, as file systems may be.
    uses = Counter(name.lower() for name in (*short.values(), *taken))
    names: dict[str, str] = {}
    for file in files:
        clash = uses[short[file].lower()] > 1
        name = _as_name(f"{short[file]}_{Path(file).suffix[1:]}") if clash else short[file]
        for other in (*names, *taken):
            if other.lower() == name.lower():
                raise InputError(
                    f"{folder / file}: its results would have the name {name}, and so have those of "
                    f"{names.get(other, f'lab.images.{other}')}; rename the file"
                )
        names[name] = file
    return names


def _as_name(text: str) -> str:
    return re.sub("[^A-Za-z0-9]", "_", text).strip("_")[:_LONGEST_NAME] or "image"


def _told(path: Path, files: list[str], named: Collection[str]) -> dict[str, tuple[int, dict[str, str]]]:
    """Line and cells of each file that the table names."""
    told: dict[str, tuple[int, dict[str, str]]] = {}
    for line, row in _rows(path):
        where, given = f"{path}, line {line}", row.pop("image")
        if given in named:
            raise InputError(
                f"{where}: {given} has an entry under lab.images in the configuration; write the values there"
            )
        meant = [given] if given in files else [file for file in files if Path(file).stem == given]
        if len(meant) != 1:
            known = in_short(", ".join(meant or files) or "no image")
            reason = "could be one of" if meant else "is no image in this folder, which holds"
            raise InputError(f"{where}: {given!r} {reason} {known}; write the file's name, or remove the line")
        if meant[0] in told:
            raise InputError(f"{where}: line {told[meant[0]][0]} names {given} already; remove one of the two lines")
        told[meant[0]] = line, row
    return told


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Lines of the table with something in them: number, and text by the name of the column."""
    if not path.exists():
        return []
    filled, decimal_commas = read_lines(path, str(path))
    if not filled:
        return []
    first, names = filled[0]
    known = {column.lower(): column for column in _COLUMNS}
    columns = [known.get(name.lower(), "") for name in names]
    unknown = [name for name, column in zip(names, columns) if name and not column]
    if unknown or columns.count("image") != 1 or any(n > 1 for c, n in Counter(columns).items() if c):
        reason = f"{unknown[0]!r} is no column of this table" if unknown else "name image, and each column once"
        raise InputError(f"{path}, line {first}: {reason}; the columns are {', '.join(_COLUMNS)}")
    rows = []
    for line, cells in filled[1:]:
        if any(cells[len(columns) :]):
            remedy = "remove some" if decimal_commas else "write 0.1, not 0,1"
            raise InputError(f"{path}, line {line}: has more values than line {first} has columns; {remedy}")
        row = {column: cell for column, cell in zip(columns, cells) if column and cell}
        if "image" not in row:
            raise InputError(f"{path}, line {line}: the column image is empty; write the name of the file")
        if decimal_commas:
            row |= {key: row[key].replace(",", ".") for key in _NUMBERS if key in row}
        rows.append((line, row))
    return rows


def _values(row: Mapping[str, str], where: str) -> dict[str, object]:
    """The values of a line, as the configuration would hold them."""
    values: dict[str, object] = dict(row)
    for key in set(_NUMBERS) & set(row):
        try:
            values[key] = float(row[key])
        except ValueError:
            raise InputError(
                f"{where}: {key} is {row[key]!r}, which is no number; write a number, or leave the cell empty"
            ) from None
    if "mode" in row:
        values["mode"] = row["mode"].upper()
    if "frames" in row:
        values["frames"] = row["frames"].lower()
    if "zone" in row:
        zone = re.sub(r"-\s*", "m", row["zone"].strip("[]"))
        zone = re.sub(r"[\s,]", "", zone)
        values["zone"] = zone.zfill(3) if zone.isdigit() else zone  # of 001 a spreadsheet makes 1
    return values


def _mistake(error: ValidationError) -> str:
    """The first thing that is wrong with an entry."""
    first = error.errors()[0]
    key, reason = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
    if first["type"] == "literal_error":
        return f"{key} is {first['input']!r}; write {first['ctx']['expected'].replace(' or ', ', or ')}, or nothing"
    return f"{key}: {reason} (it is {first['input']!r}); correct it" if key else f"{reason}"
