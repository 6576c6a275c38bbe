import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from stembench.crystals.cif import Crystal
from stembench.crystals.field import columns_in_field
from stembench.crystals.grouping import WIDEST_COLUMN_A
from stembench.crystals.projection import project_structure
from stembench.crystals.specimen import columns_of, crystal_slab

zones = st.tuples(*[st.integers(-3, 3)] * 3).filter(any)
centrings = st.sampled_from([[[0, 0, 0]], [[0, 0, 0], [0.5, 0.5, 0.5]], [[0, 0, 0], [0, 0.5, 0.5]]])


@st.composite
def triclinic_crystals(draw) -> Crystal:
    cell = draw(arrays(float, (3, 3), elements=st.floats(-1, 1, width=16))) + 4 * np.eye(3)
    assume(np.linalg.det(cell) > 20)
    centring = np.array(draw(centrings), float)
    basis = draw(arrays(float, (draw(st.integers(1, 3)), 3), elements=st.integers(0, 11).map(lambda i: i / 12)))
    positions = (basis[:, None] + centring).reshape(-1, 3) % 1
    positions = np.unique(np.round(positions, 9) % 1, axis=0)
    ones = np.ones(len(positions))
    return Crystal(cell, centring, ("Cu",) * len(positions), positions, ones, ones)


def lattice_distances(points: np.ndarray, columns: np.ndarray, lattice: np.ndarray) -> np.ndarray:
    """Distance from each point to its nearest column of the periodic pattern."""
    fractions = (points[:, None] - columns) @ np.linalg.inv(lattice)
    corners = np.array([[i, j] for i in (-1, 0, 1) for j in (-1, 0, 1)])
    apart = (fractions - np.round(fractions))[:, :, None] + corners
    return np.linalg.norm(apart @ lattice, axis=-1).min(axis=(1, 2))


@settings(max_examples=40, deadline=None)
@given(triclinic_crystals(), zones)
def test_every_atom_of_a_block_falls_on_a_column_and_none_is_lost(crystal, zone):
    projection = project_structure(crystal, zone)
    steps = np.array(np.meshgrid(*[range(-3, 4)] * 3)).reshape(3, -1).T
    atoms = (crystal.positions[:, None] + steps).reshape(-1, 3) @ crystal.cell @ projection.frame.T
    columns = np.array([[c["x_A"], c["y_A"]] for c in projection.columns])
    assert lattice_distances(atoms[:, :2], columns, projection.lattice).max() < WIDEST_COLUMN_A
    places = np.array([[atom["x_A"], atom["y_A"]] for column in projection.columns for atom in column["atoms"]])
    assert lattice_distances(atoms[:, :2], places, projection.lattice).max() < 1e-6
    assert projection.frame @ projection.frame.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.cross(projection.frame[2], np.array(zone) @ crystal.cell) == pytest.approx(np.zeros(3), abs=1e-6)

    volume = abs(np.linalg.det(projection.lattice)) * projection.period
    atoms_a_period = sum(len(c["atoms"]) for c in projection.columns)
    assert atoms_a_period / volume == pytest.approx(len(crystal.elements) / np.linalg.det(crystal.cell), rel=1e-6)


def test_silicon_110_shows_dumbbells_1358_pm_apart(projection_of):
    projection = projection_of("Si", "110")
    first, second = (np.array([c["x_A"], c["y_A"]]) for c in projection.columns)
    distance = lattice_distances(first[None], second[None], projection.lattice)
    assert distance[0] == pytest.approx(5.431 / 4, abs=1e-3)
    assert projection.period == pytest.approx(5.431 / np.sqrt(2), abs=1e-3)


def test_strontium_titanate_001_has_its_four_columns(projection_of):
    projection = projection_of("SrTiO3", "001")
    kinds = sorted(tuple(sorted(atom["element"] for atom in column["atoms"])) for column in projection.columns)
    assert kinds == [("O",), ("O",), ("O", "Ti"), ("Sr",)]
    assert np.abs(projection.lattice) == pytest.approx(3.905 * np.eye(2), abs=1e-6)


def surroundings(projection) -> np.ndarray:
    """Sorted distances from each column of the cell to all others around it, in an order of their own."""
    slab = crystal_slab(projection, (44.0, 44.0), 0.0, np.full(2, 0.1), 0.0, projection.period)
    columns = columns_of(slab, np.ones(len(slab)))
    places = np.column_stack([columns["x_A"], columns["y_A"]])
    middle = np.linalg.norm(places - 22, axis=1) < 10
    near = np.sort(np.linalg.norm(places[middle, None] - places, axis=2), axis=1)[:, :12]
    return np.unique(np.round(near, 3), axis=0)


@settings(max_examples=25, deadline=None)
@given(triclinic_crystals(), zones, st.sampled_from(("four-fold", "two-fold", "inversion")))
def test_an_equivalent_zone_axis_gives_the_same_projection_up_to_a_rotation(crystal, zone, symmetry):
    """A crystal is given the symmetry; the zone axis that it makes of another shows the same pattern."""
    turn = {"four-fold": [[0, 1, 0], [-1, 0, 0], [0, 0, 1]], "two-fold": [[-1, 0, 0], [0, -1, 0], [0, 0, 1]]}
    turn = np.array(turn.get(symmetry, -np.eye(3))).astype(int)
    cell = crystal.cell if symmetry == "inversion" else np.diag([4.2, 4.2, 5.1])
    orbit, image = [crystal.positions], crystal.positions
    for _ in range(3):
        image = image @ turn
        orbit.append(image)
    positions = np.unique(np.round(np.concatenate(orbit) % 1, 6) % 1, axis=0)
    ones = np.ones(len(positions))
    symmetric = Crystal(cell, np.zeros((1, 3)), ("Cu",) * len(positions), positions, ones, ones)
    one, other = (project_structure(symmetric, tuple(np.array(each).tolist())) for each in (zone, zone @ turn))
    assert one.period == pytest.approx(other.period)
    assert abs(np.linalg.det(one.lattice)) == pytest.approx(abs(np.linalg.det(other.lattice)))
    assert sorted(np.linalg.norm(one.lattice, axis=1)) == pytest.approx(sorted(np.linalg.norm(other.lattice, axis=1)))
    assert sorted(len(c["atoms"]) for c in one.columns) == sorted(len(c["atoms"]) for c in other.columns)
    assume(np.linalg.norm(one.lattice, axis=1).max() < 9 and len(one.columns) < 30)
    assert surroundings(one) == pytest.approx(surroundings(other), abs=5e-3)


def test_a_field_holds_as_many_columns_as_its_area_says(projection_of):
    projection = projection_of("SrTiO3", "110")
    side = 120.0
    positions, sites, _ = columns_in_field(projection, (side, side), np.deg2rad(33), np.array([0.7, -2.0]), 0.0)
    expected = side**2 / abs(np.linalg.det(projection.lattice))
    assert np.bincount(sites) == pytest.approx(expected, rel=0.03)
    assert positions.min() >= 0
    assert positions.max() <= side
