"""Import an experimental image: intensities with pixel size, energy and licence.

An image of the user that cannot be used is refused: the product says why, and the user's other images are finished.
"""

import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from job import running, say
from stembench.config import LabImage
from stembench.errors import InputError, in_short
from stembench.lab.cropping import cropped
from stembench.lab.fetching import extract
from stembench.lab.marked_columns import read_marked_columns
from stembench.lab.reading import lab_image
from stembench.lab.refusals import write_refusal
from stembench.products import provenance, sha256, whole, write_checksums, write_json


def read(name: str, entry: LabImage, told: Mapping, sources: list[Path]) -> tuple[xr.DataArray, np.ndarray | None]:
    """Return the image and, if columns are marked, their positions [A]."""
    origin = {
        "file": entry.file,
        "distribution": told["distribution"].get("requirement", ""),
        "licence": told["distribution"].get("licence", "the user's own"),
    }
    image = lab_image(sources[0], name, entry, origin, sidecar=told["sidecar"])
    image.attrs["sha256"] = sha256(sources[0])
    if not entry.columns:
        return cropped(image, None, entry.crop_px, name)
    where = entry.columns if told["sidecar"] else f"{entry.columns} (lab.images.{name}.columns)"
    pixel_size, shape = image.attrs["pixel_size_A"], image.shape[-2:]
    marked = read_marked_columns(sources[-1], pixel_size, shape, where, or_none=bool(told["sidecar"]))
    return cropped(image, marked, entry.crop_px, name)


def write(image: xr.DataArray, columns: np.ndarray | None, name: str, to: str) -> None:
    """Write the folder of an image, its marked columns among it, and say what was assumed."""
    for remark in image.attrs["remarks"]:
        say(f"{name}: {remark}")
    with whole(to) as partial:
        partial.mkdir()
        dataset = image.to_dataset().assign_attrs(provenance=provenance())
        dataset.to_zarr(partial / "image.zarr", zarr_format=3, consolidated=False)
        write_json(partial / "card.json", {"shape_px": list(image.shape)} | image.attrs)
        if columns is not None:
            say(f"{name}: {len(columns)} marked columns")
            pd.DataFrame(columns, columns=["x_A", "y_A"]).to_csv(partial / "columns.csv", index=False)
        write_checksums(partial)


def reason_of(error: Exception, file: str) -> str:
    """Return what to say of an image that cannot be used."""
    if isinstance(error, InputError):
        return str(error)
    kind = type(error).__name__
    return f"{file}: cannot be used, by a defect of stembench ({kind}: {in_short(error)}); please report it"


if __name__ == "__main__":
    with running(snakemake), tempfile.TemporaryDirectory() as folder:
        told, name, to = snakemake.params.importing, snakemake.wildcards.image, snakemake.output.folder
        entry = LabImage(**told["entry"])
        sources = [Path(path) for path in snakemake.input]
        if entry.distribution:
            members = [member for member in (entry.file, entry.columns) if member]
            sources = [Path(folder) / Path(member).name for member in members]
            for member, source in zip(members, sources):
                extract(snakemake.input[0], member, source)
        try:
            if told["refused"]:
                raise InputError(told["refused"])
            image, columns = read(name, entry, told, sources)
        except Exception as error:
            if entry.distribution:
                raise
            reason = reason_of(error, entry.file)
            say(reason if isinstance(error, InputError) else f"{traceback.format_exc()}\n{reason}")
            write_refusal(to, entry.file, reason)
        else:
            write(image, columns, name, to)
