import numpy as np
import pytest
from stembench.datasets.labels import circular_mask, gaussian_mask


def test_gaussian_has_its_width():
    mask = gaussian_mask(np.array([[5.0, 5.0]]), (101, 101), 0.1, fwhm=1.0)
    assert mask[50, 50] == pytest.approx(1)
    assert mask[50, 55] == pytest.approx(0.5, abs=1e-6)


def test_gaussian_is_centred_between_pixels():
    mask = gaussian_mask(np.array([[2.03, 1.97]]), (40, 40), 0.1, fwhm=0.6)
    y, x = np.mgrid[:40, :40] * 0.1
    assert (mask * x).sum() / mask.sum() == pytest.approx(2.03, abs=1e-3)
    assert (mask * y).sum() / mask.sum() == pytest.approx(1.97, abs=1e-3)


def test_disc_has_its_area():
    mask = circular_mask(np.array([[5.0, 5.0]]), (101, 101), 0.1, radius=3.0)
    assert mask.sum() * 0.01 == pytest.approx(np.pi * 9, rel=0.01)
    assert set(np.unique(mask)) == {0, 1}


def test_columns_at_the_edge_and_beyond_are_cut():
    mask = gaussian_mask(np.array([[-0.1, 0.0], [50.0, 50.0]]), (20, 20), 0.1, fwhm=0.5)
    assert mask[0, 0] == pytest.approx(0.895, abs=0.01)
    assert not gaussian_mask(np.empty((0, 2)), (20, 20), 0.1, fwhm=0.5).any()
