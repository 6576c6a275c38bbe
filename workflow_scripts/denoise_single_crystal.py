"""Denoise lab images of one crystal, as they are and with columns displaced, by each denoiser."""

import numpy as np
from denoising import denoised_by_each
from job import running
from stembench.datasets.sample import Sample
from stembench.datasets.store import read_recipe, read_samples, read_table, write_shard
from stembench.lab.single_crystal import on_one_scale
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        shard = [snakemake.input.images]
        pair = list(read_samples(shard))
        images = np.stack([one.images["image"] for one in pair])
        samples = [
            Sample({"image": image}, one.columns, one.parameters | named | {"sample": 2 * i + j})
            for i, (named, denoised) in enumerate(denoised_by_each(snakemake, images, read_table(shard, "samples")))
            for j, (one, image) in enumerate(zip(pair, on_one_scale(denoised)))
        ]
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            write_shard(partial, samples, read_recipe(shard[0]))
