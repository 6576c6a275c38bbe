"""A method's images of a simulated test set against the labels of a task: the metrics of every image."""

import numpy as np
import pandas as pd
from job import running
from stembench.baselines.filters import FilterSettings, apply_filter
from stembench.datasets.labels import TASK_LABELS, upsampled
from stembench.datasets.store import open_shards, read_table
from stembench.evaluation.metrics import image_quality
from stembench.evaluation.tuning import dose_levels, read_tuning
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        shards, method, task = snakemake.input.test, snakemake.wildcards.method, snakemake.wildcards.task
        wanted = TASK_LABELS[task]
        stored, samples = open_shards(shards, ["image", wanted]), read_table(shards, "samples")
        images, pixel_sizes = stored.image.values, samples.pixel_size_A
        if snakemake.params.network:
            from stembench.networks.registry import TrainedNetwork

            outputs = TrainedNetwork(snakemake.params.network)(images)
        else:
            path = snakemake.input.settings
            settings = {level: read_tuning(path, FilterSettings, level) for level in dose_levels(samples)}
            parts = zip(images, pixel_sizes, dose_levels(samples))
            resized = upsampled if wanted.endswith("2x") else np.asarray
            outputs = [resized(apply_filter(method, image, px, settings[level])) for image, px, level in parts]
        quality = pd.DataFrame(
            [image_quality(output, target) for output, target in zip(outputs, stored[wanted].values)]
        )
        with whole(snakemake.output.images) as partial:
            pd.concat([samples, pd.DataFrame(quality)], axis=1).to_parquet(partial, index=False)
