"""A lab image of one crystal, as it is and with single columns displaced."""

import numpy as np
from job import running, say
from stembench.config import LabTestset
from stembench.datasets.store import write_shard
from stembench.lab.degradation import reference_columns
from stembench.lab.single_crystal import single_crystal_samples
from stembench.lab.store import open_lab_image
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        settings = LabTestset(**snakemake.params.settings)
        image = open_lab_image(snakemake.input.image)
        values, pixel_size = np.asarray(image, float), image.attrs["pixel_size_A"]
        samples = single_crystal_samples(
            values,
            pixel_size,
            reference_columns(values, pixel_size, image.attrs["mode"], settings),
            counts_per_px=max(snakemake.params.counts_per_px),
            name=settings.image,
            mode=image.attrs["mode"],
        )
        say(f"{settings.image}: {len(samples[0].columns)} columns displaced")
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            write_shard(partial, samples, snakemake.params.settings)
