import numpy as np
import pandas as pd
import pytest
from stembench.datasets.labels import (
    LABELS,
    TEXT_LABELS,
    circular_mask,
    gaussian_mask,
    ignored,
    label,
    sharpened,
    upsampled,
)
from stembench.datasets.sample import Sample
from stembench.imaging.probe import Probe


def test_gaussian_has_its_width():
    mask = gaussian_mask(np.array([[5.0, 5.0]]), (1001, 1001), 0.01, fwhm=1.0)
    assert mask[500, 500] == pytest.approx(1, abs=1e-4)
    assert mask[500, 550] == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("pixel_size", [0.1, 0.4, 0.8])
def test_a_pixel_of_a_gaussian_has_the_mean_of_the_peak_in_it(pixel_size):
    place, fine = pixel_size * np.array([[5.3, 4.6]]), 21
    mask = gaussian_mask(place, (10, 10), pixel_size, fwhm=0.6)
    at = pixel_size * ((np.arange(10 * fine) - (fine - 1) / 2) / fine)
    across, down = (2 ** (-4 * ((at - centre) / 0.6) ** 2) for centre in place[0])
    means = np.outer(down, across).reshape(10, fine, 10, fine).mean(axis=(1, 3))
    assert mask == pytest.approx(means, abs=1e-3)


def test_a_gaussian_has_its_place_and_its_sum_wherever_it_lies():
    y, x = np.mgrid[:40, :40] * 0.15
    for place in np.random.default_rng(0).uniform(2, 4, (10, 2)):
        mask = gaussian_mask(place[None], (40, 40), 0.15, fwhm=0.2)
        assert [(mask * axis).sum() / mask.sum() for axis in (x, y)] == pytest.approx(place, abs=1e-3)
        assert mask.sum() * 0.15**2 == pytest.approx(np.pi * 0.2**2 / (4 * np.log(2)), rel=1e-3)


def test_disc_has_its_area():
    mask = circular_mask(np.array([[5.0, 5.0]]), (101, 101), 0.1, radius=3.0)
    assert mask.sum() * 0.01 == pytest.approx(np.pi * 9, rel=0.01)
    assert set(np.unique(mask)) == {0, 1}


def test_columns_at_the_edge_and_beyond_are_cut():
    mask = gaussian_mask(np.array([[-0.1, 0.0], [50.0, 50.0]]), (20, 20), 0.1, fwhm=0.5)
    assert mask[0, 0] == pytest.approx(0.8805, abs=1e-4)  # mean over the pixel of a peak one pixel off
    assert not gaussian_mask(np.empty((0, 2)), (20, 20), 0.1, fwhm=0.5).any()


@pytest.fixture(scope="module")
def sample(small_factory):
    return small_factory.sample("test", 1)


def test_nothing_is_said_around_columns_that_are_not_asked_for_and_nearer_to_them_than_to_others():
    columns = pd.DataFrame({"x_A": [2.0, 4.0, 7.0], "y_A": [5.0, 5.0, 5.0], "asked": [True, False, False]})
    columns["ignored_A"] = [0.0, 1.5, 1.5]
    known = Sample({"image": np.zeros((100, 100))}, columns, {"pixel_size_A": 0.1})
    y, x = np.mgrid[:100, :100] * 0.1
    one, *others = (np.hypot(x - place, y - 5) for place in columns.x_A)
    nearest = np.minimum(*others)
    assert np.array_equal(ignored(known), (nearest < 1.5 - 1e-9) & (nearest < one - 1e-9))


def test_where_all_columns_are_asked_for_something_is_said_everywhere(sample):
    assert ignored(sample).any()
    columns = sample.columns[sample.columns.asked]
    assert not ignored(Sample(sample.images, columns, sample.parameters)).any()


def test_there_are_twelve_labels_and_their_forms_are_published(sample):
    assert len(LABELS) == 12
    count = int(sample.columns.asked.sum())
    shapes = {"position": (count, 2), "positionRadius": (count, 3), "radius": (1,), "smallradius": (1,)}
    for name in LABELS:
        shape = shapes.get(name, (128, 128) if name.endswith("2x") else (64, 64))
        made = label(sample, name)
        assert made.shape == shape, name
        if name not in TEXT_LABELS:
            assert made.dtype == np.float32
            assert 0 <= made.min() <= made.max() <= 1


def test_the_radius_is_that_of_the_published_files():
    """0.520 A at 200 keV, 24 mrad and a source of 0.9 A, where 3 x 3 cells of Pt fill 256 px: 11.327 px."""
    parameters = {"column_radius_A": Probe(200e3, 24, 0.9).column_radius, "pixel_size_A": 3 * 3.92 / 256}
    columns = pd.DataFrame({"x_A": [1.0], "y_A": [2.0], "asked": [True]})
    sample = Sample({}, columns, parameters)
    assert label(sample, "radius") == pytest.approx([11.327], rel=2e-3)
    assert label(sample, "smallradius") == pytest.approx(0.7 * label(sample, "radius"))
    row, column, radius = label(sample, "positionRadius")[0]
    assert (row, column) == pytest.approx((1 + 2 / parameters["pixel_size_A"], 1 + 1 / parameters["pixel_size_A"]))
    assert radius == label(sample, "radius")[0]


def test_small_circles_have_half_of_the_area(sample):
    ratio = label(sample, "smallcircularMask").sum() / label(sample, "circularMask").sum()
    assert ratio == pytest.approx(0.49, abs=0.06)


def test_sharpened_columns_keep_their_intensities():
    positions, strengths = np.array([[1.03, 1.21], [3.07, 2.55], [1.0, 3.1]]), np.array([1.0, 0.4, 0.7])
    image = sharpened(positions, strengths, (50, 50), 0.1, fwhm=0.2)
    near = np.hypot(*(np.mgrid[:50, :50][::-1, None] * 0.1 - positions.T[..., None, None])) < 0.8
    sums = (image * near).sum(axis=(1, 2))
    assert sums / sums[0] == pytest.approx(strengths, rel=1e-3)


def test_upsampling_gives_the_image_at_half_the_pixel_size():
    def wave(x):
        return 0.5 + 0.4 * np.cos(np.pi * 6 * (x + 0.5) / 40)

    image = np.outer(wave(np.arange(40)), wave(np.arange(40))).astype(np.float32)
    at = np.arange(80) / 2 - 0.25
    assert upsampled(image) == pytest.approx(np.outer(wave(at), wave(at)), abs=1e-5)
