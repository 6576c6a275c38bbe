import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stembench.config import Config
from stembench.imaging.conditions import probe_of
from stembench.imaging.linear import linear_image
from stembench.localisation.cramer_rao import position_bound
from stembench.localisation.profile_fit import fit_profiles

SHAPE, PX = (160, 170), 0.1
CORE, HALO, SHARE = 4.0, 8.0, 0.25


def profile(squares):
    """A core in a halo twice as wide, of height 1."""
    return (1 - SHARE) * np.exp(-squares / (2 * CORE**2)) + SHARE * np.exp(-squares / (2 * HALO**2))


def drawn(positions, heights=100.0, background=25.0, shape=SHAPE):
    y, x = np.ogrid[: shape[0], : shape[1]]
    heights = np.broadcast_to(heights, len(positions))
    columns = (h * profile((x - a) ** 2 + (y - b) ** 2) for (a, b), h in zip(positions, heights))
    return sum(columns, np.zeros(shape)) + background


def lattice(rng, pitch=24, margin=20, shape=SHAPE):
    grid = np.stack(np.meshgrid(*(np.arange(margin, n - margin, pitch) for n in shape[::-1])), -1).reshape(-1, 2)
    return grid + rng.uniform(-0.5, 0.5, grid.shape)


def near(positions, rng, error=1.0):
    return positions + rng.normal(0, error, positions.shape)


def test_a_noise_free_mixture_is_recovered():
    rng = np.random.default_rng(0)
    truth = lattice(rng)
    heights = rng.uniform(50, 100, len(truth))
    fit = fit_profiles(drawn(truth, heights), near(truth, rng))
    assert fit.fitted.all()
    assert fit.positions == pytest.approx(truth, abs=0.02)
    assert fit.heights / heights == pytest.approx(np.median(fit.heights / heights), rel=0.01)
    radii = np.array([0, CORE, 2 * CORE])
    assert fit.profile(radii) == pytest.approx(profile(radii**2), abs=0.03)


def test_gain_and_offset_leave_positions_as_they_are():
    rng = np.random.default_rng(1)
    truth = lattice(rng)
    image, starts = rng.poisson(drawn(truth)), near(truth, rng)
    scaled = fit_profiles(0.01 * image - 3, starts)
    fit = fit_profiles(image, starts)
    assert scaled.positions == pytest.approx(fit.positions, abs=0.02)
    assert scaled.errors == pytest.approx(fit.errors, rel=0.05)


@pytest.mark.parametrize("condition", ["200keV_24mrad", "60keV_30mrad"])
def test_counts_of_a_probe_are_fitted_to_the_bound(condition):
    probe, rng = probe_of(Config().imaging.conditions[condition]), np.random.default_rng(2)
    errors, bounds = [], []
    for counts in (5, 50):
        for _ in range(2):
            truth = lattice(rng, pitch=30, margin=25)
            ones = np.ones(len(truth))
            image = linear_image(PX * truth, ones, 0.5 * ones, probe, SHAPE, PX)
            expected = counts * (image / image.max() + 0.2)
            bound = position_bound(expected, PX * truth, counts * ones, 0.5 * ones, probe, PX)
            fit = fit_profiles(rng.poisson(expected).astype(float), near(truth, rng))
            errors.append(100 * PX * (fit.positions - truth) / bound[:, None])
            bounds.append(100 * PX * fit.errors / bound)
    assert np.concatenate(errors).size >= 100
    assert np.sqrt(np.mean(np.square(np.concatenate(errors)))) < 1.1
    assert np.median(np.concatenate(bounds)) == pytest.approx(1, abs=0.1)


@settings(max_examples=8, deadline=None)
@given(gap=st.floats(12, 18), angle=st.floats(0, np.pi), ratio=st.floats(0.4, 1))
def test_a_neighbour_pulls_no_column(gap, angle, ratio):
    truth = [80.3, 78.6] + gap / 2 * np.array([[1], [-1]]) * [np.cos(angle), np.sin(angle)]
    fit = fit_profiles(drawn(truth, [100, 100 * ratio]), near(truth, np.random.default_rng(0)))
    assert fit.positions == pytest.approx(truth, abs=0.1)  # 1 pm at 0.1 A/px


