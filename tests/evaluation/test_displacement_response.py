import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import pdist
from stembench.baselines.finders import FINDERS
from stembench.evaluation.displacement_response import (
    drawn_displacements,
    response_metrics,
    response_sums,
    responses,
    with_displaced,
)
from stembench.evaluation.intervals import with_intervals
from stembench.imaging.linear import linear_image
from stembench.imaging.probe import Probe
from stembench.localisation.gaussian_fit import fit_gaussians
from stembench.localisation.peaks import PeakSettings

PIXEL_SIZE = 0.1
SIZE = 320
EXTENT = (32.0, 32.0)
PROBE = Probe(energy=200e3, semiangle=24.0, source_size=0.9)
AXES = {"x": [1, 0], "y": [0, 1], "diagonal": [1, 1]}


@pytest.fixture(scope="module")
def columns() -> pd.DataFrame:
    x, y = np.meshgrid(np.arange(1.0, 31, 2.8), np.arange(1.0, 31, 2.8))
    return pd.DataFrame({"x_A": x.ravel(), "y_A": y.ravel(), "neighbour_A": 2.8})


@pytest.fixture(scope="module")
def displaced(columns) -> pd.DataFrame:
    return drawn_displacements(columns, EXTENT, np.random.default_rng(0))


def positions(table):
    return table[["x_A", "y_A"]].to_numpy(copy=True)


def moved(columns, displaced):
    places = positions(columns)
    places[displaced.index] += displaced[["dx_pm", "dy_pm"]].to_numpy() / 100
    return places


def simulated(places):
    number = len(places)
    return linear_image(places, np.ones(number), np.zeros(number), PROBE, (SIZE, SIZE), PIXEL_SIZE)


def found(before, after, displaced):
    return responses(before, after, displaced, AXES)


def slopes(measured):
    return [slope(part)["response_slope"] for _, part in measured.groupby("axis")]


def slope(measured):
    return with_intervals(response_sums(measured).rename(columns={"structure": "unit"}), response_metrics, 200)


def test_single_columns_are_displaced_by_5_to_20_pm_far_from_each_other(displaced):
    assert np.hypot(displaced.dx_pm, displaced.dy_pm).between(5, 20).all()
    assert pdist(positions(displaced)).min() >= 6
    assert len(displaced) > 10


def test_who_sees_every_displacement_has_a_slope_of_1(columns, displaced):
    measured = found(positions(columns), moved(columns, displaced), displaced)
    assert measured.column.nunique() == len(displaced)
    assert slopes(measured) == pytest.approx([1, 1, 1])


def test_who_snaps_to_a_lattice_has_a_slope_of_0(columns, displaced):
    measured = found(positions(columns), positions(columns), displaced)
    assert measured.column.nunique() == len(displaced)
    assert slopes(measured) == pytest.approx([0, 0, 0], abs=1e-9)


def test_who_sees_half_of_each_displacement_has_a_slope_of_a_half(columns, displaced):
    half = (positions(columns) + moved(columns, displaced)) / 2
    assert slopes(found(positions(columns), half, displaced)) == pytest.approx([0.5, 0.5, 0.5])


def test_the_slope_is_that_of_linear_regression(columns, displaced):
    rng = np.random.default_rng(1)
    after = moved(columns, displaced) + rng.normal(0, 0.02, (len(columns), 2))
    along_x = found(positions(columns), after, displaced).query("axis == 'x'")
    expected = stats.linregress(along_x.injected_pm, along_x.found_pm).slope
    assert slope(along_x)["response_slope"] == pytest.approx(expected)


def test_the_interval_of_a_slope_is_its_standard_error():
    rng = np.random.default_rng(0)
    injected = rng.uniform(-20, 20, 400)
    seen = injected + rng.normal(0, 5, 400)
    result = slope(pd.DataFrame({"injected_pm": injected, "found_pm": seen, "column": range(400)}))
    error = stats.linregress(injected, seen).stderr
    assert result["response_slope_high"] - result["response_slope_low"] == pytest.approx(2 * 1.96 * error, rel=0.2)


def test_columns_that_are_not_found_have_no_response(columns, displaced):
    assert found(np.empty((0, 2)), positions(columns), displaced).empty
    assert found(positions(columns) + 1.6, positions(columns), displaced).empty
    nothing = found(np.empty((0, 2)), np.empty((0, 2)), displaced)
    assert response_metrics(response_sums(nothing).sum().to_frame().T).response_slope.isna().all()


@pytest.fixture(scope="module")
def injected(columns, displaced) -> np.ndarray:
    """Columns displaced in an image of the lattice."""
    image = simulated(positions(columns))
    others = fit_gaussians(image, positions(columns) / PIXEL_SIZE).without(displaced.index)
    return with_displaced(image, PIXEL_SIZE, displaced, others)


def test_a_column_that_is_moved_in_an_image_looks_like_one_that_is(columns, displaced, injected):
    image, truth = simulated(positions(columns)), simulated(moved(columns, displaced))
    assert np.abs(injected - truth).max() < 0.1 * np.abs(image - truth).max()


@pytest.mark.parametrize("finder", ["smoothed_maxima", "gaussian_fit"])
def test_what_is_displaced_in_an_image_is_seen_as_what_the_forward_model_displaces(
    finder, columns, displaced, injected
):
    settings, find = PeakSettings(0.2, 0.0, 0.3, relative=True), FINDERS.load(finder).find
    before, _ = find(simulated(positions(columns)), PIXEL_SIZE, settings)
    seen = []
    for after in (simulated(moved(columns, displaced)), injected):
        measured = found(before, find(after, PIXEL_SIZE, settings)[0], displaced)
        assert measured.column.nunique() == len(displaced)
        seen.append(slopes(measured))
    assert seen[0] == pytest.approx([1, 1, 1], abs=0.02)
    assert seen[1] == pytest.approx(seen[0], abs=0.02)


def test_nothing_else_of_an_image_is_moved(columns, displaced):
    image = np.random.default_rng(0).random((SIZE, SIZE))
    y, x = np.indices(image.shape) * PIXEL_SIZE
    patched = with_displaced(image, PIXEL_SIZE, displaced, np.zeros_like(image))
    far = np.all([np.hypot(x - c.x_A, y - c.y_A) > 3 for c in displaced.itertuples()], axis=0)
    assert far.any()
    assert patched[far] == pytest.approx(image[far])


def test_what_is_set_aside_stays_where_it_is(columns, displaced):
    image = simulated(positions(columns))
    assert with_displaced(image, PIXEL_SIZE, displaced, image) == pytest.approx(image)
