"""Build a test set from a lab image: reference columns, blocks, doses."""

import numpy as np
from job import running, say
from stembench.config import LabTestset
from stembench.datasets.store import write_shard
from stembench.evaluation.matching import NO_HULL, hull_of
from stembench.lab.degradation import lab_samples, reference_columns
from stembench.lab.store import open_lab_image, read_marked
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        settings = LabTestset(**snakemake.params.settings)
        image, marked = open_lab_image(snakemake.input.image), read_marked(snakemake.input.image)
        values, pixel_size, mode = np.asarray(image, float), image.attrs["pixel_size_A"], image.attrs["mode"]
        columns = reference_columns(values, pixel_size, mode, settings, marked)
        hull = NO_HULL if marked is None else hull_of(marked)
        say(f"{settings.image}: {len(columns)} reference columns")
        samples = lab_samples(
            values,
            pixel_size,
            columns,
            settings.block_px,
            tuple(snakemake.params.counts_per_px),
            snakemake.params.draws,
            settings.image,
            mode,
            hull,
        )
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            write_shard(partial, samples, snakemake.params.settings | {"hull": hull.tolist()})
