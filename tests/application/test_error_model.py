import json

import numpy as np
import pandas as pd
import pytest
from stembench.application.error_model import COVERED, Confidence, HalfWidth, Terms

FEATURES = ("height", "noise")
STRUCTURES = 40


def drawn(number: int, seed: int):
    """Columns of which the tall ones are more often true and less often off, and their structures."""
    rng = np.random.default_rng(seed)
    structures = rng.integers(STRUCTURES, size=number)
    columns = pd.DataFrame(
        {"height": np.exp(rng.normal(0, 0.7, number)), "noise": np.exp(structures / STRUCTURES * 3 - 1.5)}
    )
    probability = 1 / (1 + np.exp(-1 - 2 * np.log(columns.height) + np.log(columns.noise)))
    sd = (8 * columns.noise**0.7 / columns.height**0.5).to_numpy()
    true = rng.uniform(size=number) < probability
    return columns, structures, true, probability.to_numpy(), sd, rng.normal(0, sd[:, None], (number, 2))


def fitted_half_width() -> HalfWidth:
    columns, structures, *_, errors = drawn(4000, 0)
    return HalfWidth.fit(columns, FEATURES, errors, structures)


def fitted_confidence() -> Confidence:
    columns, structures, true, *_ = drawn(4000, 0)
    return Confidence.fit(columns, FEATURES, true, structures)


def test_confidence_is_the_part_of_such_columns_that_are_true():
    columns, _, true, probability, *_ = drawn(8000, 1)
    stated = fitted_confidence()(columns)
    for low in (0.2, 0.4, 0.6, 0.8):
        own = (stated >= low) & (stated < low + 0.2)
        assert own.sum() > 200
        assert true[own].mean() == pytest.approx(stated[own].mean(), abs=0.06)
    assert np.corrcoef(stated, probability)[0, 1] > 0.98


def test_the_few_false_columns_of_a_good_network_are_told():
    columns, structures, _, probability, *_ = drawn(12000, 5)
    odds = 10 + 4 * np.log(probability / (1 - probability))
    probability, fitted, new = 1 / (1 + np.exp(-odds)), slice(0, 6000), slice(6000, None)
    true = np.random.default_rng(6).uniform(size=len(odds)) < probability
    assert true.mean() > 0.98
    stated = Confidence.fit(columns[fitted], FEATURES, true[fitted], structures[fitted])(columns[new])
    hardly, rather, surely = (probability[new] < 0.3, abs(probability[new] - 0.5) < 0.2, probability[new] > 0.95)
    assert stated[hardly].mean() < 0.27
    assert stated[rather].mean() == pytest.approx(0.5, abs=0.15)
    assert stated[surely].mean() > 0.99


def test_two_thirds_of_errors_lie_within_the_half_width_at_every_noise_level():
    columns, *_, errors = drawn(8000, 1)
    within = np.abs(errors) <= fitted_half_width()(columns)[:, None]
    for level in np.array_split(np.argsort(columns.noise.to_numpy(), kind="stable"), 5):
        assert within[level].mean() == pytest.approx(COVERED, abs=0.03)


def test_half_widths_of_normal_errors_are_their_standard_deviations():
    columns, *_, sd, _ = drawn(500, 1)
    assert np.quantile(np.abs(fitted_half_width()(columns) / sd - 1), 0.95) < 0.15


def test_errors_that_are_not_normal_are_covered_as_well():
    columns, structures, *_, sd, _ = drawn(8000, 3)
    errors = np.random.default_rng(4).laplace(0, sd[:, None], (8000, 2))
    fitted, new = slice(0, 4000), slice(4000, 8000)
    model = HalfWidth.fit(columns[fitted], FEATURES, errors[fitted], structures[fitted])
    assert np.mean(np.abs(errors[new]) <= model(columns[new])[:, None]) == pytest.approx(COVERED, abs=0.02)


def test_nothing_is_extrapolated_beyond_what_was_seen():
    ends = pd.DataFrame({"height": [1e6, 1e9, 0.0, np.nan], "noise": 1.0})
    for model in (fitted_half_width(), fitted_confidence()):
        highest, beyond, *lowest = model(ends)
        assert highest == beyond
        assert np.isfinite(lowest).all()


def test_a_feature_that_never_varies_tells_nothing():
    columns = pd.DataFrame({"height": np.ones(10), "noise": np.arange(1.0, 11)})
    assert np.isfinite(Terms.of(columns, FEATURES)(columns)).all()


def test_models_are_plain_numbers_and_come_back_from_them():
    columns, *_ = drawn(50, 1)
    for model in (fitted_half_width(), fitted_confidence()):
        again = type(model).from_dict(json.loads(json.dumps(model.to_dict())))
        assert again == model
        assert (again(columns) == model(columns)).all()


@pytest.mark.parametrize("number", [0, 1, 3])
def test_hardly_any_columns_make_models_that_know_little(number):
    columns, structures, true, _, _, errors = drawn(number, 0)
    several, *_ = drawn(20, 1)
    stated = Confidence.fit(columns, FEATURES, true, structures)(several)
    assert ((stated > 0.1) & (stated < 0.9)).all()
    assert (HalfWidth.fit(columns, FEATURES, errors, structures)(several) > 0).all()
