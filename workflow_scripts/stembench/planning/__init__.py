"""The plan: what is made from what, in typed Python, built from the configuration, the structures and the images.

Rules ask it, notebooks can; it imports no Snakemake and makes nothing.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from stembench.config import Config
from stembench.crystals.materials import check_zones, find_materials
from stembench.planning.datasets import SPLITS, Datasets
from stembench.planning.evaluations import Evaluations, Row
from stembench.planning.lab import LabImages
from stembench.planning.layout import Layout, Template
from stembench.planning.materials import Crystals
from stembench.planning.methods import Method
from stembench.planning.real_images import RealImages
from stembench.planning.report import Report
from stembench.planning.trainings import Training, Trainings

__all__ = ["SPLITS", "Layout", "Method", "Plan", "Row", "Template", "Training", "make_plan"]


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that the workflow can make at one scale.

    Attributes
    ----------
    config : Config
        The configuration.
    layout : Layout
        Every path.
    crystals : Crystals
        Materials and zone axes.
    lab : LabImages
        Lab images and instruments.
    datasets : Datasets
        Images of each dataset.
    trainings : Trainings
        Networks that are trained.
    evaluations : Evaluations
        Methods on test sets.
    real_images : RealImages
        Methods on images in which somebody marked the columns.
    shipped : Path
        Folder of this workflow, where networks and captions ship.
    """

    config: Config
    layout: Layout
    crystals: Crystals
    lab: LabImages
    datasets: Datasets
    trainings: Trainings
    evaluations: Evaluations
    real_images: RealImages
    shipped: Path

    @cached_property
    def report(self) -> Report:
        """What is reported, and what is left out."""
        return Report(self)


def make_plan(config: Config, structures: str | Path = "structures", shipped: str | Path = ".") -> Plan:
    """Return the plan of a configuration, without reading an image or structure.

    Parameters
    ----------
    config : Config
        The configuration; it names the folder of your images.
    structures : str or Path
        Folder of the CIFs.
    shipped : str or Path
        Folder of this repository.

    Raises
    ------
    InputError
        If the configuration names a structure or an image that is missing or cannot be used.
    """
    layout = Layout(config.scale)
    zones = find_materials(structures, config)
    check_zones(config, zones)
    crystals = Crystals(
        zones, frozenset(config.structures.held_out), frozenset(config.structures.single_layers), layout
    )
    lab = LabImages.of(config, zones, layout)
    datasets = Datasets(config, crystals, lab.instruments, layout)
    weights = Path(shipped) / "workflow_scripts/stembench/weights"
    trainings = Trainings(config, datasets, layout, weights)
    evaluations = Evaluations(config, datasets, trainings, layout)
    real_images = RealImages(config, lab, evaluations, layout, weights)
    return Plan(config, layout, crystals, lab, datasets, trainings, evaluations, real_images, Path(shipped))
