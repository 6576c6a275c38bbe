"""The images that each denoiser makes, for the scripts that measure localisation after denoising."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from enhancement_method import filtered
from job import say
from stembench.errors import CannotLoadError
from stembench.evaluation.lattice_precision import DENOISER
from stembench.evaluation.tuning import best_tuned, dose_levels
from stembench.trained_network import TrainedNetwork

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def denoised_by_each(
    job: "snakemake", images: np.ndarray, samples: pd.DataFrame
) -> Iterator[tuple[dict[str, str], Sequence[np.ndarray]]]:
    """Yield the name of each denoiser and its images: none, the best tuned filter, each network."""
    yield dict.fromkeys(DENOISER, "") | {"denoiser": "none"}, images
    if job.input.filters:
        name, path = best_tuned(job.input.filters, dose_levels(samples))
        yield dict.fromkeys(DENOISER, "") | {"denoiser": name}, filtered(name, path, images, samples)
    for network in job.params.networks:
        try:
            yield network["named"], TrainedNetwork(network["folder"])(images)
        except CannotLoadError as error:
            say(f"{network['named']['denoiser']}: {error}")
