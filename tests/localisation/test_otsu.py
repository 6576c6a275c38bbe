import numpy as np
import pytest
from maps import discs, gaussians, in_order
from skimage.filters import threshold_otsu
from stembench.localisation.localisers.otsu import otsu
from stembench.localisation.localisers.otsu_split import otsu_split

BOTH = pytest.mark.parametrize("localise", [otsu, otsu_split])


def flooded(above):
    """Mean place of each region whose pixels touch by sides or corners, a pixel at a time."""
    waiting, centres = set(zip(*np.nonzero(above))), []
    while waiting:
        region, front = [], [waiting.pop()]
        while front:
            y, x = front.pop()
            region.append((x, y))
            near = {(y + j, x + i) for j in (-1, 0, 1) for i in (-1, 0, 1)} & waiting
            waiting -= near
            front += near
        centres.append(np.mean(region, axis=0))
    return np.array(centres)


@BOTH
@pytest.mark.parametrize("value", [0.0, 0.7])
def test_a_map_of_one_value_has_no_columns(localise, value):
    assert localise(np.full((20, 30), value, np.float32), 0.1).shape == (0, 2)


@BOTH
def test_a_map_of_nearly_one_value_is_read(localise):
    surface = np.full((20, 30), 0.5, np.float32)
    surface[5, 10] = np.nextafter(np.float32(0.5), np.float32(1))
    assert localise(surface, 0.1) == pytest.approx(np.array([[1.0, 0.5]]))


@BOTH
def test_a_single_pixel_is_a_column(localise):
    surface = np.zeros((20, 30))
    surface[7, 11] = 0.4
    assert localise(surface, 0.1) == pytest.approx(np.array([[1.1, 0.7]]))


@BOTH
def test_a_column_at_the_edge_is_found_where_its_visible_part_is(localise):
    surface = discs([(0, 10), (59, 30)], radius=3)
    visible = np.mean(np.nonzero(surface[:, :10])[1])
    expected = np.array([(visible, 10), (59 - visible, 30)])
    assert in_order(localise(surface, 0.1)) == pytest.approx(0.1 * expected)


@BOTH
def test_discs_apart_are_found_at_their_centres(localise):
    places = np.array([(10.0, 12.0), (30.0, 8.0), (44.0, 30.0)])
    assert in_order(localise(discs(places, radius=5), 0.1)) == pytest.approx(places * 0.1)


def test_discs_that_touch_are_one_column_to_otsu():
    assert otsu(discs([(20, 20), (31, 20)], radius=6), 0.1) == pytest.approx(np.array([[2.55, 2.0]]))


@pytest.mark.parametrize("distance", [9, 10, 11])
def test_discs_that_touch_are_split(distance):
    found = in_order(otsu_split(discs([(20, 20), (20 + distance, 20)], radius=6), 0.1))
    assert found == pytest.approx(np.array([[2.0, 2.0], [2.0 + 0.1 * distance, 2.0]]), abs=0.05)


def test_a_disc_with_a_noisy_top_is_not_split():
    surface = discs([(20, 20)], radius=6) * (1 - 0.02 * np.random.default_rng(0).random((40, 60)))
    assert len(otsu_split(surface, 0.1)) == 1


def test_maxima_closer_than_columns_can_be_are_one_column():
    surface = gaussians([(18, 20), (22, 20)], sigma=1.5)
    assert len(otsu_split(surface, 0.1)) == 1
    assert len(otsu_split(surface, 0.2)) == 2


def test_pixels_that_touch_by_a_corner_are_one_column():
    surface = np.zeros((20, 30))
    surface[7, 11] = surface[8, 12] = 1
    assert otsu(surface, 1.0) == pytest.approx(np.array([[11.5, 7.5]]))


def test_centroids_are_not_weighted():
    surface = np.zeros((20, 30))
    surface[5, 5:8] = 1.0, 0.9, 0.8
    assert otsu(surface, 1.0) == pytest.approx(np.array([[6.0, 5.0]]))


def test_regions_are_those_of_a_flood_a_pixel_at_a_time():
    surface = np.random.default_rng(0).random((30, 40)) ** 4
    found, expected = otsu(surface, 1.0), flooded(surface > threshold_otsu(surface))
    assert len(found) > 20
    assert in_order(found) == pytest.approx(in_order(expected))


@BOTH
@pytest.mark.parametrize("sigma", [1.5, 2.0, 3.0])
def test_the_centroid_of_a_gaussian_is_off_by_a_part_of_a_pixel(localise, sigma):
    offsets = [(x, y) for x in np.linspace(0, 0.97, 34) for y in (0, 0.37)]
    errors = [localise(gaussians([(20 + x, 20 + y)], sigma), 1.0)[0] - (20 + x, 20 + y) for x, y in offsets]
    assert np.sqrt(np.mean(np.square(errors))) < 0.09
    assert np.abs(errors).max() < 0.3
