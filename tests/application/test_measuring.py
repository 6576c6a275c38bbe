import numpy as np
import pandas as pd
import pytest
from stembench.application import measuring
from stembench.application.measuring import Seen, fitted, gaussian_means, read_columns, unevenness
from stembench.localisation.peaks import PeakSettings

SETTINGS = PeakSettings(0.1, 0.0, 0.05, relative=False)
PIXEL_SIZE = 0.1


def drawn(places, pixel_size, shape, sigma_A=0.35):
    """Gaussian columns of height 1 at x and y [A]."""
    y, x = (pixel_size * np.arange(n) for n in shape)
    along_y, along_x = (
        np.exp(-((axis - p[:, None]) ** 2) / (2 * sigma_A**2)) for axis, p in ((y, places[:, 1]), (x, places[:, 0]))
    )
    return (along_y.T @ along_x).astype(np.float32)


def lattice(extent_A: float, pitch_A: float = 2.1) -> np.ndarray:
    axis = np.arange(pitch_A, extent_A - pitch_A / 2, pitch_A)
    places = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return places + np.random.default_rng(0).uniform(-0.2, 0.2, places.shape)


def seen(image, *, surface=None, measured=None) -> Seen:
    """An image that is its own map."""
    measured = np.ones(image.shape, bool) if measured is None else measured
    surface = image if surface is None else surface
    return Seen(image, measured, PIXEL_SIZE, image, surface, PIXEL_SIZE, noise_sd=0.1, noise=0.3, anisotropy=1.0)


@pytest.fixture
def unnetworked(monkeypatch):
    """The map is the image."""
    monkeypatch.setattr(measuring, "map_of", lambda network, image, **_: image)

    class Network:
        record = {"pixel_size_A": (0.08, 0.16), "dataset_recipe": {"mode": "HAADF"}}

    return Network()


def noisy(counts, pixel_size, extent_A=20.0):
    """A lattice that is counted so often in each 0.1 A x 0.1 A at the peak."""
    n = round(extent_A / pixel_size)
    expected = counts * (pixel_size / 0.1) ** 2 * (drawn(lattice(extent_A), pixel_size, (n, n)) + 0.3)
    return np.random.default_rng(1).poisson(expected).astype(float)


@pytest.mark.parametrize("basis", [[[0, 0]], [[0, 0], [0.8, 1.1]]], ids=["one a cell", "dumbbells"])
def test_a_lattice_is_as_uneven_as_its_positions_are_in_error(basis):
    rng = np.random.default_rng(3)
    cells = np.stack(np.meshgrid(3.9 * np.arange(40), 5.4 * np.arange(30)), axis=-1).reshape(-1, 1, 2)
    places = (cells + basis).reshape(-1, 2) @ [[0.8, 0.6], [-0.6, 0.8]]
    assert unevenness(places) < 1e-6
    found = [unevenness(places + rng.normal(0, sd, places.shape)) for sd in (0.02, 0.06)]
    assert found[1] == pytest.approx(3 * found[0], rel=0.15)
    assert 0.2 < found[0] / 2 < 0.9  # the least of several means, in standard deviations of one coordinate


def test_columns_without_order_are_more_uneven_than_any_lattice():
    rng = np.random.default_rng(4)
    assert unevenness(rng.uniform(0, 200, (2500, 2))) > 10
    assert unevenness(rng.uniform(0, 9, (2, 2))) == unevenness(np.empty((0, 2))) == 100


def noise_of(image, pixel_size, network, **options):
    return measuring.look(image, pixel_size, network, **options).noise


def test_the_noise_level_falls_as_the_root_of_the_dose(unnetworked):
    levels = [noise_of(noisy(counts, 0.1), 0.1, unnetworked) for counts in (10, 90, 810)]
    assert levels[0] / levels[1] == pytest.approx(3, rel=0.15)
    assert levels[1] / levels[2] == pytest.approx(3, rel=0.15)


def test_the_noise_level_is_that_of_the_scene_whatever_gain_offset_and_contrast(unnetworked):
    image = noisy(20, 0.1)
    level = noise_of(image, 0.1, unnetworked)
    assert noise_of(3000 + 7 * image, 0.1, unnetworked) == pytest.approx(level, rel=1e-3)
    assert noise_of(500 - image, 0.1, unnetworked, mode="ABF") == pytest.approx(level, rel=1e-3)


def test_the_noise_level_is_that_of_the_dose_whatever_the_pixels(unnetworked):
    level = noise_of(noisy(20, 0.1), 0.1, unnetworked)  # the network sees pixels of 0.08 A instead of 0.04 A
    at_its_own = noise_of(noisy(20, 0.08), 0.08, unnetworked)
    assert noise_of(noisy(20, 0.04), 0.04, unnetworked) == pytest.approx(at_its_own, rel=0.1)
    assert at_its_own / level == pytest.approx(0.1 / 0.08, rel=0.1)


def test_rows_that_jitter_raise_the_anisotropy_and_white_noise_does_not(unnetworked):
    still = noisy(500, 0.1)
    shifts = np.random.default_rng(2).normal(0, 1.0, len(still)).round().astype(int)
    jittered = np.stack([np.roll(row, shift) for row, shift in zip(still, shifts)])
    values = [measuring.look(image, 0.1, unnetworked).anisotropy for image in (still, jittered)]
    assert values[0] == pytest.approx(1, abs=0.05)
    assert values[1] > 1.5


