"""The configuration as one tree of models, a module a section; the files of `config/` are made from it."""

from stembench.config.arrangements import (
    Arrangement,
    Covered,
    Defects,
    Dislocation,
    Embedded,
    Empty,
    Fault,
    GrainBoundary,
    Lattice,
    MultiplyTwinned,
    Occluded,
    Overlapping,
    Particle,
    Periodic,
    Polar,
    Random,
    Strained,
    Tilted,
    Twin,
    Wedge,
)
from stembench.config.base import CIF_PATTERN
from stembench.config.datasets import CalibratedNoise, Dataset, ImportedDataset, PhysicalNoise
from stembench.config.evaluation import Evaluation, LabTestset
from stembench.config.generalisation import Generalisation
from stembench.config.imaging import Condition, DrawnProbe, Imaging, Multislice
from stembench.config.lab import Distribution, LabImage
from stembench.config.networks import Network, Recipe, Training, check_shares
from stembench.config.studies import Study
from stembench.config.tree import Config, load_config

__all__ = [
    "CIF_PATTERN",
    "Arrangement",
    "CalibratedNoise",
    "Condition",
    "Config",
    "Covered",
    "Dataset",
    "Defects",
    "Dislocation",
    "Distribution",
    "DrawnProbe",
    "Embedded",
    "Empty",
    "Evaluation",
    "Fault",
    "Generalisation",
    "GrainBoundary",
    "Imaging",
    "ImportedDataset",
    "LabImage",
    "LabTestset",
    "Lattice",
    "MultiplyTwinned",
    "Multislice",
    "Network",
    "Occluded",
    "Overlapping",
    "Particle",
    "Periodic",
    "PhysicalNoise",
    "Polar",
    "Random",
    "Recipe",
    "Strained",
    "Study",
    "Tilted",
    "Training",
    "Twin",
    "Wedge",
    "check_shares",
    "load_config",
]
