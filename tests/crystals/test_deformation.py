import numpy as np
import pytest
from scipy.spatial import cKDTree
from stembench.config import Dislocation, Strained
from stembench.crystals.arrangements import arranged
from stembench.crystals.deformation import dislocation_field, mistilted
from stembench.crystals.field import in_plane_turn
from stembench.crystals.material import Material
from stembench.crystals.specimen import columns_of, crystal_slab
from stembench.crystals.view import View

VIEW = View((60.0, 60.0), 4.0, 0.3, np.array([0.5, 1.0]), 12.0)


def made(recipe, material, seed=0):
    specimen, draws = arranged(recipe, material, [material], VIEW, np.random.default_rng(seed))
    columns = columns_of(specimen, specimen.numbers**1.7)
    return specimen, np.column_stack([columns["x_A"], columns["y_A"]]), columns["strength"], draws


@pytest.fixture(scope="module")
def crystals(projection_of):
    return {m: Material.of(m, z, projection_of(m, z)) for m, z in (("SrTiO3", "001"), ("Au", "110"), ("TiO2", "001"))}


def test_a_homogeneous_strain_stretches_the_crystal_by_what_was_drawn(crystals):
    material = crystals["SrTiO3"]
    _, places, _, draws = made(Strained(field="homogeneous", strain=(0.02, 0.06)), material)
    sizes = [draws["strain_1"], draws["strain_2"]]
    turn = in_plane_turn(draws["strain_axis_rad"])
    inverse = np.linalg.inv(np.eye(2) + turn.T @ np.diag(sizes) @ turn)
    perfect = cKDTree(VIEW.wider(10).filled_with(material).positions[:, :2])
    assert perfect.query((places - VIEW.centre) @ inverse + VIEW.centre)[0].max() < 1e-6
    assert all(0.02 <= abs(size) <= 0.06 for size in sizes)
    unstrained = len(np.unique(np.round(VIEW.filled_with(material).positions[:, :2], 3), axis=0))
    assert len(places) == pytest.approx(unstrained / np.prod(1 + np.array(sizes)), rel=0.02)


def test_a_smooth_strain_changes_distances_by_no_more_than_was_drawn(crystals):
    specimen, _, _, draws = made(Strained(strain=(0.05, 0.05)), crystals["Au"])
    shortest = 2.8838
    pairs = cKDTree(specimen.positions).query_pairs(1.1 * shortest, output_type="ndarray")
    lengths = np.linalg.norm(np.subtract(*specimen.positions[pairs.T]), axis=1)
    changes = lengths / np.median(lengths) - 1
    assert 0.2 * draws["strain"] < np.abs(changes).max() < 1.1 * draws["strain"]


