"""Import an experimental image: intensities with pixel size, energy and licence."""

import tempfile
from pathlib import Path

import pandas as pd
from job import running, say
from stembench.config import LabImage
from stembench.lab.fetching import extract
from stembench.lab.marked_columns import read_marked_columns
from stembench.lab.reading import lab_image
from stembench.products import provenance, sha256, whole, write_checksums, write_json

if __name__ == "__main__":
    with running(snakemake), tempfile.TemporaryDirectory() as folder:
        told, name = snakemake.params.importing, snakemake.wildcards.image
        entry = LabImage(**told["entry"])
        sources = [Path(path) for path in snakemake.input]
        if entry.distribution:
            members = [member for member in (entry.file, entry.columns) if member]
            sources = [Path(folder) / Path(member).name for member in members]
            for member, source in zip(members, sources):
                extract(snakemake.input[0], member, source)
        origin = {
            "file": entry.file,
            "distribution": told["distribution"].get("requirement", ""),
            "licence": told["distribution"].get("licence", "the user's own"),
            "sha256": sha256(sources[0]),
        }
        image = lab_image(sources[0], name, entry, origin, sidecar=told["sidecar"])
        for remark in image.attrs["remarks"]:
            say(f"{name}: {remark}")
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            dataset = image.to_dataset().assign_attrs(provenance=provenance())
            dataset.to_zarr(partial / "image.zarr", zarr_format=3, consolidated=False)
            write_json(partial / "card.json", {"shape_px": list(image.shape)} | image.attrs)
            if entry.columns:
                where = f"{entry.columns} (lab.images.{name}.columns)"
                columns = read_marked_columns(sources[-1], image.attrs["pixel_size_A"], image.shape[-2:], where)
                say(f"{name}: {len(columns)} marked columns")
                pd.DataFrame(columns, columns=["x_A", "y_A"]).to_csv(partial / "columns.csv", index=False)
            write_checksums(partial)
