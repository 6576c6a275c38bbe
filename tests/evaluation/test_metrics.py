import numpy as np
import pandas as pd
import pytest
from stembench.evaluation.metrics import (
    enhancement_metrics,
    enhancement_sums,
    free_image_quality,
    image_quality,
)
from stembench.evaluation.scale import on_its_scale


def test_psnr_by_hand():
    target = np.full((32, 32), 0.5)
    quality = image_quality(target + 10 / 255, target)
    assert quality["psnr_db"] == pytest.approx(20 * np.log10(255 / 10), abs=0.05)


def test_quality_of_a_set_is_the_mean_of_its_images():
    target = np.full((32, 32), 100 / 255)
    made = [target + error / 255 for error in (1, 100)]
    images = pd.DataFrame([image_quality(image, target) | free_image_quality(image, target) for image in made])
    sums = pd.DataFrame([enhancement_sums(image) for _, image in images.iterrows()]).sum().to_frame().T
    assert enhancement_metrics(sums).psnr_db[0] == pytest.approx(20 * np.log10(255) - 20, abs=0.1)
    assert enhancement_metrics(sums).ssim[0] == pytest.approx(images.ssim.mean())


def test_grey_levels_are_those_of_8_bits():
    target = np.full((32, 32), 100 / 255)
    assert image_quality(target + 0.4 / 255, target) == image_quality(target, target)


def test_ssim_of_two_blank_images_is_1():
    assert image_quality(np.zeros((32, 32)), np.zeros((32, 32)))["ssim"] == pytest.approx(1)


def test_ssim_of_an_image_with_itself_is_1():
    image = np.random.default_rng(0).random((40, 40))
    assert image_quality(image, image)["ssim"] == pytest.approx(1)


def test_values_beyond_the_range_are_clipped():
    target = np.ones((32, 32))
    assert image_quality(3 * target, target)["psnr_db"] > 100


def test_ssim_is_the_gaussian_window_average_of_the_formula():
    rng = np.random.default_rng(0)
    one, other = np.round(255 * rng.random((2, 11, 11)))
    axis = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(axis, axis) / axis.sum() ** 2
    means = (window * one).sum(), (window * other).sum()
    variances = (window * (one - means[0]) ** 2).sum(), (window * (other - means[1]) ** 2).sum()
    covariance = (window * (one - means[0]) * (other - means[1])).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = (2 * means[0] * means[1] + c1) * (2 * covariance + c2)
    expected /= (means[0] ** 2 + means[1] ** 2 + c1) * (sum(variances) + c2)
    assert image_quality(one / 255, other / 255)["ssim"] == pytest.approx(expected, abs=1e-3)


def noisy(target):
    return target + np.random.default_rng(1).normal(0, 0.05, target.shape)


@pytest.fixture
def target():
    y, x = np.indices((48, 64))
    return 0.5 + 0.4 * np.cos(x / 3) * np.cos(y / 4)


def test_gain_and_offset_are_free(target):
    image = noisy(target)
    as_it_is = free_image_quality(image, target)
    for gain, offset in ((0.3, 0.5), (7.0, -2.0), (1.0, 1.0)):
        moved = free_image_quality(gain * image + offset, target)
        assert moved["psnr_free_db"] == pytest.approx(as_it_is["psnr_free_db"], abs=1e-6)
        assert moved["ssim_free"] == pytest.approx(as_it_is["ssim_free"], abs=1e-6)
    # Noise of 5 % of the peak; the fit takes 1 / (1 + signal-to-noise ratio) of it away.
    error = 0.05**2 * target.var() / (target.var() + 0.05**2)
    assert as_it_is["psnr_free_db"] == pytest.approx(-10 * np.log10(error), abs=0.2)


def test_the_fit_is_that_of_least_squares(target):
    image = 0.4 * noisy(target) + 0.1
    gain, offset = np.polyfit(image.ravel(), target.ravel(), 1)
    fitted = gain * image + offset
    error = np.mean((fitted - target) ** 2)
    np.testing.assert_allclose(on_its_scale(image, target), fitted, atol=1e-9)
    assert free_image_quality(image, target)["psnr_free_db"] == pytest.approx(-10 * np.log10(error), abs=1e-6)


def test_an_inverted_image_is_worth_no_more_than_a_blank_one(target):
    blank = free_image_quality(np.zeros_like(target), target)
    assert free_image_quality(1 - target, target) == pytest.approx(blank)
    assert blank["psnr_free_db"] == pytest.approx(-10 * np.log10(target.var()))
