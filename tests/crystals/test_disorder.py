import numpy as np
import pytest
from ase.data import atomic_masses
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from stembench.crystals.disorder import amorphous_layer, random_columns, random_lattice, random_points
from stembench.crystals.specimen import NO_COLUMN, columns_of, crystal_slab


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 8), st.floats(2.5, 8), st.floats(2.5, 8), st.floats(60, 90), st.integers(0, 2**32))
def test_columns_of_a_random_lattice_keep_their_distance_in_the_endless_crystal(sites, a, b, degrees, seed):
    rng = np.random.default_rng(seed)
    projection = random_lattice((a, b), np.deg2rad(degrees), 3.0, sites, 1.3, (5, 82), rng)
    assert 1 <= len(projection.columns) <= sites
    crystal = crystal_slab(projection, (30.0, 30.0), 0.3, np.array([1.0, 2.0]), 0.0, 9.0)
    columns = columns_of(crystal, crystal.numbers**1.7)
    places = np.column_stack([columns["x_A"], columns["y_A"]])
    assert cKDTree(places).query(places, k=2)[0][:, 1].min() >= 1.3 - 1e-9
    assert set(columns["atoms"]) == {3}
    density = len(projection.columns) / (a * b * np.sin(np.deg2rad(degrees)))
    assert len(places) == pytest.approx(900 * density, rel=0.25)
    assert set(crystal.numbers) <= set(range(5, 83))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 300), st.floats(0.3, 3), st.integers(2, 3), st.integers(0, 2**32))
def test_random_points_keep_their_distance_and_stay_inside(wanted, distance, dimensions, seed):
    low, high = np.zeros(dimensions), np.full(dimensions, 10.0)
    points = random_points(low, high, wanted, distance, np.random.default_rng(seed))
    assert len(points) <= wanted
    assert np.all((points >= low) & (points <= high))
    assert not cKDTree(points.reshape(-1, dimensions)).query_pairs(0.999 * distance) if len(points) else True


@pytest.mark.parametrize(("wanted", "dimensions"), [(30, 2), (200, 2), (150, 3)])  # room for all, for few, for most
def test_random_points_are_those_that_sequential_adsorption_accepts(wanted, dimensions):
    low, high, distance = np.zeros(dimensions), np.full(dimensions, 10.0), 1.5
    points = random_points(low, high, wanted, distance, np.random.default_rng(5))
    rng, accepted = np.random.default_rng(5), []
    for _ in range(30):
        if len(accepted) < wanted:
            for drawn in rng.uniform(low, high, (2 * (wanted - len(accepted)), dimensions)):
                if all(np.linalg.norm(drawn - one) > distance for one in accepted):
                    accepted.append(drawn)
    assert np.array_equal(points, accepted[:wanted])


def test_what_fits_is_placed():
    rng = np.random.default_rng(0)
    assert len(random_points(np.zeros(2), np.full(2, 50.0), 800, 1.0, rng)) == 800


def test_an_amorphous_layer_has_its_density_and_no_columns():
    layer = amorphous_layer((30.0, 40.0), 2.0, 20.0, np.random.default_rng(1))
    assert len(layer) == pytest.approx(0.1 * 34 * 44 * 20, rel=0.05)
    assert set(layer.numbers) == {6}
    assert (layer.columns == NO_COLUMN).all()
    assert len(columns_of(layer, np.ones(len(layer)))["atoms"]) == 0
    assert cKDTree(layer.positions).query(layer.positions, k=2)[0][:, 1].min() >= 1.39


@pytest.mark.parametrize(
    ("element", "density"),
    [("C", 2.0), ("Si", 2.33), ("Ge", 5.32), ("Pt", 21.45), ("W", 19.3), ("Se", 4.3), ("U", 19.1)],
)
def test_an_amorphous_layer_is_as_dense_as_its_element(element, density):
    layer = amorphous_layer((40.0, 40.0), 0.0, 30.0, np.random.default_rng(3), element)
    mass = len(layer) * atomic_masses[layer.numbers[0]] * 1.66054
    assert mass / (40 * 40 * 30) == pytest.approx(density, rel=0.08)
    distances = cKDTree(layer.positions).query(layer.positions, k=2)[0][:, 1]
    assert distances.min() > 1.3


def test_random_columns_are_the_crystals_own_at_a_distance(projection_of):
    specimen = random_columns(projection_of("SrTiO3", "001"), (50.0, 50.0), 0.0, 39.05, 2.0, np.random.default_rng(2))
    columns = columns_of(specimen, specimen.numbers**1.7)
    places = np.column_stack([columns["x_A"], columns["y_A"]])
    assert cKDTree(places).query(places, k=2)[0][:, 1].min() >= 1.999
    assert len(places) == pytest.approx(0.5 * 2500 / 4, rel=0.05)
    kinds = {tuple(sorted(set(specimen.numbers[specimen.columns == n]))) for n in np.unique(specimen.columns)}
    assert kinds == {(8,), (38,), (8, 22)}
    assert set(np.round(columns["atoms"])) == {10, 20}
