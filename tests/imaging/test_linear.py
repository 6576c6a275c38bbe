import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import j0
from stembench.imaging.column_peak import peak_intensity
from stembench.imaging.linear import bright_field, linear_image, scattering_strengths
from stembench.imaging.probe import Probe

PROBE = Probe(200e3, 24, 0.9)


def image_of(positions, shape=(80, 80), pixel_size=0.1, strengths=None, thermal_b=None, probe=PROBE):
    positions = np.atleast_2d(np.array(positions, float))
    strengths = np.ones(len(positions)) if strengths is None else np.array(strengths, float)
    thermal_b = np.zeros(len(positions)) if thermal_b is None else np.array(thermal_b, float)
    image = linear_image(positions, strengths, thermal_b, probe, shape, pixel_size)
    return image / (strengths * peak_intensity(probe, thermal_b)).max(initial=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.floats(2, 6), st.floats(2, 6), st.floats(0, 2))
def test_one_column_is_the_broadened_probe_wherever_it_lies(x, y, thermal_b):
    image = image_of([x, y], thermal_b=[thermal_b])
    k = np.linspace(0, PROBE.cutoff, 3001)
    transfer = PROBE.transfer(k, 0 * k) * np.exp(-thermal_b * k**2 / 4)
    radii = np.hypot(*np.meshgrid(np.arange(0, 80, 9) * 0.1 - x, np.arange(0, 80, 9) * 0.1 - y))
    direct = np.trapezoid(2 * np.pi * k * transfer * j0(2 * np.pi * k * radii[..., None]), k, axis=-1)
    direct /= np.trapezoid(2 * np.pi * k * transfer, k)
    assert image[::9, ::9] == pytest.approx(direct, abs=5e-4)


def test_columns_add():
    both = image_of([[3.0, 3.0], [5.2, 4.1]], strengths=[1.0, 0.4])
    assert both == pytest.approx(image_of([3.0, 3.0]) + 0.4 * image_of([5.2, 4.1]), abs=1e-5)


def test_nothing_wraps_around():
    small, large = image_of([0.0, 4.0]), image_of([20.0, 24.0], (480, 480))[200:280, 200:280]
    assert small == pytest.approx(large, abs=2e-4)
    assert small[:, -20:].max() < 2e-3


def test_columns_outside_the_field_shine_into_it():
    assert image_of([[-0.3, 4.0], [4.0, 4.0]])[40, 0] > 0.3


def test_a_coarse_image_is_the_fine_one_sampled():
    fine, coarse = image_of([3.33, 4.56], (81, 81), 0.1), image_of([3.33, 4.56], (21, 21), 0.4)
    assert coarse == pytest.approx(fine[::4, ::4], abs=1e-4)


def test_an_empty_field_is_dark():
    assert not image_of(np.empty((0, 2))).any()


def test_the_sum_of_an_image_is_the_strength_that_falls_into_it():
    """Each column adds its strength, spread by a probe that integrates to 1."""
    image = linear_image(np.array([[25.0, 25.0]]), np.array([3.0]), np.array([0.6]), PROBE, (500, 500), 0.1)
    assert image.sum() * 0.1**2 == pytest.approx(3.0, rel=0.01)


def test_an_aberrated_image_is_moved_by_coma_and_widened_by_defocus():
    sharp, blurred = image_of([4.0, 4.0]), image_of([4.0, 4.0], probe=Probe(200e3, 24, 0.9, defocus=100.0))
    assert blurred.max() / blurred.sum() < 0.6 * sharp.max() / sharp.sum()
    comatic = image_of([4.0, 4.0], probe=Probe(200e3, 24, 0.9, coma=3000.0))
    x = np.arange(80) * 0.1
    centre = [(comatic.sum(axis=axis) * x).sum() / comatic.sum() for axis in (0, 1)]
    assert abs(centre[0] - 4.0) > 0.1
    assert centre[1] == pytest.approx(4.0, abs=0.05)


def test_elements_scatter_by_their_atomic_number_and_factor():
    strengths = scattering_strengths(np.array([8, 38]), 1.7, {"O": 2.0})
    assert strengths == pytest.approx([2 * 8**1.7, 38**1.7])


def test_a_bright_field_image_is_the_dark_field_one_upside_down():
    dark = np.array([[0.0, 0.5], [1.0, 0.2]])
    bright = bright_field(dark, 0.6)
    assert bright == pytest.approx(1 - 0.6 * dark)
    assert bright_field(3 * dark, 0.6).min() == pytest.approx(0.4)


def test_a_microscope_without_a_corrector_resolves_columns_near_scherzer_focus():
    """200 keV, C3 1.2 mm, 10 mrad: its best focus is near the Scherzer defocus, 1.22 sqrt(C3 lambda) = 670 A."""
    focused, unfocused = (
        image_of([4.0, 4.0], probe=Probe(200e3, 10, 0.5, defocus=defocus, c3=1.2e7)) for defocus in (550.0, 0.0)
    )
    assert focused.max() / focused.sum() > unfocused.max() / unfocused.sum()
    assert Probe(200e3, 10, c3=1.2e7, defocus=550.0).fwhm < 1.6
