"""The sharded Zarr store: a shard is one folder, written whole by one job."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import zarr
from pyarrow import parquet

from stembench.datasets.labels import label
from stembench.datasets.sample import Sample
from stembench.products import provenance, read_parquet, verify, write_checksums

#: Images that every shard holds; other labels may be stored beside them.
STORED = ("image", "noNoise", "noBackgroundnoNoise")

_SAMPLES_A_FILE = 32  # written at a time, which bounds the memory; a sample is a chunk, so that it is read alone
_ROWS_A_GROUP = 2**17  # of the table of columns


def write_shard(folder: Path, samples: Iterable[Sample], recipe: dict, labels: Sequence[str] = ()) -> None:
    """Write `data.zarr`, `samples.parquet` and `columns.parquet` into a folder, and the checksums of their files.

    Parameters
    ----------
    folder : Path
        An existing folder.
    samples : iterable of Sample
        What to write, a few at a time: no more are held in memory.
    recipe : dict
        What the samples were made by; it travels in the store's attributes.
    labels : sequence of str
        Labels to store beside the images that the samples hold.
    """
    import xarray as xr  # loads dask too, which no reader needs

    samples = iter(samples)
    tables, columns = [], None
    while batch := list(islice(samples, _SAMPLES_A_FILE)):
        numbers = [sample.parameters["sample"] for sample in batch]
        images = {name: np.stack([s.images[name] for s in batch]) for name in batch[0].images}
        images |= {name: np.stack([label(s, name) for s in batch]) for name in labels if name not in images}
        dataset = xr.Dataset(
            {name: (("sample", "y", "x"), array) for name, array in images.items()},
            coords={"sample": numbers},
            attrs={"recipe": recipe, "units": "grey levels in [0, 1]", "provenance": provenance()},
        )
        dataset["pixel_size_A"] = ("sample", [s.parameters["pixel_size_A"] for s in batch], {"units": "A"})
        if columns is None:
            sizes = {name: ((1, *a.shape[1:]), (_SAMPLES_A_FILE, *a.shape[1:])) for name, a in images.items()}
            encoding = {name: {"chunks": chunks, "shards": shards} for name, (chunks, shards) in sizes.items()}
            short = {name: {"chunks": (_SAMPLES_A_FILE,)} for name in ("sample", "pixel_size_A")}
            dataset.to_zarr(folder / "data.zarr", zarr_format=3, consolidated=False, encoding=encoding | short)
        else:
            dataset.to_zarr(folder / "data.zarr", append_dim="sample", consolidated=False)
        tables.append(pd.DataFrame([s.parameters for s in batch]))
        rows = pd.concat([s.columns.assign(sample=n) for n, s in zip(numbers, batch)], ignore_index=True)
        table = pa.Table.from_pandas(rows, preserve_index=False)
        columns = columns or parquet.ParquetWriter(folder / "columns.parquet", table.schema)
        columns.write_table(table)
    if columns is not None:
        columns.close()
    pd.concat(tables, ignore_index=True).to_parquet(folder / "samples.parquet", index=False)
    write_checksums(folder)


def _verified(folder: str | Path, names: Sequence[str] = ()) -> Path:
    """The Zarr store of a shard, in which these arrays are what was written."""
    verify(folder, "data.zarr/*zarr.json", *(f"data.zarr/{name}/*" for name in names))
    return Path(folder) / "data.zarr"


class Shards:
    """Samples of several shards, each read when it is asked for.

    Parameters
    ----------
    folders : sequence of str or Path
        The shards, in order.
    images : sequence of str
        Images to read.
    """

    def __init__(self, folders: Sequence[str | Path], images: Sequence[str] = STORED) -> None:
        # Zarr's types leave open whether an item is an array.
        groups: list[Any] = [zarr.open_group(_verified(folder, images), mode="r") for folder in folders]
        self.images = tuple(name for name in images if name in groups[0])
        self.arrays = [{name: group[name] for name in self.images} for group in groups]
        rows = read_table(folders, "samples")
        self.parameters = [
            {key: value for key, value in row.items() if value == value} for row in rows.to_dict("records")
        ]
        columns = read_table(folders, "columns")
        self.starts = np.cumsum([0, *(group["sample"].shape[0] for group in groups)])
        counts = columns.groupby("sample").size().reindex(rows["sample"], fill_value=0)
        self.first_column = np.concatenate([[0], np.cumsum(counts.to_numpy())])
        self.columns = columns.drop(columns="sample")

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.parameters)

    def __getitem__(self, position: int) -> Sample:
        """The sample at a position, from 0; its columns keep their row numbers in the shards' table."""
        shard = int(np.searchsorted(self.starts, position, side="right")) - 1
        at = position - self.starts[shard]
        return self._sample(position, {name: array[at] for name, array in self.arrays[shard].items()})

    def __iter__(self) -> Iterator[Sample]:
        """All samples, read as many at a time as lie in a file, which is several times as fast as one by one."""
        for start, arrays, end in zip(self.starts, self.arrays, self.starts[1:]):
            for first in range(start, end, _SAMPLES_A_FILE):
                last = min(first + _SAMPLES_A_FILE, end)
                images = {name: array[first - start : last - start] for name, array in arrays.items()}
                for position in range(first, last):
                    yield self._sample(position, {name: image[position - first] for name, image in images.items()})

    def _sample(self, position: int, images: dict[str, np.ndarray]) -> Sample:
        columns = self.columns.iloc[self.first_column[position] : self.first_column[position + 1]]
        return Sample(images, columns, self.parameters[position])


