import numpy as np
import pytest
from scipy.ndimage import center_of_mass
from stembench.application.frame import (
    as_trained,
    filled,
    fitting_pixel_size,
    on_scale_of,
    without_outliers,
    without_thickness,
)
from stembench.errors import InputError
from stembench.imaging.resampling import resampled

RECORD = {"pixel_size_A": (0.08, 0.156), "dataset_recipe": {"mode": "HAADF"}}


def columns(shape, pixel_size, spacing=2.4, sigma=0.4):
    """Gaussian columns on a square lattice, one of them at the origin, at any pixel size [A]."""
    along = [pixel_size * np.arange(n) for n in shape]
    profiles = [np.exp(-(((a + spacing / 2) % spacing - spacing / 2) ** 2) / (2 * sigma**2)) for a in along]
    return np.outer(*profiles).astype(np.float32)


@pytest.mark.parametrize(("own", "fitting"), [(0.1, 0.1), (0.03, 0.08), (0.4, 0.156)])
def test_a_pixel_size_is_brought_into_the_range(own, fitting):
    assert fitting_pixel_size(own, (0.08, 0.156)) == fitting


@pytest.mark.parametrize(("own", "target"), [(0.03, 0.08), (0.05, 0.1), (0.11, 0.08), (0.3, 0.156)])
def test_positions_in_angstrom_are_the_same_at_every_pixel_size(own, target):
    image = columns((int(24 / own), int(31 / own)), own)
    there = resampled(image, own, target)
    assert there.dtype == np.float32
    assert there[:-2, :-2] == pytest.approx(columns(there.shape, target)[:-2, :-2], abs=0.03)
    middle = [slice(round((a - 1.1) / target), round((a + 1.1) / target) + 1) for a in (12.0, 14.4)]
    found = np.array(center_of_mass(there[tuple(middle)] ** 2)) + [part.start for part in middle]
    assert found * target == pytest.approx([12.0, 14.4], abs=0.004)


def test_what_larger_pixels_cannot_show_is_averaged_and_not_aliased():
    x = np.arange(600)
    stripes = np.tile(np.cos(2 * np.pi * x / 3.1), (60, 1))  # of 0.093 A; pixels of 0.1 A would show stripes of 1.3 A
    assert np.abs(resampled(stripes, 0.03, 0.1)[:, 10:-10]).max() < 0.02


def test_an_image_comes_back_from_another_pixel_size_as_it_was():
    image = columns((401, 333), 0.05)
    back = resampled(resampled(image, 0.05, 0.08), 0.08, 0.05, image.shape)
    assert back.shape == image.shape
    assert back[:-2, :-2] == pytest.approx(image[:-2, :-2], abs=0.03)


def test_an_image_in_the_range_is_not_touched():
    image = columns((64, 64), 0.1)
    seen, pixel_size = as_trained(image, 0.1, RECORD)
    assert pixel_size == 0.1
    assert seen == pytest.approx((image - image.min()) / np.ptp(image), abs=1e-6)


@pytest.mark.parametrize("hot", [1e6, -1e6, 40.0])
def test_a_hot_pixel_does_not_dim_the_others(hot):
    image = np.random.default_rng(0).poisson(2 + 8 * columns((64, 64), 0.1)).astype(float)
    usual, _ = as_trained(image, 0.1, RECORD)
    image[20, 30] = hot
    image[40, 7:9] = hot
    seen, _ = as_trained(image, 0.1, RECORD)
    seen[20, 30] = usual[20, 30]
    seen[40, 7:9] = usual[40, 7:9]
    assert seen == pytest.approx(usual, abs=1e-6)


def test_noise_alone_has_hardly_an_outlier():
    rng = np.random.default_rng(0)
    for image in (rng.normal(size=(256, 256)), rng.poisson(0.5, (256, 256)), rng.poisson(30, (256, 256))):
        assert np.isnan(without_outliers(image)).mean() < 3e-4


