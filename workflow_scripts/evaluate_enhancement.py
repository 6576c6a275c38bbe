"""Score a method's images of a simulated test set against a task's labels, and keep some as examples."""

import pandas as pd
from enhancement_method import enhanced
from job import running
from stembench.datasets.labels import TASK_LABELS
from stembench.datasets.store import open_shards, read_table
from stembench.evaluation.examples import Examples, example_positions, example_titles
from stembench.evaluation.metrics import free_image_quality, image_quality
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        shards, wanted = snakemake.input.test, TASK_LABELS[snakemake.wildcards.task]
        stored, samples = open_shards(shards, ["image", wanted]), read_table(shards, "samples")
        images, targets = stored.image.values, stored[wanted].values
        outputs = enhanced(snakemake, images, samples)
        as_they_are = enhanced(snakemake, images, samples, prefix="") if snakemake.input.settings else outputs
        quality = pd.DataFrame(
            free_image_quality(output, target) | image_quality(plain, target)
            for output, plain, target in zip(outputs, as_they_are, targets)
        )
        with whole(snakemake.output.images) as partial:
            pd.concat([samples, quality], axis=1).to_parquet(partial, index=False)
        shown = example_positions(samples)
        parts = (images[shown], outputs[shown].astype("float32"), targets[shown])
        pixel_sizes = samples.pixel_size_A.to_numpy()[shown]
        Examples(example_titles(samples, shown), pixel_sizes, *parts).write(snakemake.output.examples)
