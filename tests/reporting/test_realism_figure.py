import numpy as np
import pandas as pd
import pytest
from skimage.io import imread
from stembench.noise.realism import NOISES, distances
from stembench.reporting.realism_figure import plot_realism


@pytest.fixture(scope="module")
def realism() -> tuple[pd.DataFrame, dict]:
    rng = np.random.default_rng(0)
    real, *synthetic = (128 + sd * rng.standard_normal((256, 256)) for sd in (10, 10, 15, 20))
    synthetic = dict(zip(NOISES, synthetic))
    table = distances(real, synthetic, rng).assign(instrument="scope", image="mine")
    return table, {("scope", "mine"): {"real": real, **synthetic}}


def test_each_image_has_a_row_of_its_own(realism, tmp_path):
    table, versions = realism
    plot_realism(table, versions, {"mine": 0.1}, [str(tmp_path / "one.png")])
    again = table.assign(instrument="other")
    two = versions | {("other", "mine"): versions["scope", "mine"]}
    plot_realism(pd.concat([table, again]), two, {"mine": 0.1}, [str(tmp_path / "two.png")])
    one, two = (imread(tmp_path / name) for name in ("one.png", "two.png"))
    assert two.shape[0] > 1.8 * one.shape[0]


def test_no_image_large_enough_is_said_in_the_figure(tmp_path):
    plot_realism(pd.DataFrame(), {}, {}, [str(tmp_path / "none.png")])
    assert imread(tmp_path / "none.png")[..., 0].min() < 128
