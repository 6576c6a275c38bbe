"""A dataset's card: what it holds, what made it, its licences, its hashes, and how it is loaded."""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from stembench.crystals.cif.blocks import read_blocks
from stembench.datasets.sample import Sample
from stembench.products import provenance

#: Columns of an index that tell samples apart; all others were drawn.
IDENTITY = ("sample", "structure", "split")


def content_hash(samples: Iterable[Sample]) -> str:
    """SHA-256 of samples, equal for equal content in whatever shards it lies.

    Over each sample in turn: its number; each of its images in order of name, as name, shape and float32, row by row;
    each property of its columns in order of name, as name and float64. Numbers are little-endian.

    Parameters
    ----------
    samples : iterable of Sample
        In the order of their numbers.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(f"sample {sample.parameters['sample']}\n".encode())
        for name, image in sorted(sample.images.items()):
            digest.update(f"{name} {image.shape}\n".encode() + np.ascontiguousarray(image, "<f4").tobytes())
        for name in sorted(sample.columns):
            digest.update(f"{name}\n".encode() + sample.columns[name].to_numpy("<f8").tobytes())
    return digest.hexdigest()


def citation(cif: str | Path) -> str:
    """The sources that a CIF names: journal, year and DOI of each."""
    tags = [f"_citation_{tag}" for tag in ("journal_full", "year", "doi")]
    sources = []
    for block in read_blocks(Path(cif))[0]:
        journals, years, dois = (block.values.get(tag, []) for tag in tags)
        rows = zip_longest(journals, years, (doi and f"doi {doi}" for doi in dois))
        sources += [" ".join(filter(None, row)) for row in rows]
    return "; ".join(dict.fromkeys(filter(None, sources))) or "the file names none"


def parameter_ranges(index: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Range of every drawn number, and how often each value of everything else was drawn.

    Parameters
    ----------
    index : DataFrame
        A row an image.

    Returns
    -------
    numbers : DataFrame, index the parameter
        `images` that have it, `min`, `median`, `max`.
    categories : DataFrame, index the parameter
        `values`, each with its count.
    """
    drawn = index.drop(columns=[name for name in IDENTITY if name in index])
    numbers = drawn.select_dtypes("number")
    ranges = numbers.agg(["count", "min", "median", "max"]).T.rename(columns={"count": "images"})
    values = {
        name: ", ".join(f"{value} ({count})" for value, count in drawn[name].value_counts().sort_index().items())
        for name in drawn.columns.difference(numbers.columns, sort=False)
    }
    return ranges, pd.DataFrame({"values": values})


def dataset_card(
    name: str,
    folder: str,
    index: pd.DataFrame,
    columns: pd.DataFrame,
    recipe: dict,
    hashes: dict[str, str],
    shards: dict[str, int],
    sources: Sequence[dict[str, str]],
    licence: str,
    remarks: Sequence[str] = (),
) -> str:
    """The card as Markdown.

    Parameters
    ----------
    name : str
        Key of the dataset.
    folder : str
        Its folder, seen from the one that holds `results/`.
    index : DataFrame
        A row an image: `split`, `material`, `zone`, `arrangement` and everything drawn.
    columns : DataFrame
        `sample` and `asked` of each column.
    recipe : dict
        The dataset's entry in the configuration.
    hashes : dict
        `content_hash` of each split.
    shards : dict
        How many each split has.
    sources : sequence of dict
        What the dataset rests on: `what`, `source`, `licence`.
    licence : str
        Of the dataset itself.
    remarks : sequence of str
        Where its images are not as the recipe asks.
    """
    splits = list(hashes)
    by_split = index.groupby("split").agg(images=("sample", "size"), structures=("structure", "nunique")).loc[splits]
    split = columns["sample"].map(index.set_index("sample").split)
    by_split["columns"] = columns.groupby(split).size()
    by_split["asked for"] = columns.groupby(split).asked.sum()
    numbers, categories = parameter_ranges(index)
    made_by = provenance()
    versions = {"stembench": made_by["stembench"], "python": made_by["python"], **made_by["packages"]}
    parts = [
        f"# Dataset {name}",
        f"{len(index)} images with their columns; images of one structure are in one split.",
        _markdown(by_split),
        "## Loading it",
        "From the folder that holds `results/`:",
        f"```python\n{loading(folder, splits[0], shards[splits[0]])}\n```",
        "Images are grey levels in [0, 1], dimensions (sample, y, x), pixel size in Å; `samples.parquet` and "
        "`columns.parquet` beside each `data.zarr`, and `index.parquet` and `columns.parquet` beside this card, hold "
        "what was drawn and where the columns are (Å, x to the right, y down, from the centre of the first pixel).",
        "## Recipe",
        f"```yaml\n{yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True)}```",
        "\n".join(f"- {remark[0].upper()}{remark[1:]}." for remark in remarks),
        "## What is in it",
        _markdown(pd.crosstab([index.material, index.zone], index.split)[splits].reset_index(), index=False),
        _markdown(pd.crosstab(index.arrangement, index.split)[splits]),
        "## What was drawn",
        _markdown(numbers.map("{:.4g}".format)),
        _markdown(categories),
        "## Hashes",
        "SHA-256 over the decoded images and the columns of each split in the order of their numbers "
        "(`stembench.reporting.dataset_card.content_hash`); shards do not change it. Equal on one machine; between "
        "machines images agree to 1e-5.",
        _markdown(pd.DataFrame({"SHA-256": hashes})),
        "## Licences",
        f"This dataset: {licence}",
        _markdown(pd.DataFrame(sources, columns=["what", "source", "licence"]), index=False) if sources else "",
        "## Made by",
        f"Git commit {made_by['git_commit'] or 'unknown'}; "
        + ", ".join(f"{package} {version}" for package, version in versions.items()),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def loading(folder: str, split: str, shards: int) -> str:
    """Python that loads a split of a number of shards from the folder of a dataset."""
    return (
        "import xarray\n"
        f'shards = [f"{folder}/{split}/{{i:05d}}/data.zarr" for i in range({shards})]\n'
        'data = xarray.concat([xarray.open_zarr(shard, consolidated=False) for shard in shards], "sample")'
    )


def _markdown(table: pd.DataFrame, index: bool = True) -> str:
    return table.to_markdown(index=index, disable_numparse=True)
