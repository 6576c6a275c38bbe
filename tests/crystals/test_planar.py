import numpy as np
import pytest
from scipy.spatial import cKDTree
from stembench.config import Config, Fault, Twin
from stembench.crystals.arrangements import arranged
from stembench.crystals.field import in_plane_turn
from stembench.crystals.material import Material
from stembench.crystals.rows import lattice_rows, twin_rows
from stembench.crystals.specimen import columns_of
from stembench.crystals.view import View

VIEW = View((40.0, 40.0), 6.0, 0.3, np.array([0.5, 1.0]), 26.0)


def made(name_or_recipe, material, seed=0):
    recipe = Config().arrangements.get(name_or_recipe) if isinstance(name_or_recipe, str) else name_or_recipe
    return arranged(recipe, material, [material], VIEW, np.random.default_rng(seed))


def inner(specimen, band=6.0):
    places = specimen.positions
    thick = places[:, 2].max()
    chosen = np.all((places[:, :2] > 0) & (places[:, :2] < 40), axis=1)
    return places[chosen & (places[:, 2] > band) & (places[:, 2] < thick - band)]


def neighbours(specimen, of, distance):
    return cKDTree(specimen.positions).query_ball_point(of, distance, return_length=True) - 1


@pytest.fixture(scope="module")
def crystal(projection_of):
    return lambda material, zone: Material.of(material, zone, projection_of(material, zone))


@pytest.mark.parametrize(("name", "layers"), [("stacking_fault", 2), ("twin", 1)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gold_has_two_hexagonal_layers_at_a_stacking_fault_and_one_at_a_twin(crystal, name, layers, seed):
    """In cubic stacking each neighbour of an atom has one opposite to it, in hexagonal stacking half of them do."""
    gold = crystal("Au", "110")
    specimen, draws = made(name, gold, seed)
    shortest = gold.face_centred_cubic / 2**0.5
    places = inner(specimen)
    assert set(neighbours(specimen, places, 1.05 * shortest)) == {12}
    tree = cKDTree(specimen.positions)
    around = tree.query(places, k=13)[1][:, 1:]
    opposite = 2 * places[:, None] - specimen.positions[around]
    counts = (tree.query(opposite)[0] < 0.1).sum(axis=1)
    normal = np.array([np.cos(draws["interface_angle_rad"]), np.sin(draws["interface_angle_rad"])])
    centre = np.array([draws["centre_x_A"], draws["centre_y_A"]])
    heights = (places[counts == 6][:, :2] - centre) @ normal
    assert set(counts) == {6, 12}
    assert len(np.unique(np.round(heights, 3))) == layers
    assert np.abs(heights).max() < 1.3  # at the plane that was drawn


@pytest.mark.parametrize("name", ["stacking_fault", "twin"])
def test_silicon_keeps_its_four_bonds(crystal, name):
    specimen, _ = made(name, crystal("Si", "110"))
    assert set(neighbours(specimen, inner(specimen), 2.6)) == {4}


@pytest.mark.parametrize(("material", "zone"), [("Au", "110"), ("SrTiO3", "110"), ("SrTiO3", "001"), ("TiO2", "001")])
def test_a_twin_is_its_own_mirror_image(crystal, material, zone):
    specimen, draws = made(Twin(), crystal(material, zone))
    columns = columns_of(specimen, specimen.numbers**1.7)
    places = np.column_stack([columns["x_A"], columns["y_A"]])
    normal = np.array([np.cos(draws["interface_angle_rad"]), np.sin(draws["interface_angle_rad"])])
    heights = (places - [draws["centre_x_A"], draws["centre_y_A"]]) @ normal
    near = np.linalg.norm(places - [draws["centre_x_A"], draws["centre_y_A"]], axis=1) < 12
    mirrored = places[near] - 2 * np.outer(heights[near], normal)
    distance, image = cKDTree(places).query(mirrored)
    assert (distance < 0.02).mean() > 0.9
    paired = image[distance < 0.02]
    assert columns["strength"][paired] == pytest.approx(columns["strength"][near][distance < 0.02], rel=0.2)


def test_only_planes_that_are_no_mirrors_are_twin_planes(projection_of):
    assert set(twin_rows(projection_of("SrTiO3", "001"))) == {(1, -2), (1, 2), (2, -1), (2, 1)}
    gold = projection_of("Au", "110")
    lengths = [np.linalg.norm(np.array(row) @ gold.lattice) for row in twin_rows(gold)]
    assert lengths == pytest.approx(2 * [4.0782 * 0.375**0.5], rel=1e-3)  # traces of {111}
    assert len(lattice_rows(projection_of("SrTiO3", "001"))) == 2


def test_strontium_takes_the_place_of_titanium_beyond_an_antiphase_boundary(crystal):
    material = crystal("SrTiO3", "001")
    specimen, draws = made(Config().arrangements["antiphase_boundary"], material)
    normal = np.array([np.cos(draws["interface_angle_rad"]), np.sin(draws["interface_angle_rad"])])
    places = specimen.positions[specimen.numbers == 38][:, :2]
    side = (places - [draws["centre_x_A"], draws["centre_y_A"]]) @ normal
    phases = (places - VIEW.offset) @ np.linalg.inv(material.projection.lattice @ in_plane_turn(VIEW.rotation))
    before, beyond = (phases[chosen] for chosen in (side < -1, side > 1))
    apart = (beyond[:, None] - before[:50]) % 1
    assert apart == pytest.approx(0.5, abs=1e-6)


def test_the_translation_of_a_fault_is_kept(crystal):
    _, draws = made(Fault(along=(0.5, 0.5)), crystal("SrTiO3", "001"))
    assert np.hypot(draws["translation_x_A"], draws["translation_y_A"]) == pytest.approx(3.905 / 2, rel=1e-3)
