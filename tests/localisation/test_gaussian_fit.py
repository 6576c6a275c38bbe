import os
from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stembench.baselines.finders.gaussian_fit import gaussian_fit
from stembench.localisation.cramer_rao import gaussian_position_bound
from stembench.localisation.gaussian_fit import fit_gaussians
from stembench.localisation.peaks import PeakSettings, find_columns


def drawn(positions, amplitude=100.0, width=3.0, background=25.0, shape=(120, 130)):
    y, x = np.ogrid[: shape[0], : shape[1]]
    columns = (np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * width**2)) for a, b in positions)
    return amplitude * sum(columns, np.zeros(shape)) + background


def lattice(rng, pitch=16, margin=12):
    grid = np.stack(np.meshgrid(np.arange(margin, 130 - margin, pitch), np.arange(margin, 120 - margin, pitch)), -1)
    return grid.reshape(-1, 2) + rng.uniform(-0.5, 0.5, (grid.size // 2, 2))


def near(positions, rng, error=0.5):
    return positions + rng.normal(0, error, positions.shape)


def test_the_parameters_of_a_noise_free_image_are_found():
    rng = np.random.default_rng(0)
    truth = lattice(rng)
    fit = fit_gaussians(drawn(truth), near(truth, rng))
    assert fit.fitted.all()
    assert fit.positions == pytest.approx(truth, abs=0.01)
    assert fit.amplitudes == pytest.approx(100, rel=0.01)
    assert fit.widths == pytest.approx(3, rel=0.01)
    assert fit.expected == pytest.approx(drawn(truth), abs=1)


def test_what_is_expected_without_some_columns_is_the_others_and_the_background():
    rng = np.random.default_rng(0)
    truth = lattice(rng)
    fit = fit_gaussians(drawn(truth), near(truth, rng))
    assert fit.without(np.array([3, 10])) == pytest.approx(drawn(np.delete(truth, [3, 10], axis=0)), abs=1)


@settings(max_examples=10, deadline=None)
@given(gap=st.floats(9, 15), angle=st.floats(0, np.pi), ratio=st.floats(0.4, 1))
def test_a_neighbour_pulls_no_column(gap, angle, ratio):
    truth = [60.3, 58.6] + gap / 2 * np.array([[1], [-1]]) * [np.cos(angle), np.sin(angle)]
    image = drawn(truth[:1]) + ratio * drawn(truth[1:], background=0)
    fit = fit_gaussians(image, near(truth, np.random.default_rng(0)))
    assert fit.positions == pytest.approx(truth, abs=0.01)


@pytest.mark.parametrize("counts", [200, 20, 5])
def test_the_fit_attains_the_bound(counts):
    rng = np.random.default_rng(counts)
    errors, bounds = [], []
    for _ in range(12):
        truth = lattice(rng)
        expected = drawn(truth, counts, background=counts / 20)
        errors.append(fit_gaussians(rng.poisson(expected), near(truth, rng)).positions - truth)
        ones = np.ones(len(truth))
        bounds.append(gaussian_position_bound(expected, truth, counts * ones, 3 * ones))
    ratio = np.sqrt(np.mean(np.square(errors)) / np.mean(np.square(bounds)))
    assert 0.95 < ratio < 1.05  # 84 columns, 12 images, 2 axes: a standard error of 1.6 %


def test_errors_are_normal_with_the_standard_errors_given():
    rng = np.random.default_rng(1)
    truth = np.array([[x, y] for y in range(20, 110, 28) for x in (20, 31, 62, 73, 104, 115)], float)
    image = rng.poisson(drawn(truth, 40, background=10))
    fit = fit_gaussians(image, near(truth, rng))
    scores = (fit.positions - truth) / fit.standard_errors
    assert np.sqrt(np.mean(scores**2)) == pytest.approx(1, abs=0.25)


@settings(max_examples=8, deadline=None)
@given(gain=st.floats(1e-4, 1e3))
def test_gain_changes_neither_positions_nor_their_standard_errors(gain):
    rng = np.random.default_rng(2)
    truth = lattice(rng)
    counts, starts = rng.poisson(drawn(truth, 20, background=5)), near(truth, rng)
    plain, scaled = fit_gaussians(counts, starts), fit_gaussians(gain * counts, starts)
    assert scaled.positions == pytest.approx(plain.positions, abs=0.02)
    assert scaled.standard_errors == pytest.approx(plain.standard_errors, rel=0.02)
    assert scaled.dispersion == pytest.approx(gain, rel=0.05)


def test_a_tilted_background_pulls_no_column():
    rng = np.random.default_rng(3)
    truth = lattice(rng)
    image = drawn(truth) + np.linspace(0, 100, 130)
    assert fit_gaussians(image, near(truth, rng)).positions == pytest.approx(truth, abs=0.01)


def test_negative_pixels_give_no_bias():
    rng = np.random.default_rng(4)
    truth = lattice(rng)
    image = drawn(truth, background=0) + rng.normal(0, 5, (120, 130))
    errors = fit_gaussians(image, near(truth, rng)).positions - truth
    assert np.abs(errors).max() < 0.5
    assert np.abs(errors.mean(axis=0)).max() < 0.03


def test_pixels_that_were_not_measured_do_not_count():
    rng = np.random.default_rng(5)
    truth = lattice(rng)
    image = drawn(truth)
    image[::7] = np.nan
    assert fit_gaussians(image, near(truth, rng)).positions == pytest.approx(truth, abs=0.01)


def test_a_column_at_the_edge_is_fitted_by_the_pixels_it_has():
    truth = np.array([[0.4, 60.2], [64.7, 119.1], [60.0, 60.0]])
    fit = fit_gaussians(drawn(truth), truth + 0.4)
    assert fit.positions == pytest.approx(truth, abs=0.02)


def test_starts_without_a_column_keep_their_place_and_disturb_nothing():
    rng = np.random.default_rng(6)
    truth = np.array([[30.2, 30.4], [80.1, 81.3], [33.0, 90.0], [90.0, 33.0]])
    wrong = np.array([[60.0, 55.0], [-40.0, 20.0], [500.0, 500.0]])
    fit = fit_gaussians(rng.poisson(drawn(truth)), np.concatenate([near(truth, rng), wrong]))
    assert fit.fitted.tolist()[:4] == [True] * 4
    assert fit.fitted.tolist()[5:] == [False] * 2
    assert np.array_equal(fit.positions[5:], wrong[1:])
    assert np.isinf(fit.standard_errors[5:]).all()
    assert fit.positions[:4] == pytest.approx(truth, abs=0.25)


def test_a_single_column_is_fitted():
    assert fit_gaussians(drawn([[60.3, 50.7]]), [[61, 51]]).positions[0] == pytest.approx([60.3, 50.7], abs=5e-3)


def test_columns_on_top_of_each_other_keep_their_start():
    fit = fit_gaussians(drawn([[60.3, 50.7]]), [[61, 51], [61, 51]])
    assert not fit.fitted.any()
    assert np.array_equal(fit.positions, [[61, 51], [61, 51]])


def test_no_start_gives_no_column():
    fit = fit_gaussians(drawn([]), np.empty((0, 2)))
    assert fit.positions.shape == fit.standard_errors.shape == (0, 2)


@pytest.mark.parametrize("level", [0.0, 3.0, -1.0])
def test_an_image_without_contrast_gives_the_starts(level):
    starts = np.array([[20.0, 20.0], [40.0, 50.0], [90.0, 70.0]])
    fit = fit_gaussians(np.full((100, 110), level), starts)
    assert np.isfinite(fit.expected).all()
    assert fit.positions == pytest.approx(starts, abs=0.5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), number=st.integers(1, 40))
def test_no_image_gives_nan(seed, number):
    rng = np.random.default_rng(seed)
    image = rng.poisson(rng.uniform(0, 2), (48, 40)) - rng.uniform(0, 1)
    starts = rng.uniform(-3, 50, (number, 2))
    fit = fit_gaussians(image, starts)
    for values in (fit.positions, fit.amplitudes, fit.widths, fit.expected, fit.dispersion):
        assert np.isfinite(values).all()
    assert np.abs(fit.positions - starts).max() < 40
    assert not np.isnan(fit.standard_errors).any()


def test_single_precision_is_enough():
    rng = np.random.default_rng(7)
    truth = lattice(rng)
    image, starts = rng.poisson(drawn(truth, 20, background=5)), near(truth, rng)
    single, double = (fit_gaussians(image, starts, dtype=dtype).positions for dtype in (torch.float32, torch.float64))
    assert single == pytest.approx(double, abs=2e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_positions():
    rng = np.random.default_rng(8)
    truth = lattice(rng)
    image, starts = rng.poisson(drawn(truth, 20, background=5)), near(truth, rng)
    there, here = (fit_gaussians(image, starts, device=device).positions for device in ("cuda", "cpu"))
    assert there == pytest.approx(here, abs=5e-3)


def test_the_baseline_refines_the_maxima():
    rng = np.random.default_rng(9)
    truth = lattice(rng)
    image = rng.poisson(drawn(truth, 20, background=5)).astype(np.float32)
    settings = PeakSettings(0.3, 0.0, 0.4, relative=True)

    def rmse(found):
        distances = np.linalg.norm(found[:, None] - 0.1 * truth, axis=-1).min(axis=0)
        return np.sqrt(np.mean(distances**2))

    assert rmse(gaussian_fit(image, 0.1, settings)[0]) < 0.95 * rmse(find_columns(image, 0.1, settings)[0])


def test_the_baseline_finds_nothing_where_nothing_is():
    settings = PeakSettings(0.3, 0.0, 0.4, relative=True)
    assert len(gaussian_fit(np.zeros((40, 40), np.float32), 0.1, settings)[0]) == 0


LAB = os.environ.get("STEMBENCH_LAB")


@pytest.mark.skipif(not LAB, reason="STEMBENCH_LAB, the folder of the lab images, is not set")
def test_silicon_dumbbells_of_a_lab_image_are_as_long_as_the_crystals(repository):
    spacings = run_path(str(repository / "benchmarks" / "gaussian_fit.py"))["dumbbell_spacings"](Path(LAB))
    assert len(spacings) > 250
    assert spacings.mean() == pytest.approx(135.8, rel=0.03)
    assert spacings.std() < 4.5
