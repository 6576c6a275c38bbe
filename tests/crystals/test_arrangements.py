from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree
from stembench.config import Config
from stembench.crystals.arrangements import arranged, unsuited
from stembench.crystals.disorder import number_density
from stembench.crystals.field import in_plane_turn
from stembench.crystals.material import Material
from stembench.crystals.specimen import columns_of
from stembench.crystals.view import View

VIEW = View((40.0, 40.0), 3.0, 0.3, np.array([0.5, 1.0]), 30.0)


def made(name, materials, seed=0):
    recipe = Config().arrangements[name]
    material = next(each for each in materials if not unsuited(recipe, each))
    return arranged(recipe, material, materials, VIEW, np.random.default_rng(seed))[0]


@pytest.fixture(scope="module")
def materials(projection_of):
    shown = (("SrTiO3", "001", False), ("Pt", "110", False))
    return [Material.of(name, zone, projection_of(name, zone), layer) for name, zone, layer in shown]


@pytest.fixture(scope="module")
def layer(projection_of):
    return Material.of("MoS2", "001", projection_of("MoS2", "001"), single_layer=True)


@pytest.mark.parametrize("name", [name for name in Config().arrangements if name not in ("empty", "tilted")])
def test_every_arrangement_is_made_of_atoms_apart_and_again_the_same(name, materials):
    specimen, again = made(name, materials), made(name, materials)
    assert (specimen.positions == again.positions).all()
    assert np.isfinite(specimen.positions).all()
    columns = columns_of(specimen, specimen.numbers**1.7)
    assert len(columns["x_A"]) > 10
    assert (columns["strength"] > 0).all()
    apart = cKDTree(specimen.positions).query(specimen.positions, k=2)[0][:, 1]
    assert apart.min() > 0.5
    assert len(specimen) != len(made(name, materials, 1)) or name in ("periodic", "defects")


def test_an_empty_object_has_no_column_and_all_three_kinds_of_film(materials):
    recipe, drawn = Config().arrangements["empty"], {}
    for seed in range(12):
        specimen, draws = arranged(recipe, materials[0], materials, VIEW, np.random.default_rng(seed))
        assert len(columns_of(specimen, specimen.numbers**1.7)["x_A"]) == 0
        inside = np.all((specimen.positions[:, :2] > 0) & (specimen.positions[:, :2] < 40), axis=1)
        film = number_density("C") * 40**2 * draws.get("film_A", 0)
        drawn.setdefault(draws["film"], []).append(inside.sum() / max(film, 1))
    assert max(drawn["none"]) == 0
    assert np.array(drawn["whole"]) == pytest.approx(1, abs=0.1)
    assert 0.1 < np.mean(drawn["edge"]) < 0.9


def test_a_crystal_off_its_zone_axis_shows_one_family_of_planes_and_no_column(materials):
    one = {"crystals": (1, 1), "aside_deg": (0.0, 0.0), "edge": 0.0}
    recipe, material = Config().arrangements["tilted"].model_copy(update=one), materials[0]
    families = np.array([[1, 0], [0, 1], [1, 1], [1, -1]])
    waves = 2 * np.pi * families @ np.linalg.inv(material.projection.lattice).T @ in_plane_turn(VIEW.rotation)

    def contrasts(specimen):
        """Modulation of the projected atomic numbers by each family of planes, about the middle of the field."""
        places = specimen.positions[:, :2] - VIEW.centre
        weights = specimen.numbers * np.exp(-((places / 8) ** 2).sum(1) / 2)
        return np.abs(np.exp(1j * places @ waves.T).T @ weights) / weights.sum()

    seen = []
    for seed in range(12):
        specimen, draws = arranged(recipe, material, materials, VIEW, np.random.default_rng(seed))
        assert len(columns_of(specimen, specimen.numbers**1.7)["x_A"]) == 0
        upright = contrasts(replace(VIEW, thickness=draws["crystal_A"]).filled_with(material))
        found = contrasts(specimen)
        seen.append(int(np.argmax(found / upright)))
        assert found[seen[-1]] == pytest.approx(upright[seen[-1]], rel=0.03)
        assert (np.delete(found / upright, seen[-1]) < 0.4).all()
    assert set(seen) == set(range(4))