@pytest.mark.parametrize("material", ["SrTiO3", "Au", "TiO2"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_circuit_around_a_dislocation_fails_to_close_by_its_burgers_vector(crystals, material, seed):
    _, places, strengths, draws = made(Dislocation(), crystals[material], seed)
    brightest = places[strengths > 0.6 * strengths.max()]
    core, burgers = (np.array([draws[f"{name}_{axis}_A"] for axis in "xy"]) for name in ("centre", "burgers"))
    lattice, tree = crystals[material].projection.lattice @ in_plane_turn(VIEW.rotation), cKDTree(brightest)
    steps = [lattice[0], lattice[1], -lattice[0], -lattice[1]]

    def walked(start, number):
        place = start
        for step in steps:
            for _ in range(number):
                distance, nearest = tree.query(place + step)
                assert distance < 0.25 * np.linalg.norm(lattice, axis=1).min()
                place = brightest[nearest]
        return place - start

    number = 5
    around = brightest[tree.query(core - (lattice[0] + lattice[1]) * number / 2)[1]]
    failure = walked(around, number)
    assert min(np.linalg.norm(failure - burgers), np.linalg.norm(failure + burgers)) < 0.25 * np.linalg.norm(burgers)
    outside = core + (lattice[0] + lattice[1]) * 2
    beside = brightest[tree.query(outside)[1]]
    assert np.linalg.norm(walked(beside, 2)) < 1e-9
    assert cKDTree(places).query(places, k=2)[0][:, 1].min() > 0.8


@pytest.mark.parametrize("seed", [0, 1])
def test_no_atoms_meet_at_the_core_of_a_large_burgers_vector(projection_of, seed):
    """That of ReS2 is 6.4 A long. Without a clearance, atoms of its core are less than 1 A apart."""
    material = Material.of("ReS2", "001", projection_of("ReS2", "001"), single_layer=True)
    close, apart = (
        cKDTree(specimen.positions).query(specimen.positions, k=2)[0][:, 1].min()
        for specimen in (made(Dislocation(clearance_A=clearance), material, seed)[0] for clearance in (0, 1.2))
    )
    assert close < 1.2 <= apart


@pytest.mark.parametrize("poisson_ratio", [0.0, 0.3, 0.45])
def test_the_medium_around_a_dislocation_is_in_equilibrium(poisson_ratio):
    """Navier's equation: grad div u + (1 - 2 nu) laplace u = 0; the jump at the glide plane is the Burgers vector."""
    burgers, core = np.array([2.4, 1.8]), np.array([1.0, -2.0])
    field = dislocation_field(core, burgers, poisson_ratio, screw=1.1)
    step, place = 1e-2, core + np.array([3.0, 4.0])
    grid = np.stack(np.meshgrid(*[step * np.arange(-2, 3)] * 2, indexing="ij"), -1) + place
    u = field(grid.reshape(-1, 2)).reshape(5, 5, 3)
    du = np.stack(np.gradient(u, step, axis=(0, 1)))  # derivative, x, y, component
    divergence = du[0, ..., 0] + du[1, ..., 1]
    second = [np.gradient(du[i], step, axis=i) for i in (0, 1)]
    forces = np.stack(np.gradient(divergence, step), -1) + (1 - 2 * poisson_ratio) * sum(second)[..., :2]
    scale = np.abs(second[0][2, 2]).max()
    assert np.abs(forces[2, 2]).max() < 1e-3 * scale
    assert abs(sum(second)[2, 2, 2]) < 1e-3 * scale
    behind, aside = core - 3 * burgers, 1e-6 * np.array([-burgers[1], burgers[0]])
    above, below = field(np.array([behind + aside, behind - aside]))
    assert above - below == pytest.approx([*burgers, 1.1], abs=1e-4)


def test_a_mistilt_is_a_small_rotation_of_the_crystal_seen_from_where_columns_begin(projection_of):
    angle, azimuth = 0.01, 0.7
    slab = crystal_slab(projection_of("Si", "110"), (20.0, 20.0), 0.0, np.zeros(2), 0.0, 60.0)
    heading = np.array([np.cos(azimuth), np.sin(azimuth)])
    tilted, entrance = mistilted(slab, tuple(1000 * angle * heading))
    along = slab.positions[:, :2] @ heading
    turned = np.cos(angle) * along + np.sin(angle) * slab.positions[:, 2]
    assert tilted.positions[:, :2] @ heading == pytest.approx(turned, abs=60 * angle**2)
    across = [-heading[1], heading[0]]
    assert tilted.positions[:, :2] @ across == pytest.approx(slab.positions[:, :2] @ across, abs=1e-4)
    for column in range(slab.columns.max() + 1):
        own = slab.columns == column
        first = np.flatnonzero(own)[slab.positions[own, 2].argmin()]
        assert entrance.positions[first] == pytest.approx(tilted.positions[first])
        assert np.ptp(entrance.positions[own, :2] - slab.positions[own, :2], axis=0).max() < 1e-12
        depths = slab.positions[own, 2]
        spread = np.var((tilted.positions - slab.positions)[own, :2] @ heading)
        assert spread == pytest.approx(np.tan(angle) ** 2 * np.var(depths), rel=1e-3)
