"""TEMImageNet's folder layout, written and read (doi 10.1038/s41598-021-84499-w, files of TEM-ImageNet-v1.3).

A folder a label holds a file an image, `00001.png` or `00001.txt`. Images are grey, 8 bit; texts hold pixels counted
from 1, the row first.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from stembench.config import ImportedDataset
from stembench.datasets.labels import LABELS, TEXT_LABELS, label
from stembench.datasets.sample import Sample
from stembench.errors import InputError
from stembench.imaging.detectors import bright_columns

_IMAGES = ("image", "noNoise", "noBackgroundnoNoise")  # what is read; all other labels follow from these and the texts
_TEXTS = ("position", "radius")
_METADATA = "metadata.csv"
_TEXT_COLUMNS = ("material", "zone", "second_material", "second_zone")  # of which zones look like numbers
_SIDE_MULTIPLE_PX = 16  # what networks divide the sides by in training
_TEST, _VALIDATION = 0.25, 0.1  # of the structures: 75/25 is published, validation is taken from the training part
_UNKNOWN = {"material": "unknown", "zone": "", "arrangement": "unknown", "condition": "unknown"}
_README = """# {count} images in TEMImageNet's layout

`image/` and the label folders hold `00001.png` to `{count:05d}.png`, 8-bit grey; `position/`, `positionRadius/`,
`radius/` and `smallradius/` the like as text, in pixels: the centre of the first pixel is 1, the row comes first.
Consecutive images share a structure: split by `structure` in `metadata.csv`, not at random. That table gives each
number its sample in the dataset, its pixel size and everything that was drawn.
"""


def export_temimagenet(samples: Iterable[Sample], folder: str | Path) -> int:
    """Write samples, one at a time, as a TEMImageNet folder with all twelve labels.

    Parameters
    ----------
    samples : iterable of Sample
        Numbered from 1 in the order they come; those of a structure should come together.
    folder : str or Path
        An empty folder.

    Returns
    -------
    int
        Images written.
    """
    folder = Path(folder)
    for name in ("image", *LABELS):
        (folder / name).mkdir()
    metadata = []
    for number, sample in enumerate(samples, 1):
        metadata.append({"number": number} | sample.parameters)
        _write_image(folder / "image" / f"{number:05d}.png", sample.images["image"])
        for name in LABELS:
            if name in TEXT_LABELS:
                _write_numbers(folder / name / f"{number:05d}.txt", label(sample, name))
            else:
                _write_image(folder / name / f"{number:05d}.png", label(sample, name))
    pd.DataFrame(metadata).to_csv(folder / _METADATA, index=False)
    (folder / "README.md").write_text(_README.format(count=len(metadata)))
    return len(metadata)


def _write_image(path: Path, image: np.ndarray) -> None:
    grey = Image.fromarray(np.round(255 * np.clip(image, 0, 1)).astype(np.uint8))
    grey.save(path, compress_level=1)  # 7 % larger than by default, in a third of the time


def _write_numbers(path: Path, values: np.ndarray) -> None:
    rows: Iterable[np.ndarray] = np.atleast_2d(values) if len(values) else []
    path.write_text("".join(" " + " ".join(f"{value:.20g}" for value in row) + " \n" for row in rows))


def list_temimagenet(recipe: ImportedDataset) -> pd.DataFrame:
    """The images of a TEMImageNet folder with their structures and splits.

    A quarter of the structures is for test, a tenth for validation, the rest for training. They are drawn at random,
    from one seed: a folder is split the same everywhere.

    Parameters
    ----------
    recipe : ImportedDataset
        Its folder has `image`, `position`, `radius` and any of the label folders. Where it has a `metadata.csv`, that
        gives the structures in place of `images_per_structure`.

    Returns
    -------
    DataFrame, index `number`
        `file` (name without suffix), `structure`, `split`, and what else the folder's `metadata.csv` has.

    Raises
    ------
    InputError
        If a folder or a file is missing, too many, or not named by its number.
    """
    folder = Path(recipe.folder)
    files = _files(folder, "image", ".png")
    for name in ("image", *LABELS):
        if (folder / name).is_dir() or name in _TEXTS:
            found = _files(folder, name, ".txt" if name in TEXT_LABELS else ".png")
            for stem in sorted(files - found)[:1]:
                raise InputError(f"{folder}/{name} holds no file for image/{stem}.png; add it, or remove the image")
            for stem in sorted(found - files)[:1]:
                raise InputError(f"{folder}/{name} holds {stem}, which image/ does not; add the image, or remove it")
    stems = sorted(files, key=int)
    numbers = pd.Index([int(stem) for stem in stems], name="number")
    if (folder / _METADATA).exists():
        listed = _metadata(folder / _METADATA, numbers)
    else:
        listed = pd.DataFrame({"structure": (numbers - 1) // recipe.images_per_structure}, index=numbers)
    splits = _split_by_structure(recipe, listed.structure)
    return listed.assign(file=stems, split=listed.structure.map(splits))


def _files(folder: Path, name: str, suffix: str) -> set[str]:
    """Names without suffix of the files in a label's folder."""
    if not (folder / name).is_dir():
        raise InputError(f"{folder}: has no folder {name}/; give one with image/, position/ and radius/")
    paths = [path for path in (folder / name).iterdir() if not path.name.startswith(".")]
    for path in sorted(paths):
        if not (path.suffix == suffix and path.stem.isdecimal()):
            raise InputError(f"{path}: not named by a number like 00001{suffix}; rename or remove it")
    if not paths:
        raise InputError(f"{folder}/{name} is empty")
    return {path.stem for path in paths}