def test_crystals_off_their_axes_lie_one_on_the_other_each_with_its_own_planes(materials):
    recipe = Config().arrangements["tilted"].model_copy(update={"edge": 0.0, "aside_deg": (0.0, 0.0)})
    numbers, deep = set(), []
    for seed in range(12):
        specimen, draws = arranged(recipe, materials[0], materials, VIEW, np.random.default_rng(seed))
        own = [f"_{number}" for number in (2, 3) if f"tilt_deg_{number}" in draws]
        numbers.add(1 + len(own))
        thickness = sum(draws[f"crystal_A{name}"] for name in ("", *own))
        deep.append(np.ptp(specimen.positions[:, 2]) / thickness)
        assert len({draws[f"tilt_deg{name}"] for name in ("", *own)}) == 1 + len(own)
    assert numbers == {1, 2, 3}
    assert deep == pytest.approx(np.ones(12), abs=0.1)


def test_tilt_across_planes_takes_from_their_contrast(materials):
    def contrast(aside):
        """Strongest wave in the projected atoms, over their number."""
        one = {"crystals": (1, 1), "aside_deg": (aside, aside), "edge": 0.0, "crystal_A": (100.0, 100.0)}
        recipe = Config().arrangements["tilted"].model_copy(update=one)
        specimen, _ = arranged(recipe, materials[0], materials, VIEW, np.random.default_rng(1))
        counted, *_ = np.histogram2d(*specimen.positions[:, :2].T, bins=100, range=[(0, 40)] * 2)
        return np.abs(np.fft.fft2(counted - counted.mean())).max() / counted.sum()

    none, little, more = (contrast(aside) for aside in (0.0, 0.3, 1.0))
    assert none > 1.05 * little > 1.5 * more


def test_no_tilt_hides_the_columns_of_a_single_layer(layer):
    assert unsuited(Config().arrangements["tilted"], layer) == "MoS2 is a single layer, whose columns no tilt hides"


@pytest.mark.parametrize(("name", "hides"), [("occluded", True), ("occluded_by_crystal", True), ("embedded", False)])
def test_overlayers_alone_hide_columns(name, hides, materials):
    specimen = made(name, materials)
    assert columns_of(specimen, specimen.numbers**1.7)["hidden"].any() == hides


def test_a_particle_of_a_single_layer_is_a_flake(layer):
    particle, _ = arranged(Config().arrangements["particle"], layer, [layer], VIEW, np.random.default_rng(0))
    molybdenum = particle.positions[particle.numbers == 42]
    assert len(molybdenum) > 10
    assert np.ptp(molybdenum[:, 2]) < 0.1


@pytest.mark.parametrize("first", [True, False])
def test_a_single_layer_stays_one_beside_a_thick_crystal(first, layer, materials):
    both = [layer, materials[1]] if first else [materials[1], layer]
    specimen, _ = arranged(Config().arrangements["embedded"], both[0], both, VIEW, np.random.default_rng(0))
    molybdenum, platinum = (specimen.positions[specimen.numbers == number, 2] for number in (42, 78))
    assert np.ptp(molybdenum) < 0.1
    assert np.ptp(platinum) > 25


def test_a_layer_cut_by_its_cell_is_made_whole(layer):
    """Molybdenum at z = 0 puts sulphur at both ends of the period."""
    projection = layer.projection
    shift = next(a["height_A"] for c in projection.columns for a in c["atoms"] if a["element"] == "Mo")
    columns = tuple(
        c | {"atoms": [a | {"height_A": (a["height_A"] - shift) % projection.period} for a in c["atoms"]]}
        for c in projection.columns
    )
    cut = replace(projection, columns=columns)
    whole = Material.of("MoS2", "001", cut, single_layer=True)
    heights = [a["height_A"] for c in whole.projection.columns for a in c["atoms"]]
    assert np.ptp(heights) < 3.3
    assert whole.thickness(100.0) == pytest.approx(3.35 + 3.13, abs=0.1)
    assert np.ptp([a["height_A"] for c in cut.columns for a in c["atoms"]]) > 15


@pytest.mark.parametrize(("element", "hides"), [("C", False), ("Pt", True)])
def test_forty_angstroms_hide_columns_if_they_are_heavy(materials, element, hides):
    """In multislice, columns below 40 A of carbon keep 0.98 of their HAADF signal at 200 keV, below 20 A of Pt 0.78."""
    recipe = (
        Config().arrangements["occluded"].model_copy(update={"overlayer_element": element, "thickness_A": (40.0, 40.0)})
    )
    specimen, draws = arranged(recipe, materials[0], materials, VIEW, np.random.default_rng(0))
    assert columns_of(specimen, specimen.numbers**1.7)["hidden"].any() == hides
    assert (draws["transmission"] > 0.95) != hides
