import numpy as np
import pytest
from scipy import ndimage
from stembench.localisation.localisers import LOCALISERS
from stembench.localisation.peaks import PeakSettings
from stembench.networks import NETWORKS
from stembench.networks.localisers import OWN_LOCALISERS

ATOMAI, ATOMID = map(OWN_LOCALISERS.load, ("atomai_segmentor", "atomid_net"))


def empty(*peaks, shape=(64, 64)):
    """Zeros but for heights at x and y [px]."""
    surface = np.zeros(shape, np.float32)
    for x, y, height in peaks:
        surface[y, x] = height
    return surface


def places(positions):
    return sorted(map(tuple, positions.tolist()))


def hills(seed, shape=(64, 88)):
    surface = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 1.5)
    return (surface - surface.min()) / np.ptp(surface)


def test_own_localisers_are_of_networks():
    assert set(OWN_LOCALISERS) == {"atomai_segmentor", "atomid_net"}
    assert set(OWN_LOCALISERS) <= set(NETWORKS)


@pytest.mark.parametrize("name", OWN_LOCALISERS)
@pytest.mark.parametrize("value", [0.0, 0.05])
def test_a_map_without_columns_gives_none(name, value):
    assert OWN_LOCALISERS.load(name)(np.full((40, 48), value, np.float32), 0.1, 10.0).shape == (0, 2)


@pytest.mark.parametrize("name", OWN_LOCALISERS)
def test_it_is_what_own_means(name):
    surface, settings = hills(0), PeakSettings(0.0, 0.0, 0.3, relative=False)
    found = LOCALISERS.load("own")(surface, 0.1, settings=settings, architecture=name, spacing=12.0)
    assert len(found) > 3
    assert np.array_equal(found, OWN_LOCALISERS.load(name)(surface, 0.1, 12.0))


def test_atomai_counts_what_is_above_a_half():
    assert places(ATOMAI(empty((20, 10, 0.51), (30, 10, 0.5), (40, 10, 0.9)), 1.0, np.nan)) == [(20, 10), (40, 10)]


def test_atomai_takes_pixels_that_touch_by_a_corner_for_two_columns():
    assert places(ATOMAI(empty((20, 10, 1), (21, 11, 1)), 1.0, np.nan)) == [(20, 10), (21, 11)]
    assert places(ATOMAI(empty((20, 10, 1), (21, 10, 0.6)), 1.0, np.nan)) == [(20.5, 10)]


def test_atomai_leaves_out_five_pixels_at_the_edge():
    inside, outside = [(5, 30), (20, 59), (30, 5), (59, 20)], [(4, 20), (30, 60), (20, 4), (60, 30)]
    surface = empty(*((x, y, 1) for x, y in inside + outside))
    assert places(ATOMAI(surface, 1.0, np.nan)) == inside


def test_atomid_net_keeps_the_highest_pixel_of_each_window():
    surface = empty((3, 2, 0.5), (6, 6, 0.8), (8, 6, 0.4), (30, 40, 0.09), (50, 40, 0.1))
    assert places(ATOMID(surface, 0.1, 0.0)) == places(0.1 * np.array([(6, 6), (8, 6), (50, 40)]))


def test_atomid_net_looks_at_windows_that_the_edge_cuts():
    assert places(ATOMID(empty((60, 41, 0.9), shape=(42, 61)), 1.0, 10.0)) == [(60, 41)]


@pytest.mark.parametrize(("distance", "number"), [(10, 1), (11, 2)])
def test_atomid_net_suppresses_the_lower_of_two_closer_than_1_08_spacings(distance, number):
    found = places(ATOMID(empty((20, 20, 0.7), (20 + distance, 20, 0.9)), 1.0, 10.9))
    assert found == [(20, 20), (20 + distance, 20)][-number:]


def test_atomid_net_suppresses_by_what_is_kept_alone():
    row = empty((10, 20, 0.9), (20, 20, 0.8), (30, 20, 0.7))
    assert places(ATOMID(row, 1.0, 10.0)) == [(10, 20), (30, 20)]


@pytest.mark.parametrize("spacing", [3.7, 9.2, 15.0])
def test_atomid_net_does_as_the_published_steps_one_box_at_a_time(spacing):
    windows = np.add.outer(np.arange(64) // 8 * 11, np.arange(88) // 8)
    for seed in range(5):
        surface, half, kept = hills(seed), int(spacing), []
        maxima = ndimage.maximum_position(surface, windows, range(88))
        for place in sorted(maxima, key=lambda place: -surface[place]):
            common = [np.prod(np.maximum(2 * half - np.abs(np.subtract(place, other)), 0)) for other in kept]
            if surface[place] >= 0.1 and all(each / (8 * half**2 - each) <= 0.3 for each in common):
                kept.append(place)
        assert places(ATOMID(surface, 1.0, spacing)) == sorted((x, y) for y, x in kept)
