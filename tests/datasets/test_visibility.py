import numpy as np
import pytest
from stembench.datasets.visibility import (
    FLOOR,
    SADDLE,
    local_heights,
    resolved,
    visibility,
    visibility_in_calibrated_noise,
)
from stembench.noise.calibrated import NoiseParameters, calibrated_noise

SIZE, MIDDLE = 61, 30.3


def peaks(places, heights, sigma):
    """Gaussian columns, shape (SIZE, SIZE)."""
    y, x = np.mgrid[:SIZE, :SIZE]
    return sum(h * np.exp(((x - px) ** 2 + (y - py) ** 2) / (-2 * sigma**2)) for (px, py), h in zip(places, heights))


def seen(counts, height, sigma, variance=0.0):
    place = np.array([[MIDDLE, MIDDLE]])
    return float(visibility(counts, place, np.array([height]), np.array([sigma]), variance)[0])


@pytest.mark.parametrize("height", [0.5, -0.5])
def test_a_weak_column_stands_out_by_peak_times_width_times_root_pi_over_background(height):
    sigma, background = 4.0, 100.0
    counts = background + peaks([(MIDDLE, MIDDLE)], [height], sigma)
    assert seen(counts, height, sigma) == pytest.approx(abs(height) * sigma * np.sqrt(np.pi / background), rel=0.01)


def test_noise_beside_the_counting_hides_columns_as_background_does():
    sigma, height = 4.0, 0.5
    column = peaks([(MIDDLE, MIDDLE)], [height], sigma)
    assert seen(60 + column, height, sigma, 40.0) == pytest.approx(seen(100 + column, height, sigma), rel=1e-3)


def test_a_strong_column_stands_out_by_the_root_of_its_mean_likelihood_ratio():
    """As drawn images tell: twice the mean log of how much likelier their counts are with the column than without."""
    sigma, height, background = 2.0, 6.0, 1.5
    counts = background + peaks([(MIDDLE, MIDDLE)], [height], sigma)
    drawn = np.random.default_rng(0).poisson(counts, (400, SIZE, SIZE))
    ratio = (drawn * np.log(counts / background) - (counts - background)).sum((1, 2))
    assert seen(counts, height, sigma) ** 2 == pytest.approx(2 * ratio.mean(), rel=0.03)


def test_what_a_neighbour_adds_is_background():
    sigma = 3.0
    alone, beside = (peaks([(MIDDLE, MIDDLE), (MIDDLE + 6, MIDDLE)], [5.0, other], sigma) for other in (0.0, 50.0))
    assert seen(beside, 5.0, sigma) < 0.7 * seen(alone, 5.0, sigma)


def test_a_column_of_few_electrons_is_not_visible_even_in_vacuum():
    sigma = 1.5
    height = 9.0 / (2 * np.pi * sigma**2)  # of nine electrons, where ten are asked for
    assert seen(peaks([(MIDDLE, MIDDLE)], [height], sigma), height, sigma) == 0
    more = 4 * height
    assert 0 < seen(peaks([(MIDDLE, MIDDLE)], [more], sigma), more, sigma) < np.sqrt(36 * 2 * np.log(more / FLOOR))


WHITE = NoiseParameters(0.0, 0.0, 0.0, 12.0, 0.14)
STREAKS = NoiseParameters(0.0, 26.0, 0.0, 12.0, 0.14)


def seen_in(noise, height=40.0, sigma=4.0):
    grey = 100 + peaks([(MIDDLE, MIDDLE)], [height], sigma)
    place = np.array([[MIDDLE, MIDDLE]])
    return float(visibility_in_calibrated_noise(grey, place, np.array([height]), np.array([sigma]), noise)[0])


def test_in_white_noise_a_column_stands_out_by_peak_times_width_times_root_pi_over_the_sd():
    assert seen_in(WHITE) == pytest.approx(40 * 4 * np.sqrt(np.pi) / 12, rel=0.01)


@pytest.mark.parametrize("noise", [WHITE, STREAKS])
def test_a_column_stands_out_as_a_matched_filter_finds_it_in_drawn_noise(noise):
    """Its mean over its SD, over many images without the column."""
    filtered = peaks([(30, 30)], [1.0], 4.0)
    rng, flat = np.random.default_rng(0), np.full((SIZE, SIZE), 100.0)
    drawn = [(filtered * (calibrated_noise(flat, noise, rng) - flat)).sum() for _ in range(600)]
    assert seen_in(noise) == pytest.approx(40 * (filtered**2).sum() / np.std(drawn), rel=0.1)


def test_none_of_no_columns_is_visible():
    assert visibility_in_calibrated_noise(np.ones((9, 9)), np.empty((0, 2)), *np.empty((2, 0)), WHITE).shape == (0,)
    assert visibility(np.ones((9, 9)), np.empty((0, 2)), np.empty(0), np.empty(0)).shape == (0,)


def test_a_column_alone_is_as_high_as_it_rises_above_its_surroundings():
    places = np.array([[20.2, 30.0], [42.0, 31.5]])
    image = 7.0 + peaks(places, [2.0, 0.5], 3.0)
    assert local_heights(image, places, 2.355 * 3) == pytest.approx([2.0, 0.5], rel=0.03)


def test_a_place_without_a_column_is_not_high():
    place = np.array([[MIDDLE, MIDDLE]])
    assert local_heights(np.ones((SIZE, SIZE)), place, 7.0) == 0
    assert local_heights(1 - peaks([(MIDDLE, MIDDLE)], [0.5], 3.0), place, 7.0) < 0.01


@pytest.mark.parametrize(("extra", "expected"), [(-0.02, False), (0.02, True)])
def test_two_equal_columns_are_resolved_where_the_image_falls_between_them(extra, expected):
    """Two Gaussians leave 2 exp(-q / 8) / (1 + exp(-q / 2)) of their height in the middle, q = (d / sigma)^2."""
    sigma = 5.0
    q = np.linspace(4, 9, 10_001)
    fall = 1 - 2 * np.exp(-q / 8) / (1 + np.exp(-q / 2))
    d = sigma * np.sqrt(q[np.searchsorted(fall, SADDLE)]) * (1 + extra)
    places = np.array([[30 - d / 2, 30.0], [30 + d / 2, 30.0]])
    alone = resolved(peaks(places, [1, 1], sigma), places, np.ones(2), 2.355 * sigma)
    assert alone.tolist() == [expected, expected]


def test_a_shoulder_is_not_resolved_and_the_column_that_has_it_is():
    places, heights = np.array([[30.0, 30.0], [39.0, 30.0]]), np.array([1.0, 0.15])
    alone = resolved(peaks(places, heights, 5.0), places, heights, 2.355 * 5)
    assert alone.tolist() == [True, False]


def test_columns_at_one_place_are_one_of_the_higher_ones():
    places, heights = np.array([[30.0, 30.0], [30.2, 30.0], [30.1, 30.1]]), np.array([0.5, 1.0, 1.0])
    alone = resolved(peaks(places, heights, 5.0), places, heights, 2.355 * 5)
    assert alone.tolist() == [False, True, False]
