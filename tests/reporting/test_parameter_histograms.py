import numpy as np
import pandas as pd
import pytest
from PIL import Image
from stembench.reporting.figures.parameters import draw_parameters
from stembench.reporting.style import write_figure

pytestmark = pytest.mark.slow

SPLITS = np.repeat(["train", "test"], [900, 100])


@pytest.fixture
def index() -> pd.DataFrame:
    rng, count = np.random.default_rng(0), len(SPLITS)
    drawn = {f"parameter_{i}": rng.normal(size=count) for i in range(14)}
    named = {
        "material": rng.choice([f"Material{i}" for i in range(20)], count),
        "counts_per_px": 10 ** rng.uniform(0, 2, count),
        "thickness_A": rng.uniform(10, 100, count),
        "rotation_deg": 15.0 * rng.integers(0, 7, count),
        "coverage": np.where(np.arange(count) % 4, np.nan, rng.uniform(0, 1, count)),
        "mode": "HAADF",
    }
    return pd.DataFrame({"sample": range(count), "structure": range(count), "split": SPLITS} | named | drawn)


@pytest.fixture
def panels(index):
    return {axes.get_title(): axes for axes in draw_parameters(index).axes}


def test_every_parameter_that_varies_has_a_panel(panels, index):
    titles = {title.split(" ")[0] for title in panels}
    assert titles == set(index.columns) - {"sample", "structure", "split", "mode"}
    assert "coverage (of 25%)" in panels


def test_what_is_drawn_log_uniformly_has_a_logarithmic_axis(panels):
    assert panels["counts_per_px"].get_xscale() == "log"
    assert panels["thickness_A"].get_xscale() == "linear"


def test_each_split_s_fractions_add_up_to_one(panels):
    for train_or_test in panels["thickness_A"].patches:
        assert train_or_test.get_data().values.sum() == pytest.approx(1)
    assert sum(bar.get_height() for bar in panels["rotation_deg"].patches) == pytest.approx(2)
    assert len(panels["rotation_deg"].patches) == 2 * 7


def test_twenty_parameters_and_none_are_drawn(index, tmp_path):
    for name, table in (("many", index), ("none", index.iloc[:1])):
        write_figure(draw_parameters(table), str(tmp_path / f"{name}.png"))
        with Image.open(tmp_path / f"{name}.png") as figure:
            assert figure.size[0] > 800