def _metadata(path: Path, numbers: pd.Index) -> pd.DataFrame:
    try:
        types = {"number": int, "structure": int, "pixel_size_A": float}
        table = pd.read_csv(path, dtype=types, converters=dict.fromkeys(_TEXT_COLUMNS, str)).set_index("number")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: cannot be read as a table with a column `number` ({error})") from None
    whole = {"structure", "pixel_size_A"} <= set(table) and table.index.is_unique and numbers.isin(table.index).all()
    if not whole or not (table.pixel_size_A[numbers] > 0).all():
        raise InputError(f"{path}: gives not every image one structure and pixel_size_A; correct or remove it")
    return table.loc[numbers].drop(columns="sample", errors="ignore")


def _split_by_structure(recipe: ImportedDataset, structures: Iterable[int]) -> dict[int, str]:
    known = sorted(set(structures))
    if len(known) < 3:
        raise InputError(
            f"{recipe.folder}: {len(known)} structures cannot be split into train, validation and test; "
            f"give at least 3, or set images_per_structure to what it is"
        )
    order = np.random.default_rng(recipe.seed).permutation(known).tolist()
    test, validation = (max(1, round(part * len(known))) for part in (_TEST, _VALIDATION))
    splits = {structure: "train" for structure in known}
    splits |= dict.fromkeys(order[:test], "test")
    return splits | dict.fromkeys(order[test : test + validation], "validation")


def read_temimagenet(
    recipe: ImportedDataset, split: str | None = None, first: int = 0, last: int | None = None
) -> Iterator[Sample]:
    """Read a TEMImageNet folder, one sample at a time.

    Columns are all asked for; their strength is the brightness there (in ABF and BF the darkness) of the cleanest image
    at hand, and they are
    resolved when no nearer than twice the files' radius, which by its formula is nearly the probe's FWHM. Positions are
    apparent and ideal ones alike. Masks are made from the positions when they are asked for, not read.

    Parameters
    ----------
    recipe : ImportedDataset
        Its folder is as `list_temimagenet` takes it; `noNoise` and `noBackgroundnoNoise` are read if they are there.
        What its `metadata.csv` says of an image goes before the recipe.
    split : str, optional
        `train`, `validation` or `test`; all images if not given.
    first, last : int, optional
        The first of these to read, and the one after the last.

    Yields
    ------
    Sample
        Its number is the file's.

    Raises
    ------
    InputError
        If the pixel size is unknown or a file cannot be used.
    """
    folder, listed = Path(recipe.folder), list_temimagenet(recipe)
    told = {"mode", "pixel_size_A", "gaussian_mask_fwhm_A", "superresolution_fwhm_A"}
    known = _UNKNOWN | recipe.model_dump(include=told)
    if "pixel_size_A" not in listed and recipe.pixel_size_A is None:
        raise InputError(f"{folder}: its files give no pixel size; set pixel_size_A of this dataset in angstrom")
    names = [name for name in _IMAGES if (folder / name).is_dir()]
    chosen = listed if split is None else listed[listed.split == split]
    shape = _read_image(folder / "image" / f"{listed.file.iloc[0]}.png").shape
    for row in chosen.iloc[first:last].reset_index(names="sample").to_dict("records"):
        stem = row.pop("file")
        images = {name: _read_image(folder / name / f"{stem}.png", shape) for name in names}
        drawn = {name: value for name, value in row.items() if pd.notna(value)}
        yield _sample(folder, stem, images, known | drawn)