def read_samples(folders: Sequence[str | Path]) -> Iterator[Sample]:
    """The samples of several shards, one after the other."""
    return iter(Shards(folders))


def open_shards(folders: Sequence[str | Path], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Images of several shards, loaded into memory, labels that are not stored made.

    Returns
    -------
    dict of ndarray
        The named images (sample, y, x) and `pixel_size_A` (sample).
    """
    parts = []
    for folder in folders:
        group: Any = zarr.open_group(_verified(folder, [*names, "pixel_size_A", "sample"]), mode="r")
        loaded = {name: group[name][:] for name in (*names, "pixel_size_A") if name in group}
        if made := [name for name in names if name not in loaded]:
            samples = list(read_samples([folder]))
            loaded |= {name: np.stack([label(sample, name) for sample in samples]) for name in made}
        parts.append(loaded)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def read_table(folders: Sequence[str | Path], table: str) -> pd.DataFrame:
    """The `samples` or `columns` table of several shards, one below the other."""
    for folder in folders:
        verify(folder, f"{table}.parquet")
    return pd.concat([read_parquet(Path(folder) / f"{table}.parquet") for folder in folders], ignore_index=True)


def columns_by_sample(folders: Sequence[str | Path]) -> dict[int, pd.DataFrame]:
    """The columns of each sample, by its number."""
    table = read_table(folders, "columns")
    known = {number: rows.reset_index(drop=True) for number, rows in table.groupby("sample")}
    return {number: known.get(number, table.iloc[:0]) for number in read_table(folders, "samples")["sample"]}


def write_index(folders: Sequence[str | Path], index: Path, columns: Path) -> None:
    """The index of a dataset, a row an image with every drawn parameter, and the table of all its columns.

    Their bytes do not depend on the shards.
    """
    read_table(folders, "samples").to_parquet(index, index=False)
    for folder in folders:
        verify(folder, "columns.parquet")
    paths = [Path(folder) / "columns.parquet" for folder in folders]
    schema = parquet.read_schema(paths[0])
    waiting = schema.empty_table()
    with parquet.ParquetWriter(columns, schema) as writer:
        for path in paths:
            waiting = pa.concat_tables([waiting, parquet.read_table(path)]).combine_chunks()
            while len(waiting) > _ROWS_A_GROUP:
                writer.write_table(waiting[:_ROWS_A_GROUP])
                waiting = waiting[_ROWS_A_GROUP:]
        writer.write_table(waiting)


def read_hull(folders: Sequence[str | Path]) -> np.ndarray:
    """Half planes (`matching.hull_of`) of the part of a lab image that somebody labelled; none for other images."""
    return np.reshape(read_recipe(folders[0]).get("hull", []), (-1, 3))


def read_recipe(folder: str | Path) -> dict:
    """What a shard's samples were made by."""
    recipe: Any = zarr.open_group(_verified(folder), mode="r").attrs["recipe"]
    return recipe
