"""Lab images of one crystal, as they are and with columns displaced, before and after each denoiser."""

import numpy as np
from job import running, say
from stembench.baselines.filters import FilterSettings, apply_filter
from stembench.datasets.sample import Sample
from stembench.datasets.store import read_samples, read_table, write_shard
from stembench.errors import CannotLoadError
from stembench.evaluation.tuning import best_tuned, dose_levels, read_tuning
from stembench.lab.single_crystal import on_one_scale
from stembench.networks.registry import TrainedNetwork
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        shard, tuned = snakemake.input.images, snakemake.input.settings
        pair, level = list(read_samples([shard])), dose_levels(read_table([shard], "samples"))[0]
        images, pixel_size = np.stack([one.images["image"] for one in pair]), pair[0].parameters["pixel_size_A"]
        shown = [({"denoiser": "none", "denoiser_task": "", "denoiser_dataset": ""}, images)]
        if tuned:
            name, path = best_tuned(tuned, level)
            settings = read_tuning(path, FilterSettings, level)
            filtered = [apply_filter(name, image, pixel_size, settings) for image in images]
            shown.append(({"denoiser": name, "denoiser_task": "", "denoiser_dataset": ""}, filtered))
        for network in snakemake.params.networks:
            try:
                shown.append((network["named"], TrainedNetwork(network["folder"])(images)))
            except CannotLoadError as error:
                say(f"{network['named']['denoiser']}: {error}")
        samples = [
            Sample({"image": image}, one.columns, one.parameters | named | {"sample": 2 * i + j})
            for i, (named, denoised) in enumerate(shown)
            for j, (one, image) in enumerate(zip(pair, on_one_scale(denoised)))
        ]
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            write_shard(partial, samples, {})
