"""What tuning and evaluating a detection method share: the maps it reads columns from, and how."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from stembench.datasets.store import open_shards
from stembench.evaluation.priors import told
from stembench.evaluation.tuning import Find, found_in_map

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def maps_of(job: "snakemake", shards: Sequence[str]) -> tuple[np.ndarray, str]:
    """A network's maps of the images of shards, or the images, of shape (samples, y, x); and what tables say of it.

    Raises
    ------
    CannotLoadError
        If the network cannot be had in this environment.
    """
    if not job.params.network:
        return open_shards(shards, ["image"]).image.values, ""
    from stembench.crystals.material import structures_of
    from stembench.networks.registry import TrainedNetwork

    structures = told(structures_of(job.input.structures), job.params.prior)
    network = TrainedNetwork(job.params.network)
    return network.maps_of(shards, structures), network.record["note"]


def finder_of(job: "snakemake") -> Find:
    """How positions and heights are read from a map."""
    if job.wildcards.method != "template_matching":
        return found_in_map
    from stembench.baselines.template_matching import found_by_structure
    from stembench.crystals.material import structures_of

    return partial(found_by_structure, structures=structures_of(job.input.structures))
