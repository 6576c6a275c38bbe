import numpy as np
import pytest
from scipy.spatial import cKDTree
from stembench.config import Polar
from stembench.crystals.arrangements import arranged
from stembench.crystals.material import Material
from stembench.crystals.polar import polarisation
from stembench.crystals.specimen import columns_of
from stembench.crystals.view import View

FAR = np.array([[200.0, 30.0], [-200.0, -30.0], [30.0, -200.0], [-30.0, 200.0]])


@pytest.mark.parametrize(("pattern", "angle"), [("180", 180), ("90", 90)])
def test_domains_meet_at_the_angle_of_their_wall_without_a_charge(pattern, angle):
    heading = 0.4
    places = np.random.default_rng(0).uniform(-300, 300, (500, 2))
    shifts = polarisation(pattern, places, heading, 4.0)
    outer = shifts[np.linalg.norm(shifts - [np.cos(heading), np.sin(heading)], axis=1) < 1e-3]
    inner = shifts[np.abs(shifts @ outer[0] - np.cos(np.deg2rad(angle))) < 1e-3]
    assert len(outer) + len(inner) > 450
    assert min(len(outer), len(inner)) > 100
    wall = outer[0] - inner[0]
    normal = np.array([-wall[1], wall[0]]) / np.linalg.norm(wall)
    assert np.ptp(shifts @ normal) < 1e-9  # along the normal nothing changes: the divergence is 0


def test_a_vortex_turns_once_around_its_core():
    turn = np.linspace(0, 2 * np.pi, 50)
    ring = 40 * np.column_stack([np.cos(turn), np.sin(turn)])
    shifts = polarisation("vortex", ring, 0.0, 4.0)
    assert np.linalg.norm(shifts, axis=1) == pytest.approx(1)
    assert (shifts * ring).sum(axis=1) == pytest.approx(0, abs=1e-9)
    assert np.ptp(np.unwrap(np.arctan2(shifts[:, 1], shifts[:, 0]))) == pytest.approx(2 * np.pi)
    assert np.abs(polarisation("vortex", np.array([[0.0, 0.0]]), 0.0, 4.0)).max() < 1e-6


def test_titanium_is_displaced_against_its_strontium_cage(projection_of):
    """A column of Ti and O moves by the part of its strength that titanium has."""
    material = Material.of("SrTiO3", "001", projection_of("SrTiO3", "001"))
    view = View((40.0, 40.0), 3.0, 0.3, np.array([0.5, 1.0]), 20.0)
    recipe = Polar(element="Ti", displacement_A=(0.15, 0.15))
    specimen, draws = arranged(recipe, material, [material], view, np.random.default_rng(0))
    columns = columns_of(specimen, specimen.numbers**1.7)
    places = np.column_stack([columns["x_A"], columns["y_A"]])
    level = columns["strength"] / columns["strength"].max()
    strontium, titanium = places[level > 0.8], places[(level > 0.3) & (level < 0.8)]
    inside = titanium[np.abs(titanium - 20).max(axis=1) < 15]
    _, cage = cKDTree(strontium).query(inside, k=4)
    shift = (inside - strontium[cage].mean(axis=1)).mean(axis=0)
    share = 22**1.7 / (22**1.7 + 8**1.7)
    heading = draws["displacement_angle_rad"]
    assert shift == pytest.approx(0.15 * share * np.array([np.cos(heading), np.sin(heading)]), abs=5e-3)


def test_a_large_displacement_parts_titanium_from_its_oxygen(projection_of):
    material = Material.of("SrTiO3", "001", projection_of("SrTiO3", "001"))
    view = View((20.0, 20.0), 3.0, 0.0, np.zeros(2), 8.0)
    counts = []
    for length in (0.15, 0.3):
        recipe = Polar(element="Ti", displacement_A=(length, length))
        specimen, _ = arranged(recipe, material, [material], view, np.random.default_rng(0))
        counts.append(len(np.unique(specimen.columns)))
    assert counts[1] > 1.2 * counts[0]
