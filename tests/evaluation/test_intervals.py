import numpy as np
import pandas as pd
import pytest
from stembench.evaluation.intervals import Resampled, discoveries, paired_difference, with_intervals


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


def compared(ours, theirs, **how):
    return paired_difference(*(Resampled.of(images(v), mean, 1000) for v in (ours, theirs)), "mean", **how)


def test_paired_difference_sees_what_separate_intervals_hide():
    hard = np.random.default_rng(0).normal(0, 5, 60)
    difference = compared(hard + 0.5, hard)
    assert difference["difference"] == pytest.approx(0.5)
    assert difference["low"] > 0.4
    assert difference["p"] < 0.01


def test_a_method_does_not_differ_significantly_from_itself():
    values = np.random.default_rng(0).normal(3, 1, 60)
    difference = compared(values, values)
    assert (difference["difference"], difference["low"], difference["high"]) == (0, 0, 0)
    assert difference["p"] == 1


def test_noise_is_no_significant_difference_in_95_of_100_cases():
    rng = np.random.default_rng(0)
    called = [compared(*rng.normal(0, 1, (2, 50)))["p"] <= 0.05 for _ in range(200)]
    assert np.mean(called) == pytest.approx(0.05, abs=0.04)


def test_few_units_say_nothing_on_significance():
    p = compared([1.0, 2.0], [3.0, 4.0])["p"]
    assert np.isnan(p)
    assert discoveries(np.array([p])).tolist() == [None]


def test_discoveries_by_hand():
    # Thresholds of four: 0.0125, 0.025, 0.0375, 0.05. The third passes, and with it the two below it.
    p = np.array([0.036, 0.9, 0.02, np.nan, 0.03])
    assert discoveries(p).tolist() == [True, False, True, None, True]
    assert discoveries(np.array([0.04, 0.9, 0.8])).tolist() == [False] * 3  # alone it would be significant


def test_many_comparisons_of_noise_find_next_to_nothing():
    p = np.random.default_rng(0).uniform(size=(200, 60))
    assert np.mean([discoveries(each).any() for each in p]) == pytest.approx(0.05, abs=0.04)


def trained(values_of_seeds):
    tables = [images(values).assign(seed=seed) for seed, values in enumerate(values_of_seeds)]
    return pd.concat(tables)


def test_an_interval_holds_what_other_training_seeds_would_give():
    rng = np.random.default_rng(0)
    hard, of_seed = rng.normal(3, 0.1, 200), np.array([-1.0, 0.0, 1.0])
    one = with_intervals(images(hard), mean, 2000)
    several = with_intervals(trained(hard + each for each in of_seed), mean, 2000)
    assert several["mean"] == pytest.approx(one["mean"])
    # The bootstrap of three values has their standard deviation over the root of three.
    spread = np.sqrt(2 / 3) / np.sqrt(3)
    assert several["mean_high"] - several["mean_low"] == pytest.approx(2 * 1.96 * spread, rel=0.15)
    assert one["mean_high"] - one["mean_low"] < 0.05


def test_training_seeds_of_two_methods_are_drawn_apart():
    hard = np.random.default_rng(0).normal(3, 0.1, 50)
    seeds = [hard + each for each in (-1.0, 0.0, 1.0)]
    ours, theirs = (Resampled.of(trained(seeds), mean, 2000, name) for name in ("ours", "theirs"))
    drawn = paired_difference(ours, theirs, "mean")
    assert drawn["high"] - drawn["low"] == pytest.approx(2 * 1.96 * np.sqrt(2) * np.sqrt(2 / 3) / np.sqrt(3), rel=0.15)


def test_a_gain_is_ours_over_theirs_and_of_a_distance_theirs_over_ours():
    assert compared([6.0] * 5, [4.0] * 5)["gain_percent"] == pytest.approx(50)
    assert compared([4.0] * 5, [11.0] * 5, lower_is_better=True)["gain_percent"] == pytest.approx(175)
    assert np.isnan(compared([1.0] * 5, [0.0] * 5)["gain_percent"])


def test_few_units_give_no_interval():
    result = with_intervals(images([1.0, 2.0, 3.0]), mean, 100)
    assert result["mean"] == 2
    assert np.isnan(result["mean_low"])


def test_nothing_has_neither_value_nor_interval():
    result = with_intervals(images([]), mean, 100)
    assert np.isnan(list(result.values())).all()


def test_pairs_must_be_of_the_same_images():
    with pytest.raises(ValueError, match="same images"):
        compared([1, 2], [1, 2, 3])
