import numpy as np
import pandas as pd
import pytest
from stembench.application.refinement import refinement

LATTICE = {"a": {"x_A": 2.0, "y_A": 0.0}, "b": {"x_A": 0.0, "y_A": 3.0}}
PLACES = np.array([(2.0 * i + 1, 3.0 * j + 1) for i in range(20) for j in range(20)])
SHIFTED = PLACES + np.array([0.03, 0.04])
EXTENT = (61.0, 41.0)


def columns(places, **more) -> pd.DataFrame:
    return pd.DataFrame(places, columns=["x_A", "y_A"]).assign(**more)


def test_the_spread_of_both_is_that_of_the_noise_put_in():
    noise = np.random.default_rng(0).normal(size=(2, *PLACES.shape)) * [[[0.05]], [[0.02]]]
    told = refinement(columns(PLACES + noise[0]), columns(PLACES + noise[1]), LATTICE, EXTENT)
    for key, pm in (("network", 5), ("refined", 2)):
        for axis in "ab":
            assert told[key][f"sd_pm_{axis}"] == pytest.approx(np.sqrt(2) * pm, rel=0.12)


def test_the_shift_is_that_from_each_column_to_itself():
    told = refinement(columns(PLACES), columns(SHIFTED), LATTICE, EXTENT)
    assert told["mean_shift_pm"] == pytest.approx(5.0)


def test_columns_of_no_sublattice_and_those_that_the_network_did_not_find_are_left_out():
    off = columns([[20.0, 30.4], [39.9, 59.9]], sublattice=["", "A"])
    refined = pd.concat([columns(SHIFTED, sublattice="A"), off])
    told = refinement(columns([*PLACES, (20.0, 30.0)]), refined, LATTICE, EXTENT)
    assert told["mean_shift_pm"] == pytest.approx(5.0)
    assert told["refined"] == pytest.approx({"sd_pm_a": 0, "sd_pm_b": 0}, abs=1e-6)


@pytest.mark.parametrize("places", [PLACES[:1], PLACES[:0]])
def test_without_a_lattice_or_columns_nothing_is_told(places):
    told = refinement(columns(places), columns(places), {"a": None, "b": None}, EXTENT)
    assert told["network"] == told["refined"] == {"sd_pm_a": None, "sd_pm_b": None}
    assert (told["mean_shift_pm"] is None) == (len(places) == 0)
    assert refinement(columns(places), columns(places), LATTICE, EXTENT)["refined"]["sd_pm_a"] is None
