import numpy as np
import pytest
from stembench.imaging.detectors import collected, detector_name, mode_of
from stembench.imaging.scattering import total_cross_section, wentzel


@pytest.mark.parametrize(
    ("inner", "outer", "mode"),
    [
        (80, 200, "HAADF"),
        (98, 196, "HAADF"),
        (30, 60, "ADF"),
        (24, 48, "ADF"),
        (12, 24, "ABF"),
        (0, 12, "BF"),
        (0, 24, "BF"),
    ],
)
def test_the_angles_decide_the_mode(inner, outer, mode):
    assert mode_of(inner, outer, 24.0) == mode


@pytest.mark.parametrize(("inner", "outer", "part"), [(50, 40, "order|smaller"), (-1, 5, "0 up")])
def test_what_is_no_detector_is_refused_with_a_remedy(inner, outer, part):
    with pytest.raises(ValueError, match=part):
        mode_of(inner, outer, 24.0)


@pytest.mark.parametrize(
    ("inner", "outer", "semiangle", "mode"),
    [(12, 24, 22, "ABF"), (27, 110, 32, "ADF"), (20, 80, 24, "ADF"), (0, 40, 24, "BF"), (5, 26, 24, "ABF")],
)
def test_a_detector_on_both_sides_of_the_disc_has_the_mode_of_what_scattering_does(inner, outer, semiangle, mode):
    for energy in (60e3, 200e3, 300e3):
        assert mode_of(inner, outer, semiangle, energy) == mode


def test_what_a_detector_takes_of_a_scattered_beam_is_what_lies_on_it():
    """Against counting rays of a disc that scattering has moved."""
    rays = np.random.default_rng(0).uniform(-22, 22, (400_000, 2))
    rays = rays[np.hypot(*rays.T) < 22]
    angles = np.array([0.0, 5.0, 20.0, 33.0, 60.0])
    counted = [np.mean((12 < (r := np.hypot(rays[:, 0] + angle, rays[:, 1]))) & (r < 40)) for angle in angles]
    assert collected(angles, 12.0, 40.0, 22.0) == pytest.approx(counted, abs=4e-3)


def test_a_detector_is_named_by_its_angles():
    assert detector_name(27.0, 110.0) == "27-110 mrad"
    assert detector_name(5.25, 10.5) == "5.25-10.5 mrad"


def test_the_total_cross_section_is_the_integral_of_the_differential_one():
    angle = np.geomspace(1e-3, 1e5, 20_000)
    for number in (6, 79):
        integral = 2e-6 * np.pi * np.trapezoid(wentzel(angle, number, 200e3) * angle, angle)
        assert total_cross_section(number, 200e3) == pytest.approx(integral, rel=1e-3)


def test_wentzel_meets_rutherford_at_large_angles():
    """(2 Z e^2 m / (h^2 q^2 / pi^2 ...))^2 written with the Bohr radius: (gamma Z lambda^2 / (2 pi^2 a theta^2))^2."""
    gamma, wavelength, angle = 1 + 200 / 511, 0.02508, 1.0
    rutherford = (gamma * 29 * wavelength**2 / (2 * np.pi**2 * 0.529177 * angle**2)) ** 2
    assert wentzel(1e3 * angle, 29, 200e3) == pytest.approx(rutherford, rel=5e-3)
