"""Build images of one crystal from a lab image: as it is, and with single columns displaced."""

import numpy as np
from job import running, say
from stembench.config import LabTestset
from stembench.datasets.store import write_shard
from stembench.evaluation.matching import NO_HULL, hull_of
from stembench.lab.degradation import reference_columns
from stembench.lab.single_crystal import single_crystal_samples
from stembench.lab.store import open_lab_image, read_marked
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        settings = LabTestset(**snakemake.params.settings)
        image, marked = open_lab_image(snakemake.input.image), read_marked(snakemake.input.image)
        hull = NO_HULL if marked is None else hull_of(marked)
        values, pixel_size = np.asarray(image, float), image.attrs["pixel_size_A"]
        samples = single_crystal_samples(
            values,
            pixel_size,
            reference_columns(values, pixel_size, image.attrs["mode"], settings, marked),
            counts_per_px=max(snakemake.params.counts_per_px),
            name=settings.image,
            mode=image.attrs["mode"],
        )
        say(f"{settings.image}: {len(samples[0].columns)} columns displaced")
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            write_shard(partial, samples, snakemake.params.settings | {"hull": hull.tolist()})
