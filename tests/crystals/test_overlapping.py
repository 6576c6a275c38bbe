import numpy as np
import pytest
from scipy.spatial import cKDTree
from stembench.config import Overlapping
from stembench.crystals.arrangements import arranged
from stembench.crystals.material import Material
from stembench.crystals.specimen import columns_of
from stembench.crystals.view import View

VIEW = View((40.0, 40.0), 3.0, 0.3, np.array([0.5, 1.0]), 40.0)


def test_columns_of_both_layers_are_true_and_those_that_coincide_are_one(projection_of):
    layer = Material.of("graphene", "001", projection_of("graphene", "001"), single_layer=True)
    specimen, draws = arranged(Overlapping(twist_deg=(10, 10)), layer, [layer], VIEW, np.random.default_rng(0))
    depths = np.unique(np.round(specimen.positions[:, 2], 2))
    assert np.diff(depths) == pytest.approx([3.35], abs=0.01)
    first, second = (specimen.positions[np.abs(specimen.positions[:, 2] - depth) < 0.1, :2] for depth in depths)
    columns = columns_of(specimen, specimen.numbers**1.7)
    places = np.column_stack([columns["x_A"], columns["y_A"]])
    distance, _ = cKDTree(second).query(first)
    merged = (distance < 0.2).sum()
    assert merged > 5
    assert len(places) == len(first) + len(second) - merged
    assert sorted(set(columns["atoms"])) == [1, 2]
    assert cKDTree(places).query(places, k=2)[0][:, 1].min() > 0.19
    vectors = first[cKDTree(first).query(first[:200], k=4)[1][:, 1:]] - first[:200, None]
    others = second[cKDTree(second).query(second[:200], k=4)[1][:, 1:]] - second[:200, None]
    angles = [np.angle(np.mean(np.exp(6j * np.arctan2(v[..., 1], v[..., 0])))) / 6 for v in (vectors, others)]
    turned = np.rad2deg(angles[1] - angles[0])
    assert (turned - draws["twist_deg"] + 30) % 60 - 30 == pytest.approx(0, abs=0.5)


def test_the_crystals_share_the_thickness(projection_of):
    gold = Material.of("Au", "001", projection_of("Au", "001"))
    specimen, _ = arranged(Overlapping(share=(0.25, 0.25)), gold, [gold], VIEW, np.random.default_rng(0))
    heights = np.unique(np.round(specimen.positions[:, 2], 3))
    gap = np.diff(heights).argmax()
    assert heights[gap + 1] - heights[gap] == pytest.approx(3.35, abs=0.01)
    assert heights[gap] < 10
    assert heights[-1] - heights[gap + 1] == pytest.approx(30, abs=2.1)
