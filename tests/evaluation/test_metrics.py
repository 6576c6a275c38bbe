import numpy as np
import pandas as pd
import pytest
from stembench.evaluation.metrics import enhancement_metrics, enhancement_sums, image_quality


def test_psnr_by_hand():
    target = np.full((32, 32), 0.5)
    quality = image_quality(target + 10 / 255, target)
    assert quality["psnr_db"] == pytest.approx(20 * np.log10(255 / 10), abs=0.05)


def test_quality_of_a_set_is_the_mean_of_its_images():
    target = np.full((32, 32), 100 / 255)
    images = pd.DataFrame([image_quality(target + error / 255, target) for error in (1, 100)])
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
