"""Noise-free lattices on which noise is put and found again."""

from collections.abc import Callable

import numpy as np
import pytest
from stembench.crystals.field import CrystalField
from stembench.crystals.projection import Scatterers
from stembench.imaging.linear import linear_image, strength_of
from stembench.imaging.probe import Probe


@pytest.fixture(scope="session")
def lattice_of(projection_of) -> Callable[..., np.ndarray]:
    """A lattice between 0 and 1: material, zone, side [px], pixel size [A]."""

    def lattice(material: str, zone: str, side: int, pixel_size: float) -> np.ndarray:
        projection = projection_of(material, zone)
        scatterers = Scatterers.of(projection, lambda element: strength_of(element, 1.7, {}))
        field = CrystalField.of(projection, scatterers, (side * pixel_size,) * 2, 0.1, np.array([0.3, 0.7]), 6.0)
        probe = Probe(200e3, 24, 0.9)
        image = linear_image(field.points, field.strengths, field.thermal_b, probe, (side, side), pixel_size)
        return (image - image.min()) / np.ptp(image)

    return lattice


@pytest.fixture(scope="session")
def silicon(lattice_of) -> np.ndarray:
    """Si [110] at 9.44 pm/px, 256 x 256."""
    return lattice_of("Si", "110", 256, 0.0944)
