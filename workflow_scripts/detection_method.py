"""What tuning and evaluating a detection method share: the maps it reads columns from, and how."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from stembench.baselines.detectors import DETECTORS
from stembench.datasets.store import open_shards, read_table
from stembench.evaluation.priors import told
from stembench.evaluation.tuning import Find, found_in_map
from stembench.imaging.detectors import bright_columns
from stembench.localisation.peaks import PeakSettings
from stembench.localisation.registry import localise

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


@dataclass(frozen=True)
class Maps:
    """What columns are read from: a network's maps, or images, whose columns are bright whatever their mode.

    Attributes
    ----------
    surfaces : ndarray, shape (samples, y, x)
        The maps.
    spacings : ndarray, shape (samples,)
        What the network tells of the columns' mean nearest-neighbour distance [px]; nan if it tells nothing.
    architecture : str
        The network of the registry, empty for images.
    note : str
        What tables say of it.
    """

    surfaces: np.ndarray
    spacings: np.ndarray
    architecture: str
    note: str


def maps_of(job: "snakemake", shards: Sequence[str]) -> Maps:
    """Maps of the images of shards.

    Raises
    ------
    CannotLoadError
        If the network cannot be had in this environment.
    """
    if not job.params.network:
        images, modes = open_shards(shards, ["image"]).image.values, read_table(shards, "samples")["mode"]
        bright = np.stack([bright_columns(image, mode) for image, mode in zip(images, modes)])
        return Maps(bright, np.full(len(images), np.nan), "", "")
    from stembench.crystals.material import structures_of
    from stembench.networks.registry import TrainedNetwork

    structures = told(structures_of(job.input.structures), job.params.prior)
    network = TrainedNetwork(job.params.network)
    return Maps(*network.read(shards, structures), network.record["architecture"], network.record["note"])


def finder_of(job: "snakemake") -> Find:
    """How positions and heights are read from a map, given settings that are tuned."""
    if job.wildcards.method != "template_matching":
        return found_in_map
    from stembench.baselines.template_matching import found_by_structure
    from stembench.crystals.material import structures_of

    return partial(found_by_structure, structures=structures_of(job.input.structures))


def columns_in(
    job: "snakemake", maps: Maps, position: int, sample: pd.Series, settings: PeakSettings, localiser: str | None
) -> np.ndarray:
    """Positions x and y [A] of what is found in one of the maps; a classical method has no localiser beside itself."""
    surface, pixel_size, method = maps.surfaces[position], sample.pixel_size_A, job.wildcards.method
    if localiser:
        known = {"settings": settings, "architecture": maps.architecture, "spacing": maps.spacings[position]}
        return localise(localiser, surface, pixel_size, **known)
    if method in DETECTORS:
        return DETECTORS[method](surface, pixel_size, settings)
    return finder_of(job)(surface, sample, settings)[0]
