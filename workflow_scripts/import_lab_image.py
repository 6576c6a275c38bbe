"""An experimental image in the form that later stages read: intensities with pixel size, energy and licence."""

import hashlib
import tempfile
from pathlib import Path

from job import running
from stembench.config import LabImage
from stembench.lab.fetching import extract
from stembench.lab.reading import lab_image
from stembench.products import provenance, whole, write_json

if __name__ == "__main__":
    with running(snakemake), tempfile.TemporaryDirectory() as folder:
        entry = LabImage(**snakemake.params.entry)
        source = Path(snakemake.input.source)
        if entry.distribution:
            source = Path(folder) / Path(entry.file).name
            extract(snakemake.input.source, entry.file, source)
        origin = {
            "file": entry.file,
            "distribution": snakemake.params.distribution.get("requirement", ""),
            "licence": snakemake.params.distribution.get("licence", "the user's own"),
            "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        }
        image = lab_image(source, snakemake.wildcards.image, entry, origin)
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            dataset = image.to_dataset().assign_attrs(provenance=provenance())
            dataset.to_zarr(partial / "image.zarr", zarr_format=3, consolidated=False)
            write_json(partial / "card.json", {"shape_px": list(image.shape)} | image.attrs)
