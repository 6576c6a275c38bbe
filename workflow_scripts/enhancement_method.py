"""What enhancing test sets and lab images share: a network or a tuned filter, applied to images."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from stembench.baselines.filters import FilterSettings, apply_filter
from stembench.datasets.labels import TASK_LABELS, upsampled
from stembench.evaluation.tuning import dose_levels, read_tuning

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def enhanced(job: "snakemake", images: np.ndarray, samples: pd.DataFrame) -> np.ndarray:
    """Images (sample, y, x) as the job's method makes them, a filter as tuned for the dose of each sample."""
    if job.params.network:
        from stembench.networks.registry import TrainedNetwork

        return TrainedNetwork(job.params.network)(images)
    levels, tuned = dose_levels(samples), job.input.settings
    settings = {level: read_tuning(tuned, FilterSettings, level) for level in set(levels)}
    parts = zip(images, samples.pixel_size_A, levels)
    resized = upsampled if TASK_LABELS[job.wildcards.task].endswith("2x") else np.asarray
    filtered = (apply_filter(job.wildcards.method, image, px, settings[level]) for image, px, level in parts)
    return np.stack([resized(image) for image in filtered])
