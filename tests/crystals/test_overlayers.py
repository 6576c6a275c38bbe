import numpy as np
import pytest
from stembench.config import Covered
from stembench.crystals.arrangements import arranged
from stembench.crystals.material import Material
from stembench.crystals.specimen import NO_COLUMN, columns_of
from stembench.crystals.view import View

VIEW = View((60.0, 60.0), 3.0, 0.3, np.array([0.5, 1.0]), 30.0)


def test_a_crystal_lies_between_films_and_below_a_hill_of_the_height_that_was_drawn(projection_of):
    material = Material.of("SrTiO3", "001", projection_of("SrTiO3", "001"))
    recipe = Covered(entrance_A=(10, 10), exit_A=(20, 20), contamination_A=(30, 30), coverage=(0.2, 0.2))
    specimen, draws = arranged(recipe, material, [material], VIEW, np.random.default_rng(0))
    carbon, own = specimen.positions[specimen.columns == NO_COLUMN], specimen.positions[specimen.columns != NO_COLUMN]
    above, below = carbon[carbon[:, 2] < 0], carbon[carbon[:, 2] > 0]
    assert len(above) + len(below) == len(carbon)
    assert own[:, 2].min() >= 0
    assert below[:, 2].min() >= own[:, 2].max() + 1.5
    assert np.ptp(below[:, 2]) == pytest.approx(20, abs=1)
    distance = np.hypot(*(above[:, :2] - [draws["centre_x_A"], draws["centre_y_A"]]).T)
    assert above[:, 2].max() == pytest.approx(-1.5, abs=0.2)
    assert -above[distance < 6, 2].min() == pytest.approx(41.5, abs=3)
    radius = np.sqrt(0.2 * 60 * 60 / np.pi)  # where half of the hill is left
    at_half = above[np.abs(distance - radius) < 1, 2]
    assert -at_half.min() == pytest.approx(1.5 + 10 + 15, abs=2)
    assert -above[distance > 2.5 * radius, 2].min() == pytest.approx(11.5, abs=1)
    assert not columns_of(specimen, specimen.numbers**1.7)["hidden"].any()


def test_a_film_of_a_heavy_element_hides_what_lies_below(projection_of):
    material = Material.of("Si", "110", projection_of("Si", "110"))
    recipe = Covered(element="Pt", entrance_A=(40, 40), exit_A=(0, 0), contamination_A=(0, 0))
    specimen, _ = arranged(recipe, material, [material], VIEW, np.random.default_rng(0))
    assert columns_of(specimen, specimen.numbers**1.7)["hidden"].mean() > 0.9
