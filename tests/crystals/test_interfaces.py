import numpy as np
import pytest
from scipy.spatial import cKDTree
from stembench.crystals.disorder import amorphous_layer
from stembench.crystals.interfaces import half_plane, island, joined, overlaid
from stembench.crystals.specimen import NO_COLUMN, columns_of, crystal_slab

EXTENT = (50.0, 60.0)
MIDDLE = np.array([28.0, 26.0])
GRID = np.stack(np.meshgrid(np.linspace(0, 60, 241), np.linspace(0, 50, 201)), -1).reshape(-1, 2)


def slab(projection, rotation=0.0, thickness=20.0):
    return crystal_slab(projection, EXTENT, rotation, np.zeros(2), 2.0, thickness)


def test_a_straight_boundary_is_straight_and_an_irregular_one_is_not():
    residuals = []
    for roughness in (0.0, 2.0):
        inside = half_plane(EXTENT, MIDDLE, 1.0, roughness, np.random.default_rng(4))(GRID).reshape(201, 241)
        edge = np.argwhere(np.diff(inside.astype(int), axis=1))
        centred = edge * 0.25 - (edge * 0.25).mean(axis=0)
        residuals.append(np.linalg.svd(centred, compute_uv=False)[1] / np.sqrt(len(edge)))
    assert residuals[0] < 0.15
    assert residuals[1] == pytest.approx(2.0, rel=0.6)


def test_an_island_covers_the_area_it_should():
    covered = [island(EXTENT, MIDDLE, 0.2, 1.0, np.random.default_rng(seed))(GRID).mean() for seed in range(8)]
    assert np.mean(covered) == pytest.approx(0.2, rel=0.1)


def test_an_inclusion_replaces_what_it_covers_and_keeps_clear_of_the_rest(projection_of):
    matrix, inclusion = slab(projection_of("SrTiO3", "001")), slab(projection_of("Pt", "110"), 0.4)
    region = island(EXTENT, MIDDLE, 0.3, 2.0, np.random.default_rng(0))
    both = joined(matrix, inclusion, region, 1.5)
    platinum = both.numbers == 78
    assert region(both.positions[platinum, :2]).all()
    assert not region(both.positions[~platinum, :2]).any()
    places = both.positions[:, :2]
    assert cKDTree(places[platinum]).query(places[~platinum])[0].min() >= 1.5
    assert not set(both.columns[platinum]) & set(both.columns[~platinum])


def test_two_grains_meet_at_their_angle(projection_of):
    projection = projection_of("SrTiO3", "001")
    region = half_plane(EXTENT, MIDDLE, 1.0, 0.0, np.random.default_rng(1))
    both = joined(slab(projection, 0.0), slab(projection, 0.3), region, 1.0)
    for side, angle in ((~region(both.positions[:, :2]), 0.0), (region(both.positions[:, :2]), 0.3)):
        strontium = both.positions[side & (both.numbers == 38) & (both.positions[:, 2] < 1), :2]
        pairs = cKDTree(strontium).query_pairs(4.0, output_type="ndarray")
        directions = np.arctan2(*(strontium[pairs[:, 1]] - strontium[pairs[:, 0]]).T[::-1])
        assert np.angle(np.exp(4j * (directions - angle))) == pytest.approx(0, abs=1e-6)


def test_hidden_columns_stay_in_the_truth_and_lose_their_signal(projection_of):
    crystal = slab(projection_of("Pt", "001"))
    layer = amorphous_layer(EXTENT, 2.0, 15.0, np.random.default_rng(2))
    region = island(EXTENT, MIDDLE, 0.3, 2.0, np.random.default_rng(3))
    both = overlaid(crystal, layer, region, 0.1)
    columns = columns_of(both, np.ones(len(both)))
    assert len(columns["hidden"]) == len(np.unique(crystal.columns))
    assert (columns["hidden"] == region(np.column_stack([columns["x_A"], columns["y_A"]]))).all()
    assert set(np.round(both.transmission, 6)) == {0.1, 1.0}
    cover = both.columns == NO_COLUMN
    assert both.positions[cover, 2].max() < both.positions[~cover, 2].min()
    assert both.positions[~cover, 2].min() == crystal.positions[:, 2].min()  # the beam stays focused on the crystal
