"""The sharded Zarr store: a shard is one folder, written whole by one job."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from stembench.datasets.sample import Sample
from stembench.products import provenance

_SAMPLES_A_CHUNK = 8


def write_shard(folder: Path, samples: Iterable[Sample], recipe: dict) -> None:
    """Write `data.zarr`, `samples.parquet` and `columns.parquet` into a folder.

    Parameters
    ----------
    folder : Path
        An existing folder.
    samples : iterable of Sample
        What to write.
    recipe : dict
        What the samples were made by; it travels in the store's attributes.
    """
    samples = list(samples)
    numbers = [sample.parameters["sample"] for sample in samples]
    variables = {
        name: (("sample", "y", "x"), np.stack([sample.images[name] for sample in samples]))
        for name in samples[0].images
    }
    attributes = {"recipe": recipe, "units": "grey levels in [0, 1]", "provenance": provenance()}
    dataset = xr.Dataset(variables, coords={"sample": numbers}, attrs=attributes)
    dataset["pixel_size_A"] = ("sample", [sample.parameters["pixel_size_A"] for sample in samples])
    dataset["pixel_size_A"].attrs["units"] = "A"
    chunk = min(_SAMPLES_A_CHUNK, len(samples))
    whole = -(-len(samples) // chunk) * chunk
    encoding = {
        name: {"chunks": (chunk, *array.shape[1:]), "shards": (whole, *array.shape[1:])}
        for name, (_, array) in variables.items()
    }
    dataset.to_zarr(folder / "data.zarr", zarr_format=3, consolidated=False, encoding=encoding)
    pd.DataFrame([sample.parameters for sample in samples]).to_parquet(folder / "samples.parquet", index=False)
    columns = [sample.columns.assign(sample=number) for number, sample in zip(numbers, samples)]
    pd.concat(columns, ignore_index=True).to_parquet(folder / "columns.parquet", index=False)


def open_shards(folders: Sequence[str | Path], variables: Sequence[str]) -> xr.Dataset:
    """Images of several shards, loaded into memory.

    Returns
    -------
    xarray.Dataset
        The named variables (sample, y, x) and `pixel_size_A` (sample).
    """
    parts = []
    for folder in folders:
        with xr.open_zarr(Path(folder) / "data.zarr", consolidated=False, chunks=None) as part:
            parts.append(part[[*variables, "pixel_size_A"]].load())
    return xr.concat(parts, dim="sample")


def read_table(folders: Sequence[str | Path], table: str, **added: Sequence) -> pd.DataFrame:
    """The `samples` or `columns` table of several shards, one below the other.

    Each keyword adds a column, with a value a shard.
    """
    parts = []
    for position, folder in enumerate(folders):
        part = pd.read_parquet(Path(folder) / f"{table}.parquet")
        parts.append(part.assign(**{name: values[position] for name, values in added.items()}))
    return pd.concat(parts, ignore_index=True)


def columns_by_sample(folders: Sequence[str | Path]) -> dict[int, pd.DataFrame]:
    """The columns of each sample, by its number."""
    table = read_table(folders, "columns")
    known = {number: rows.reset_index(drop=True) for number, rows in table.groupby("sample")}
    return {number: known.get(number, table.iloc[:0]) for number in read_table(folders, "samples")["sample"]}


def read_recipe(folder: str | Path) -> dict:
    """What a shard's samples were made by."""
    with xr.open_zarr(Path(folder) / "data.zarr", consolidated=False, chunks=None) as stored:
        return stored.attrs["recipe"]
