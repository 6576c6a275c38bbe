"""An enhancement method on a simulated test set: the metrics of every image."""

import pandas as pd
from job import running
from stembench.baselines.filters import FilterSettings, apply_filter
from stembench.datasets.store import open_shards, read_table
from stembench.evaluation.metrics import image_quality
from stembench.evaluation.tuning import dose_levels, read_tuning
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        shards, method = snakemake.input.test, snakemake.wildcards.method
        stored, samples = open_shards(shards, ["image", "noBackgroundnoNoise"]), read_table(shards, "samples")
        images, pixel_sizes = stored.image.values, samples.pixel_size_A
        if snakemake.params.network:
            from stembench.networks.registry import TrainedNetwork

            outputs = TrainedNetwork(snakemake.params.network)(images)
        else:
            path = snakemake.input.settings
            settings = {level: read_tuning(path, FilterSettings, level) for level in dose_levels(samples)}
            parts = zip(images, pixel_sizes, dose_levels(samples))
            outputs = [apply_filter(method, image, px, settings[level]) for image, px, level in parts]
        targets = stored.noBackgroundnoNoise.values
        quality = pd.DataFrame([image_quality(output, target) for output, target in zip(outputs, targets)])
        with whole(snakemake.output.images) as partial:
            pd.concat([samples, quality], axis=1).to_parquet(partial, index=False)