def test_means_are_those_of_a_slow_sum():
    rng = np.random.default_rng(0)
    image, positions = rng.normal(size=(30, 40)), rng.uniform([8, 8], [31, 21], (5, 2))
    y, x = np.mgrid[:30, :40]
    for (px, py), mean in zip(positions, gaussian_means(image, positions, 1.7)):
        weights = np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 1.7**2))
        assert mean == pytest.approx((weights * image).sum() / weights.sum(), abs=0.01)


def test_means_know_nothing_of_what_was_not_measured_or_lies_outside():
    image = np.full((20, 20), 5.0)
    image[:, 10:] = np.nan
    assert gaussian_means(image, np.array([[0.0, 0.0], [9.0, 5.0]]), 1.5) == pytest.approx(5)
    assert np.isnan(gaussian_means(image, np.array([[18.0, 18.0]]), 1.5)).all()


def test_columns_read_in_blocks_are_those_of_the_whole_map(monkeypatch):
    image = drawn(lattice(24.0), PIXEL_SIZE, (240, 240))
    image += np.random.default_rng(0).normal(0, 0.03, image.shape).astype(np.float32)
    whole = read_columns(seen(image), SETTINGS)
    monkeypatch.setattr(measuring, "_BLOCK_PX", 50)
    blocks = read_columns(seen(image), SETTINGS)
    order = ["x_A", "y_A"]
    assert len(whole) >= 81
    whole, blocks = (table.sort_values(order, ignore_index=True) for table in (whole, blocks))
    assert blocks.to_numpy() == pytest.approx(whole.to_numpy(), abs=1e-9)


def test_nothing_is_found_where_nothing_was_measured():
    places = lattice(12.0)
    image, measured = drawn(places, PIXEL_SIZE, (120, 120)), np.ones((120, 120), bool)
    measured[:, :60] = False
    found = read_columns(seen(image, measured=measured), SETTINGS)
    assert len(found) == np.sum(places[:, 0] >= 5.95)
    assert found.x_A.min() >= 5.9


def test_no_maximum_is_no_column_and_there_is_nothing_to_fit():
    blank = seen(np.zeros((40, 40), np.float32))
    found = fitted(blank, read_columns(blank, SETTINGS))
    assert found.empty
    assert set(measuring.FIT_FEATURES) | {"x_A", "y_A"} == set(found)


def test_the_contrast_is_that_of_the_image_in_noise_that_is_left():
    image = drawn(np.array([[3.0, 3.0]]), PIXEL_SIZE, (61, 61))
    (contrast,) = read_columns(seen(image), SETTINGS).contrast
    narrow, wide = (0.35**2 / (0.35**2 + s**2) for s in (0.3, 1.0))  # a Gaussian's peak after another
    left = 0.1 * PIXEL_SIZE / (2 * np.sqrt(np.pi) * 0.3)
    assert contrast == pytest.approx((narrow - wide) / left, rel=0.02)


def test_neighbours_are_told_as_far_as_they_matter():
    places = np.array([[2.0, 2.0], [2.0, 4.0], [11.0, 11.0]])
    found = read_columns(seen(drawn(places, PIXEL_SIZE, (140, 140))), SETTINGS).sort_values("y_A")
    assert found.neighbour_A.to_numpy() == pytest.approx([2, 2, 5], abs=0.02)


def test_fits_in_windows_find_the_columns_from_starts_that_are_off(monkeypatch):
    places = lattice(24.0)
    surface = drawn(places, PIXEL_SIZE, (240, 240))
    view = seen(surface + np.float32(0.2), surface=surface)
    starts, off = read_columns(view, SETTINGS), np.random.default_rng(0).normal(0, 0.05, (len(places), 2))
    monkeypatch.setattr(measuring, "_WINDOW_PX", 80)
    found = fitted(view, starts.assign(x_A=starts.x_A + off[:, 0], y_A=starts.y_A + off[:, 1]))
    distances = np.linalg.norm(found[["x_A", "y_A"]].to_numpy()[:, None] - places, axis=2).min(axis=1)
    assert len(found) == len(places)
    assert distances.max() < 0.003
    assert np.isfinite(found.fit_error_pm).all()
    assert found.moved_pm.median() == pytest.approx(5 * np.sqrt(2 * np.log(2)), rel=0.3)


def test_where_a_fit_fails_the_column_stays_where_the_network_found_it():
    places, hole = np.array([[2.0, 2.0], [2.0, 4.0], [4.0, 2.0], [4.0, 4.0]]), np.array([[9.0, 9.0]])
    surface = drawn(places, PIXEL_SIZE, (120, 120))
    view = seen(surface + 0.5 - 0.3 * drawn(hole, PIXEL_SIZE, (120, 120)), surface=surface)
    columns = read_columns(view, SETTINGS)
    lost = columns.iloc[[0]].assign(x_A=9.0, y_A=9.0)
    found = fitted(view, pd.concat([columns, lost], ignore_index=True))
    assert (found.x_A.iloc[-1], found.y_A.iloc[-1]) == (9.0, 9.0)
    assert np.isnan(found.fit_error_pm.iloc[-1])
    assert found.moved_pm.iloc[-1] == 0


def test_the_error_of_a_fit_is_the_bound_of_a_gaussian_on_a_bright_background_and_the_network_together():
    lone = drawn(np.array([[6.0, 6.0]]), PIXEL_SIZE, (121, 121))
    view = seen(np.random.default_rng(0).poisson(200 * lone + 2000) / 9000)
    (error_pm,) = fitted(view, read_columns(seen(lone), SETTINGS)).fit_error_pm
    information = np.pi / 2 * 200**2 / 2000  # of squared slopes of the Gaussian over the variance, summed
    assert error_pm == pytest.approx((information / 10**2 + 1 / 3**2) ** -0.5, rel=0.1)
