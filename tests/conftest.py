"""What several tests share: the repository's crystals and small datasets."""

from pathlib import Path

import pytest
from hypothesis import settings
from stembench.config import Config, Dataset, Imaging, PhysicalNoise
from stembench.crystals.cif import read_crystal
from stembench.crystals.material import Material
from stembench.crystals.projection import Projection, project_structure
from stembench.crystals.zones import parse_zone
from stembench.datasets.factory import Factory

# The same examples in every run: a failure is a change's own. `--hypothesis-profile=default` draws new ones.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


def projected(material: str, zone: str) -> Projection:
    return project_structure(read_crystal(REPOSITORY / "structures" / f"{material}.cif"), parse_zone(zone))


@pytest.fixture(scope="session")
def projection_of():
    return projected


@pytest.fixture(scope="session")
def small_factory() -> Factory:
    """A factory of 64 px images of two crystals with physical noise."""
    imaging = Imaging()
    materials = [Material.of(m, z, projected(m, z)) for m, z in (("SrTiO3", "001"), ("Si", "110"))]
    recipe = Dataset(noise=PhysicalNoise(test_counts_per_px=(3.0, 100.0)), images_per_structure=2)
    return Factory(recipe, Config().arrangements, imaging, materials, 64)
