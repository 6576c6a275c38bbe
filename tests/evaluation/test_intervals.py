import numpy as np
import pandas as pd
import pytest
from stembench.evaluation.intervals import paired_difference, with_intervals


def mean(sums: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"mean": sums.value / sums.images})


def images(values, units=None):
    return pd.DataFrame({"value": values, "images": 1.0, "unit": range(len(values)) if units is None else units})


def test_interval_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).normal(3, 1, 400)
    result = with_intervals(images(values), mean, 2000)
    assert result["mean"] == pytest.approx(values.mean())
    assert result["mean_high"] - result["mean_low"] == pytest.approx(2 * 1.96 / 20, rel=0.1)


def test_draws_of_one_unit_do_not_narrow_it():
    values = np.random.default_rng(0).normal(3, 1, 50)
    once = with_intervals(images(values), mean, 1000)
    often = with_intervals(images(np.tile(values, 8), np.tile(np.arange(50), 8)), mean, 1000)
    assert often["mean_low"] == pytest.approx(once["mean_low"])


def test_paired_difference_sees_what_separate_intervals_hide():
    hard = np.random.default_rng(0).normal(0, 5, 60)
    difference = paired_difference(images(hard + 0.5), images(hard), mean, "mean", 1000)
    assert difference["difference"] == pytest.approx(0.5)
    assert difference["low"] > 0.4


def test_few_units_give_no_interval():
    result = with_intervals(images([1.0, 2.0, 3.0]), mean, 100)
    assert result["mean"] == 2
    assert np.isnan(result["mean_low"])


def test_pairs_must_be_of_the_same_images():
    with pytest.raises(ValueError, match="same images"):
        paired_difference(images([1, 2]), images([1, 2, 3]), mean, "mean", 100)
