import numpy as np
import pytest
from scipy import ndimage
from stembench.noise.physical import (
    afterglow,
    detector,
    digitised,
    effective_source,
    shifted_rows,
    shot_noise,
    smoothed,
)


@pytest.fixture
def smooth():
    return ndimage.gaussian_filter(np.random.default_rng(1).random((48, 64)), 2.0)


def test_shot_noise_is_poissonian_at_the_dose():
    rng = np.random.default_rng(0)
    counts = shot_noise(np.full((400, 400), 0.05), dose=1000.0, pixel_size=0.2, rng=rng)
    assert counts.mean() == pytest.approx(1000 * 0.04 * 0.05, rel=0.02)
    assert counts.var() == pytest.approx(counts.mean(), rel=0.02)


def test_shifted_rows_are_those_of_scipys_cubic_splines(smooth):
    shifts = np.random.default_rng(2).normal(size=(48, 2)) * 2
    y, x = np.mgrid[:48, :64].astype(float)
    expected = ndimage.map_coordinates(smooth, [y + shifts[:, 1:], x + shifts[:, :1]], order=3, mode="mirror")
    assert shifted_rows(smooth, shifts) == pytest.approx(expected, abs=1e-12)


def test_padding_is_what_displaced_rows_reach_into(smooth):
    shifts = np.full((40, 2), 1.3)
    assert shifted_rows(smooth, shifts, pad=4) == pytest.approx(shifted_rows(smooth, np.full((48, 2), 1.3))[4:-4, 4:-4])


def test_the_effective_source_has_its_width():
    point = np.zeros((101, 101))
    point[50, 50] = 1
    image = effective_source(point, fwhm=1.0, pixel_size=0.1)
    assert image.sum() == pytest.approx(1)
    assert image[50, 55] / image[50, 50] == pytest.approx(0.5, rel=1e-3)


def test_afterglow_trails_along_the_fast_axis_and_loses_nothing():
    flash = np.zeros((3, 60))
    flash[1, 10] = 100.0
    glow = afterglow(flash, fraction=0.2, decay=1.5)
    assert glow[1, 10] == pytest.approx(80)
    assert glow[1, 12] / glow[1, 11] == pytest.approx(np.exp(-1 / 1.5))
    assert glow.sum() == pytest.approx(100)
    assert not glow[[0, 2]].any()
    assert not glow[1, :10].any()


def test_a_smoothed_image_is_a_gaussians_and_keeps_what_is_even():
    noise = np.random.default_rng(0).normal(size=(160, 200))
    expected = ndimage.gaussian_filter(noise, 1.1, truncate=8)
    assert smoothed(noise, 1.1)[9:-9, 9:-9] == pytest.approx(expected[9:-9, 9:-9], abs=1e-12)
    assert smoothed(np.full((20, 30), 7.0), 0.8) == pytest.approx(7)
    assert smoothed(noise, 0.0) is noise


def test_neighbours_of_smoothed_noise_are_alike_as_a_gaussians_are():
    """White noise after a Gaussian of SD s has the correlation exp(-d^2 / (4 s^2)) at the distance d."""
    noise = smoothed(np.random.default_rng(1).normal(size=(400, 400)), 1.0)
    for distance in (1, 2, 3):
        measured = (noise[:, distance:] * noise[:, :-distance]).mean() / noise.var()
        assert measured == pytest.approx(np.exp(-(distance**2) / 4), abs=0.02)


def test_a_detector_has_gain_offset_and_read_out_noise():
    levels = detector(np.full((300, 300), 7.0), gain=12.0, offset=30.0, readout=0.5, rng=np.random.default_rng(0))
    assert levels.mean() == pytest.approx(30 + 12 * 7, rel=1e-3)
    assert levels.std() == pytest.approx(6.0, rel=0.02)


def test_levels_without_bits_are_whole_and_none_is_below_0():
    levels = digitised(np.array([-3.0, -0.2, 1.4, 7.7]), 0.0, 0.0, 0)
    assert levels.tolist() == [0, 0, 1, 8]


@pytest.mark.parametrize("bits", [8, 12])
def test_bits_say_how_many_levels_the_recorded_range_has(bits):
    ramp = np.linspace(100, 900, 2**15)
    levels = digitised(ramp, 0.0, 0.0, bits)
    assert len(np.unique(levels)) == 2**bits
    assert (levels.min(), levels.max()) == (100, 900)
    assert np.abs(levels - ramp).max() <= 0.51 * 800 / (2**bits - 1)


def test_clipped_levels_stay_clipped_when_images_are_scaled_to_their_range():
    ramp = np.linspace(0, 1000, 10_001)
    levels = digitised(ramp, 0.1, 0.3, 12)
    scaled = (levels - levels.min()) / np.ptp(levels)
    assert (scaled == 0).mean() == pytest.approx(0.1, abs=0.01)
    assert (scaled == 1).mean() == pytest.approx(0.3, abs=0.01)
    middle = (ramp > 150) & (ramp < 650)
    assert np.polyfit(ramp[middle], scaled[middle], 1)[0] == pytest.approx(1 / 600, rel=0.01)
