"""Score a method's images of a simulated test set against a task's labels, and keep some as examples."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from enhancement_method import enhanced
from job import running
from stembench.datasets.labels import TASK_LABELS
from stembench.datasets.store import open_shards, read_table
from stembench.evaluation.examples import Examples, example_positions, example_titles
from stembench.evaluation.metrics import free_image_quality, image_quality
from stembench.products import whole

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def read(job: "snakemake") -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Return the images and labels of a job's test set, and their parameters."""
    shards = job.input.test
    return open_shards(shards, ["image", TASK_LABELS[job.wildcards.task]]), read_table(shards, "samples")


def score(
    job: "snakemake",
    stored: dict[str, np.ndarray],
    samples: pd.DataFrame,
    outputs: np.ndarray,
    as_they_are: np.ndarray,
) -> None:
    """Write the scores of images, with gain and offset free and as they are, and some examples of the former."""
    images, targets = stored["image"], stored[TASK_LABELS[job.wildcards.task]]
    quality = pd.DataFrame(
        free_image_quality(output, target) | image_quality(plain, target)
        for output, plain, target in zip(outputs, as_they_are, targets)
    )
    with whole(job.output.images) as partial:
        pd.concat([samples, quality], axis=1).to_parquet(partial, index=False)
    shown = example_positions(samples)
    parts = (images[shown], outputs[shown].astype("float32"), targets[shown])
    pixel_sizes = samples.pixel_size_A.to_numpy()[shown]
    Examples(example_titles(samples, shown), pixel_sizes, *parts).write(job.output.examples)


if __name__ == "__main__":
    with running(snakemake):
        stored, samples = read(snakemake)
        images = stored["image"]
        outputs = enhanced(snakemake, images, samples)
        as_they_are = enhanced(snakemake, images, samples, prefix="") if snakemake.input.settings else outputs
        score(snakemake, stored, samples, outputs, as_they_are)
