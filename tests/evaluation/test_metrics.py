import numpy as np
import pytest
from stembench.evaluation.metrics import image_quality


def test_psnr_by_hand():
    target = np.full((32, 32), 0.5)
    quality = image_quality(target + 10 / 255, target)
    assert quality["psnr_db"] == pytest.approx(20 * np.log10(255 / 10), abs=0.05)


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
