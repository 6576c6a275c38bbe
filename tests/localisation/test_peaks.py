import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.feature import peak_local_max
from stembench.localisation.peaks import PeakSettings, find_columns

PLAIN = PeakSettings(0.0, 0.0, 0.3, relative=True)


def gaussians(positions, sigma=0.5, pixel_size=0.1, size=100):
    y, x = np.mgrid[:size, :size] * pixel_size
    return sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * sigma**2)) for a, b in positions)


GRID = np.array([(x + 0.03, y - 0.02) for x in (2.0, 4.5, 7.0) for y in (2.0, 4.5, 7.0)])


def nearest(found, truth):
    return np.linalg.norm(found[:, None] - truth, axis=-1).min(axis=0)


def test_columns_are_found_where_they_are():
    found, _ = find_columns(gaussians(GRID), 0.1, PLAIN)
    assert len(found) == 9
    assert nearest(found, GRID).max() < 0.01


def test_background_subtraction_uncovers_columns_on_a_ramp():
    image = gaussians(GRID) + 3 * np.linspace(0, 1, 100)
    settings = PeakSettings(0.2, 1.2, 0.3, relative=True)
    assert len(find_columns(image, 0.1, settings)[0]) == 9


def test_an_empty_image_has_no_columns():
    assert len(find_columns(np.zeros((50, 50)), 0.1, PLAIN)[0]) == 0


@pytest.mark.parametrize(("sigma", "bound"), [(1.0, 0.05), (2.0, 0.012), (4.0, 0.0031)])
def test_the_parabola_is_off_by_what_follows_from_a_gaussian(sigma, bound):
    offsets, drop = np.linspace(-0.48, 0.48, 25), np.exp(-1 / (2 * sigma**2))
    found = [find_columns(gaussians([(20 + x, 20)], sigma, 1.0, 41), 1.0, PLAIN)[0][0] for x in offsets]
    vertex = drop * np.sinh(offsets / sigma**2) / (2 * (1 - drop * np.cosh(offsets / sigma**2)))
    assert np.transpose(found) == pytest.approx(np.array([20 + vertex, np.full(25, 20)]))
    assert np.abs(vertex - offsets).max() < bound


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), levels=st.sampled_from([0, 3, 20]), distance_px=st.integers(1, 6))
def test_maxima_are_those_of_scikit_image_in_noise_and_on_plateaus(seed, levels, distance_px):
    image = np.random.default_rng(seed).random((40, 50))
    image = np.round(image * levels) / levels if levels else image
    expected = peak_local_max(image, min_distance=distance_px, threshold_abs=0.3, exclude_border=1)
    found, heights = find_columns(image, 0.5 / distance_px, PeakSettings(0.0, 0.0, 0.3, relative=False))
    rows, columns = expected.T
    assert np.array_equal(heights, image[rows, columns])
    assert np.allclose(found / (0.5 / distance_px), expected[:, ::-1], atol=0.5)