def test_a_column_beyond_the_edge_pulls_none():
    truth = np.array([[14.0, 60.3], [14.0, 90.0], [40.0, 60.3], [40.0, 90.0], [70.0, 60.3], [70.0, 90.0]])
    beyond = np.array([[-2.0, 60.3]])
    fit = fit_profiles(drawn(np.concatenate([truth, beyond])), near(truth, np.random.default_rng(0)))
    assert fit.positions == pytest.approx(truth, abs=0.3)


def test_pixels_that_were_not_measured_do_not_count():
    rng = np.random.default_rng(3)
    truth = lattice(rng)
    image = drawn(truth)
    image[70:80] = image[:, 90] = np.nan
    image[30, 30] = np.nan
    fit = fit_profiles(image, near(truth, rng))
    assert fit.positions == pytest.approx(truth, abs=0.02)


def test_a_profile_that_is_known_is_used():
    rng = np.random.default_rng(4)
    truth = lattice(rng)
    known = fit_profiles(drawn(truth), near(truth, rng)).profile
    lone = np.array([[60.2, 70.4]])
    fit = fit_profiles(drawn(lone), near(lone, rng), profile=known)
    assert fit.profile is known
    assert fit.positions == pytest.approx(lone, abs=0.01)


def test_a_start_counts_as_a_measurement_of_its_own():
    rng, error = np.random.default_rng(6), 0.5
    truth = lattice(rng)
    image, starts = rng.poisson(0.05 * drawn(truth)).astype(float), near(truth, rng, error)
    of_image = fit_profiles(image, starts)
    both = fit_profiles(image, starts, start_error=error)
    weight = error**2 / (error**2 + of_image.errors[:, None] ** 2)
    expected = weight * of_image.positions + (1 - weight) * starts
    assert both.errors == pytest.approx(np.sqrt(weight[:, 0]) * of_image.errors, rel=0.05)
    assert np.sqrt(np.mean((both.positions - expected) ** 2)) < 0.1 * np.sqrt(np.mean((expected - starts) ** 2))
    assert np.mean((both.positions - truth) ** 2) < np.mean((of_image.positions - truth) ** 2)


def test_a_lost_start_stays_and_has_no_error():
    rng = np.random.default_rng(5)
    truth = lattice(rng)
    starts = np.concatenate([near(truth, rng), [[-40.0, 20.0], [500.0, 500.0]]])
    fit = fit_profiles(rng.poisson(drawn(truth)), starts)
    assert np.array_equal(fit.positions[-2:], starts[-2:])
    assert np.array_equal(np.isnan(fit.errors), ~fit.fitted)
    assert fit.fitted.tolist() == [True] * len(truth) + [False] * 2


def test_a_single_column_is_fitted():
    fit = fit_profiles(drawn([[60.3, 50.7]]), [[61, 51]])
    assert fit.positions[0] == pytest.approx([60.3, 50.7], abs=5e-3)


def test_without_a_start_or_a_pixel_nothing_is_fitted():
    assert fit_profiles(drawn([]), np.empty((0, 2))).positions.shape == (0, 2)
    fit = fit_profiles(np.full(SHAPE, np.nan), [[61, 51]])
    assert np.array_equal(fit.positions, [[61, 51]])
    assert not fit.fitted.any()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), number=st.integers(1, 40))
def test_no_image_gives_nan(seed, number):
    rng = np.random.default_rng(seed)
    image = rng.poisson(rng.uniform(0, 2), (48, 40)) - rng.uniform(0, 1)
    starts = rng.uniform(-3, 50, (number, 2))
    fit = fit_profiles(image, starts)
    assert np.isfinite(fit.positions).all()
    assert np.isfinite(fit.heights).all()
    assert np.isfinite(fit.errors[fit.fitted]).all()
    assert np.abs(fit.positions - starts).max() < 60
