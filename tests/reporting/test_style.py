import numpy as np
import pandas as pd
from stembench.reporting.style import error_bars, method_looks


def test_no_two_methods_of_a_figure_look_alike():
    looks = method_looks(["network"] * 9 + ["baseline"] * 5)
    assert len({(look["color"], look["marker"]) for look in looks}) == 14


def test_baselines_are_told_from_networks_without_colours():
    network, baseline = method_looks(["network", "baseline"])
    assert network["marker"] != baseline["marker"]
    assert network["linestyle"] != baseline["linestyle"]


def test_an_error_bar_ends_at_an_estimate_that_its_interval_leaves_out():
    third = pd.Series([1 / 3, 0.5, np.nan])
    low, high = pd.Series([1 / 3 + 1e-16, 0.4, np.nan]), pd.Series([0.3, 0.7, np.nan])
    np.testing.assert_allclose(error_bars(third, low, high), [[0, 0.1, np.nan], [0, 0.2, np.nan]], atol=1e-12)
