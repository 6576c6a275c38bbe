import numpy as np
import pandas as pd
import pytest
from skimage.io import imread
from stembench.noise.crop_statistics import NOISES
from stembench.noise.realism import distances
from stembench.reporting.figures.realism import draw_realism
from stembench.reporting.style import write_figure

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def realism() -> tuple[pd.DataFrame, dict]:
    rng = np.random.default_rng(0)
    real, *synthetic = (128 + sd * rng.standard_normal((256, 256)) for sd in (10, 10, 15, 20))
    table = distances(real, dict(zip(NOISES, synthetic)), rng)
    crops = np.stack([real, *synthetic])[:, :128, :128]
    return table.assign(instrument="scope", image="mine", pixel_size_A=0.1), {"scope/mine": crops}


def test_each_image_has_a_row_of_its_own(realism, tmp_path):
    table, crops = realism
    write_figure(draw_realism(table, crops), str(tmp_path / "one.png"))
    again = table.assign(instrument="other")
    both = crops | {"other/mine": crops["scope/mine"]}
    write_figure(draw_realism(pd.concat([table, again]), both), str(tmp_path / "two.png"))
    one, two = (imread(tmp_path / name) for name in ("one.png", "two.png"))
    assert two.shape[0] > 1.8 * one.shape[0]


def test_no_image_large_enough_is_said_in_the_figure(tmp_path):
    write_figure(draw_realism(pd.DataFrame(), {}), str(tmp_path / "none.png"))
    assert imread(tmp_path / "none.png")[..., 0].min() < 128
