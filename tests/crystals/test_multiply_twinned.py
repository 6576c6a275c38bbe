import numpy as np
import pytest
from scipy.spatial import cKDTree
from stembench.config import Config, Dataset, Imaging, MultiplyTwinned
from stembench.crystals.arrangements import arranged
from stembench.crystals.field import in_plane_turn
from stembench.crystals.material import Material
from stembench.crystals.specimen import NO_COLUMN, columns_of
from stembench.crystals.view import View
from stembench.datasets.factory import Factory
from stembench.errors import InputError

VIEW = View((40.0, 40.0), 3.0, 0.3, np.array([0.5, 1.0]), 30.0)


@pytest.fixture(scope="module")
def gold(projection_of):
    return Material.of("Au", "001", projection_of("Au", "001"))


def made(shape, gold, seed):
    recipe = MultiplyTwinned(shape=shape, diameter_A=(25.0, 25.0), support_A=(10.0, 10.0))
    specimen, draws = arranged(recipe, gold, [gold], VIEW, np.random.default_rng(seed))
    own = specimen[specimen.columns != NO_COLUMN]
    columns = columns_of(specimen, specimen.numbers**1.7)
    return specimen, own, np.column_stack([columns["x_A"], columns["y_A"]]), columns["atoms"], draws


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("shape", ["decahedron", "icosahedron"])
def test_the_image_has_the_symmetry_of_the_axis(gold, shape, seed):
    specimen, own, places, atoms, draws = made(shape, gold, seed)
    order = int(draws.get("axis", "5"))
    centre = np.array([draws["centre_x_A"], draws["centre_y_A"]])
    images = (places - centre) @ in_plane_turn(2 * np.pi / order) + centre
    distance, image = cKDTree(places).query(images)
    assert distance.max() < 0.05
    assert atoms[image] == pytest.approx(atoms)
    distances = cKDTree(own.positions).query(own.positions, k=2)[0][:, 1]
    assert distances == pytest.approx(2.884, rel=0.03)
    assert np.ptp(own.positions[:, :2], axis=0) == pytest.approx(25, abs=6)
    assert specimen.positions[specimen.numbers == 6, 2].min() > own.positions[:, 2].max()


def test_an_icosahedron_is_of_whole_shells(gold):
    _, own, _, _, _ = made("icosahedron", gold, 0)
    assert len(own) in (13, 55, 147, 309, 561)
    counts = cKDTree(own.positions).query_ball_point(own.positions, 3.2, return_length=True) - 1
    assert counts.max() == 12
    assert (counts == 6).sum() == 12  # its corners


@pytest.mark.parametrize(
    ("material", "zone", "edge"),
    [("Au", "110", 4.0782), ("Pt", "111", 3.92), ("Si", "110", None), ("NiO", "001", None)],
)
def test_face_centred_cubic_elements_are_known(projection_of, material, zone, edge):
    constant = Material.of(material, zone, projection_of(material, zone)).face_centred_cubic
    assert constant == (edge if edge is None else pytest.approx(edge, abs=0.01))


@pytest.mark.parametrize(("name", "reason"), [("decahedron", "no face-centred"), ("polar", "has one element")])
def test_what_a_crystal_cannot_form_is_refused_by_name(projection_of, name, reason):
    silicon = Material.of("Si", "110", projection_of("Si", "110"))
    with pytest.raises(InputError, match=rf"arrangements\.{name}: Si .*{reason}.*`materials`"):
        Factory(Dataset(arrangements=(name,)), Config().arrangements, Imaging(), [silicon], 64)