def test_missing_pixels_get_the_mean_of_those_around_them():
    image = np.full((60, 90), 5.0)
    image[:, 45:] = 9.0
    holed = image.copy()
    holed[10, 10], holed[25:35, 60:80], holed[0, :3] = np.nan, np.nan, np.nan
    assert filled(holed.astype(np.float32)) == pytest.approx(image)


def test_a_hole_in_noise_leaves_its_grey_level():
    image = np.random.default_rng(0).normal(100, 5, (80, 80)).astype(np.float32)
    image[20:60, 20:60] = np.nan
    whole = filled(image)
    assert np.isfinite(whole).all()
    assert whole[20:60, 20:60].mean() == pytest.approx(100, abs=0.5)
    assert whole[20:60, 20:60].std() < 4


@pytest.mark.parametrize(("mode", "trained"), [("BF", "HAADF"), ("ABF", "ADF"), ("HAADF", "BF")])
def test_a_contrast_other_than_the_trained_one_is_turned(mode, trained):
    image = 300 + 50 * columns((64, 64), 0.1)
    turned, _ = as_trained(image, 0.1, RECORD | {"dataset_recipe": {"mode": trained}}, mode=mode)
    usual, _ = as_trained(image, 0.1, RECORD)
    assert turned == pytest.approx(1 - usual, abs=1e-6)


def test_a_network_that_was_trained_on_dark_columns_sees_them_dark():
    image = -columns((64, 64), 0.1)
    seen, _ = as_trained(image, 0.1, RECORD | {"dataset_recipe": {"mode": "BF"}}, mode="ABF")
    assert seen[0, 0] == pytest.approx(0, abs=1e-6)


def test_an_image_without_a_pixel_is_refused():
    with pytest.raises(InputError, match="all pixels of the image are NaN"):
        as_trained(np.full((64, 64), np.nan), 0.1, RECORD)


def test_an_image_without_contrast_is_dark():
    assert not as_trained(np.full((64, 64), 7), 0.1, RECORD)[0].any()


@pytest.mark.parametrize("gain", [3e4, -0.02])
def test_the_intensity_scale_is_found_in_spite_of_noise_and_outliers(gain):
    found = columns((200, 200), 0.1)
    image = gain * (found + np.random.default_rng(0).normal(0, 0.3, found.shape)) + 500
    image[::17, ::13] += 50 * abs(gain)
    image[5:9] = np.nan
    assert on_scale_of(image, found) == pytest.approx(gain * found + 500, abs=0.02 * abs(gain))


def test_what_is_thick_goes_where_it_is_most_of_an_image_and_columns_stay():
    y, x = np.indices((400, 400))
    columns = 5 * np.cos(2 * np.pi * x / 10) * np.cos(2 * np.pi * y / 10)
    thick = columns + 200.0 / (1 + np.exp((np.hypot(x - 200, y - 200) - 120) / 30))
    left = without_thickness(thick, 0.4)
    assert without_thickness(columns, 0.4) is columns
    assert left.std() < 0.3 * thick.std()
    inside = slice(160, 240), slice(160, 240)
    assert np.corrcoef(left[inside].ravel(), columns[inside].ravel())[0, 1] > 0.9


def test_thickness_is_the_same_of_integers():
    counts = np.round(200 * np.linspace(0, 1, 200)[:, None] * np.ones((200, 200)) + 50 * columns((200, 200), 0.4))
    left = without_thickness(counts.astype(np.uint8), 0.4)
    assert left == pytest.approx(without_thickness(counts.astype(np.float32), 0.4), abs=1e-3)
    assert left.std() < counts.std() / 2


def test_an_image_of_nothing_is_refused_before_it_is_filled():
    with pytest.raises(InputError, match="all pixels of the image are NaN"):
        filled(np.full((64, 64), np.nan))


def test_thickness_leaves_pixels_that_were_not_measured_out():
    image = np.linspace(0, 100, 128)[:, None] * np.ones((128, 128))
    image[:20, :20] = np.nan
    assert np.isnan(without_thickness(image, 0.5)).sum() == 400
