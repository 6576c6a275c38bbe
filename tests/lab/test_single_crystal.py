import numpy as np
import pandas as pd
import pytest
from stembench.lab.single_crystal import on_one_scale, single_crystal_samples

PIXEL_SIZE = 0.1


@pytest.fixture(scope="module")
def places() -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(1.5, 18, 2.4), np.arange(1.5, 18, 2.4)), -1).reshape(-1, 2)


@pytest.fixture(scope="module")
def bright(places) -> np.ndarray:
    y, x = np.ogrid[:180, :180]
    return sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * 4.0**2)) for a, b in places / PIXEL_SIZE)


def shown(image, places, mode):
    columns = pd.DataFrame({"x_A": places[:, 0], "y_A": places[:, 1], "neighbour_A": 2.4})
    samples = single_crystal_samples(image, PIXEL_SIZE, columns, counts_per_px=100, name="a_crystal", mode=mode)
    return [sample.images["image"] for sample in samples]


def test_dark_columns_are_displaced_as_bright_ones_are(bright, places):
    haadf, abf = shown(bright, places, "HAADF"), shown(1 - bright, places, "ABF")
    assert np.abs(haadf[1] - haadf[0]).max() > 0.05
    assert 1 - abf[1] == pytest.approx(haadf[1], abs=2e-3)


def test_two_images_on_one_scale_differ_as_before():
    first, second = np.array([[2.0, 4.0]]), np.array([[2.5, 3.0]])
    assert np.array(on_one_scale([first, second])) == pytest.approx(np.array([[[0, 1]], [[0.25, 0.5]]]))
