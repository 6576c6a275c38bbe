"""The maps of a detection method and how columns are read from them, for tuning and evaluation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from stembench.baselines.finders import FINDERS
from stembench.datasets.store import open_shards, read_table
from stembench.evaluation.external import read_predicted
from stembench.evaluation.priors import told
from stembench.evaluation.tuning import Find, found_in_map
from stembench.imaging.detectors import bright_columns
from stembench.localisation.localisers import LOCALISERS
from stembench.localisation.peaks import PeakSettings

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


#: Returns columns x and y [A] of the map at an index, given the parameters of its sample and tuned settings.
Reader = Callable[[int, pd.Series, PeakSettings], np.ndarray]


@dataclass(frozen=True)
class Maps:
    """Maps that columns are read from: a network's, or the images themselves with bright columns in every mode.

    Attributes
    ----------
    surfaces : sequence of ndarray, shape (y, x)
        The maps.
    pixel_sizes : ndarray, shape (samples,)
        Of the maps [A]; a network's differ from the images' where these lie beyond what it was trained on.
    spacings : ndarray, shape (samples,)
        Mean nearest-neighbour distance of the columns as the network predicts it [px]; nan if it predicts none.
    architecture : str
        The network of the registry, empty for images.
    note : str
        Note of the network for the tables.
    """

    surfaces: Sequence[np.ndarray]
    pixel_sizes: np.ndarray
    spacings: np.ndarray
    architecture: str
    note: str


def maps_of(job: "snakemake", shards: Sequence[str]) -> Maps:
    """Return the maps of the images of shards.

    Raises
    ------
    CannotLoadError
        If the network cannot be loaded in this environment.
    """
    if _is_external(job):
        return Maps([], np.empty(0), np.empty(0), "", "")
    if not job.params.network:
        images, samples = open_shards(shards, ["image"])["image"], read_table(shards, "samples")
        bright = [bright_columns(image, mode) for image, mode in zip(images, samples["mode"])]
        return Maps(bright, samples.pixel_size_A.to_numpy(), np.full(len(images), np.nan), "", "")
    from stembench.crystals.material import structures_of
    from stembench.trained_network import TrainedNetwork

    structures = told(structures_of(job.input.structures), job.params.prior)
    network = TrainedNetwork(job.params.network)
    surfaces, spacings, pixel_sizes = network.read_as_applied(shards, structures)
    return Maps(surfaces, pixel_sizes, spacings, network.record["architecture"], network.record["note"])


def _is_external(job: "snakemake") -> bool:
    """Return whether the job's method was run elsewhere."""
    return getattr(job.params, "external", False)


def finder_of(job: "snakemake") -> Find:
    """Return the function that finds positions and heights in a map or an image with given settings."""
    if job.params.network:
        return found_in_map
    finder = FINDERS.load(job.wildcards.method)
    if not finder.needs_structure:
        return lambda image, sample, settings: finder.find(image, sample.pixel_size_A, settings)
    from stembench.crystals.material import structures_of

    structures = structures_of(job.input.structures)
    return lambda image, sample, settings: finder.find(
        image, sample.pixel_size_A, settings, structures[sample.material, sample.zone]
    )


def reader_of(job: "snakemake", maps: Maps, localiser: str | None) -> Reader:
    """Return the function that reads columns from the maps: a localiser, or the classical finder of the job.

    Those that an external method found are read from its files.
    """
    surfaces = maps.surfaces
    if localiser:
        localise = LOCALISERS.load(localiser)
        return lambda position, sample, settings: localise(
            surfaces[position],
            maps.pixel_sizes[position],
            settings=settings,
            architecture=maps.architecture,
            spacing=maps.spacings[position],
        )
    if _is_external(job):
        names = {Path(file).name: file for file in job.input.predictions}
        return lambda position, sample, settings: read_predicted(names, position, sample.pixel_size_A)
    find = finder_of(job)
    return lambda position, sample, settings: find(surfaces[position], sample, settings)[0]
