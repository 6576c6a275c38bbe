"""A network or a tuned filter, applied to images of test sets and of lab images."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from stembench.baselines.filters import FILTERS
from stembench.baselines.filters.base import FilterSettings
from stembench.datasets.labels import TASK_LABELS, upsampled
from stembench.evaluation.tuning import FREE, dose_levels, read_tuning

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def enhanced(job: "snakemake", images: np.ndarray, samples: pd.DataFrame, *, prefix: str = FREE) -> np.ndarray:
    """Return images (sample, y, x) enhanced by the job's method; a filter has the settings tuned for each dose.

    By default those are settings that are best with gain and offset free; without prefix, those as images are.
    """
    if job.params.network:
        from stembench.trained_network import TrainedNetwork

        return TrainedNetwork(job.params.network)(images)
    resized = upsampled if TASK_LABELS[job.wildcards.task].endswith("2x") else np.asarray
    (settings,) = job.input.settings
    made = filtered(job.wildcards.method, settings, images, samples, prefix=prefix)
    return np.stack([resized(image) for image in made])


def filtered(
    name: str, tuned: str, images: Sequence[np.ndarray], samples: pd.DataFrame, *, prefix: str = FREE
) -> list[np.ndarray]:
    """Return filtered images, with the settings that the file `tuned` holds for the dose of each sample."""
    levels = dose_levels(samples)
    settings = {level: read_tuning(tuned, FilterSettings, level, prefix=prefix) for level in set(levels)}
    chosen, parts = FILTERS.load(name), zip(images, samples.pixel_size_A, levels)
    return [chosen.apply(image, pixel_size, settings[level]) for image, pixel_size, level in parts]