def _sample(folder: Path, stem: str, images: dict[str, np.ndarray], parameters: dict) -> Sample:
    path, pixel_size = folder / "position" / f"{stem}.txt", parameters["pixel_size_A"]
    places = _read_numbers(path, 2) - 1
    shape = images["image"].shape
    for row, column in places[((places <= -1) | (places >= shape)).any(axis=1)][:1] + 1:
        raise InputError(f"{path}: position {row:g}, {column:g} lies outside the image of {shape[0]} x {shape[1]} px")
    radius = _read_numbers(folder / "radius" / f"{stem}.txt", 1)
    if radius.shape != (1, 1) or radius[0, 0] <= 0:
        raise InputError(f"{folder}/radius/{stem}.txt: holds not one positive number")
    radius_A = float(radius[0, 0]) * pixel_size
    parameters |= {"column_radius_A": radius_A, "probe_fwhm_A": parameters.get("probe_fwhm_A", 2 * radius_A)}
    cleanest = next(images[name] for name in reversed(_IMAGES) if name in images)
    heights = map_coordinates(bright_columns(cleanest, parameters["mode"]), places.T, order=1, mode="nearest")
    y, x = places.T * pixel_size
    neighbour = cKDTree(places).query(places, k=[2])[0][:, 0] * pixel_size if len(places) else np.empty(0)
    columns = pd.DataFrame(
        {
            "x_A": x,
            "y_A": y,
            "ideal_x_A": x,
            "ideal_y_A": y,
            "strength": heights / max(heights.max(initial=0), 1 / 255),
            "visibility": np.nan,
            "neighbour_A": neighbour,
            "asked": np.ones(len(places), bool),
            "resolved": neighbour >= parameters["probe_fwhm_A"],
            "hidden": np.zeros(len(places), bool),
            "rim_A": np.nan,
            "crlb_pm": np.full(len(places), np.nan),
        }
    )
    return Sample(images, columns, parameters)


def _read_image(path: Path, shape: tuple[int, int] | None = None) -> np.ndarray:
    """An image in [0, 1], of the given shape or square."""
    try:
        with Image.open(path) as opened:
            mode, image = opened.mode, np.asarray(opened)
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as an image ({error})") from None
    if mode != "L":
        raise InputError(f"{path}: is not 8-bit grey but of Pillow's mode {mode}; convert it")
    if image.shape[0] % _SIDE_MULTIPLE_PX:
        raise InputError(f"{path}: is {image.shape[0]} px high, which is no multiple of {_SIDE_MULTIPLE_PX}; crop all")
    expected = shape or (image.shape[0],) * 2
    if image.shape != expected:
        raise InputError(
            f"{path}: is {image.shape[1]} x {image.shape[0]} px where {expected[1]} x {expected[0]} must be"
        )
    return image.astype(np.float32) / np.float32(255)


def _read_numbers(path: Path, width: int) -> np.ndarray:
    """Lines of `width` finite numbers each."""
    try:
        rows = [[float(word) for word in line.split()] for line in path.read_text().splitlines() if line.strip()]
        values = np.array(rows, float).reshape(len(rows), width)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as lines of {width} numbers ({error})") from None
    if not np.isfinite(values).all():
        raise InputError(f"{path}: holds a number that is not finite")
    return values
