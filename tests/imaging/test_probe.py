import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import j0, j1, jn_zeros
from stembench.imaging.probe import Probe, electron_wavelength, focal_spread

energies, semiangles = st.floats(60e3, 300e3), st.floats(10, 35)


def profile(probe: Probe, radius: float) -> float:
    """Probe intensity at a radius, by the Hankel transform of its transfer function."""
    k = np.linspace(0, probe.cutoff, 4001)
    return np.trapezoid(2 * np.pi * k * probe.transfer(k, np.zeros_like(k)).real * j0(2 * np.pi * k * radius), k)


@pytest.mark.parametrize(("energy", "picometre"), [(60e3, 4.866), (100e3, 3.701), (200e3, 2.508), (300e3, 1.969)])
def test_wavelength_is_the_tabulated_one(energy, picometre):
    assert 100 * electron_wavelength(energy) == pytest.approx(picometre, abs=2e-3)


@settings(max_examples=10, deadline=None)
@given(energies, semiangles)
def test_ideal_probe_has_the_airy_width_and_first_zero(energy, semiangle):
    probe = Probe(energy, semiangle)
    unit = probe.wavelength / (1e-3 * semiangle)
    half = brentq(lambda r: profile(probe, r) / profile(probe, 0) - 0.5, 0.1 * unit, 0.5 * unit)
    assert 2 * half == pytest.approx(0.514 * unit, rel=2e-3)
    assert probe.fwhm == pytest.approx(0.514 * unit, rel=2e-3)
    assert profile(probe, 0.61 * unit) / profile(probe, 0) == pytest.approx(0, abs=1e-4)
    at = 2 * np.pi * 0.4 * unit * 1e-3 * semiangle / probe.wavelength
    assert profile(probe, 0.4 * unit) / profile(probe, 0) == pytest.approx((2 * j1(at) / at) ** 2, abs=1e-4)
    assert 2 * np.pi * 0.61 == pytest.approx(jn_zeros(1, 1)[0], rel=1e-3)


@settings(max_examples=8, deadline=None)
@given(energies, semiangles, st.floats(-100, 100), st.floats(-1e4, 1e4), st.floats(0, 50))
def test_aberrations_conserve_the_electrons_and_lower_the_peak(energy, semiangle, defocus, c3, astigmatism):
    ideal = Probe(energy, semiangle)
    aberrated = Probe(energy, semiangle, defocus=defocus, c3=c3, astigmatism=astigmatism + 1e-6)
    zero = np.zeros(1)
    assert aberrated.transfer(zero, zero) == pytest.approx(1, abs=1e-3)
    k = np.linspace(-ideal.cutoff, ideal.cutoff, 101)
    grid = np.meshgrid(k, k)
    assert aberrated.transfer(*grid).real.sum() <= ideal.transfer(*grid).sum() * 1.01


def test_numerical_transfer_meets_the_analytic_one():
    k = np.linspace(0, 2, 101)
    analytic = Probe(200e3, 24).transfer(k, 0 * k)
    numerical = Probe(200e3, 24, defocus=1e-9).transfer(k, 0 * k)
    assert numerical == pytest.approx(analytic, abs=1e-3)


@pytest.mark.parametrize(
    "aberrations",
    [
        {"defocus": 80.0, "c3": 2.57e5},
        {"defocus": -50.0, "c5": 5e7},
        {"astigmatism": 40.0, "astigmatism_angle": 0.5},
        {"coma": 1500.0, "coma_angle": -0.7},
        {"threefold": 1500.0, "threefold_angle": 0.4},
        {"star": 4e4, "star_angle": -0.9},
        {"coma": 600.0, "threefold": 700.0, "threefold_angle": 1.1, "star": 2e4, "star_angle": 0.5},
    ],
)
def test_transfer_is_that_of_abtem(aberrations):
    """abTEM computes the probe on a grid of its own; its intensity has the Fourier transform we use."""
    from abtem import Probe as AbtemProbe

    ours = Probe(200e3, 20, **aberrations)
    theirs = {
        "C10": -ours.defocus,
        "C30": ours.c3,
        "C50": ours.c5,
        "C12": ours.astigmatism,
        "phi12": ours.astigmatism_angle,
        "C21": ours.coma,
        "phi21": ours.coma_angle,
        "C23": ours.threefold,
        "phi23": ours.threefold_angle,
        "C32": ours.star,
        "phi32": ours.star_angle,
    }
    probe = AbtemProbe(energy=200e3, semiangle_cutoff=20, extent=40, gpts=512, aberrations=theirs)
    intensity = np.abs(probe.build(lazy=False).array) ** 2
    expected = np.fft.fft2(np.fft.ifftshift(intensity))
    expected /= expected[0, 0]
    k = np.fft.fftfreq(512, 40 / 512)
    near = np.abs(k) < 1.05 * ours.cutoff
    kx, ky = np.meshgrid(k[near], k[near], indexing="ij")  # abTEM's first axis is x
    assert np.abs(ours.transfer(kx, ky) - expected[np.ix_(near, near)]).max() < 0.01


def test_the_phase_is_that_of_abtem():
    from abtem.transfer import Aberrations

    known = {"C10": -30.0, "C12": 20.0, "phi12": 0.2, "C21": 500.0, "phi21": 1.0, "C23": 900.0, "phi23": -0.6}
    theirs = Aberrations(energy=200e3, **known, C30=1e4, C32=3e4, phi32=0.8)
    ours = Probe(
        200e3, 24, 0.0, 30.0, 1e4, 0.0, 20.0, 0.2, 500.0, 1.0,
        threefold=900.0, threefold_angle=-0.6, star=3e4, star_angle=0.8,
    )  # fmt: skip
    angle, azimuth = np.meshgrid(np.linspace(0.001, 0.024, 12), np.linspace(-np.pi, np.pi, 25))
    expected = theirs._evaluate_from_angular_grid(angle, azimuth)
    assert np.exp(-1j * ours.aberration_phase(angle, azimuth)) == pytest.approx(expected, abs=1e-3)


def test_a_source_with_a_tail_is_two_gaussians():
    k = np.linspace(0, 1.5, 20)
    sharp, broad = (Probe(200e3, 24, fwhm).transfer(k, 0 * k) for fwhm in (0.7, 2.5))
    both = Probe(200e3, 24, 0.7, source_tail=0.3, source_tail_size=2.5)
    assert both.transfer(k, 0 * k) == pytest.approx(0.7 * sharp + 0.3 * broad)
    assert both.unstable(0.5).transfer(k, 0 * k) == pytest.approx(
        both.transfer(k, 0 * k) * np.exp(-2 * (np.pi * 0.5) ** 2 / (8 * np.log(2)) * k**2)
    )


def test_the_source_and_aberrations_widen_the_probe():
    ideal = Probe(200e3, 24).fwhm
    assert Probe(200e3, 24, 0.9).fwhm == pytest.approx(np.hypot(ideal, 0.9), rel=0.05)
    assert Probe(200e3, 24, defocus=200.0).fwhm > 3 * ideal
    assert Probe(200e3, 24, defocus=1e-6).fwhm == pytest.approx(ideal, rel=5e-3)


def test_published_column_radius():
    assert Probe(200e3, 24, 0.9).column_radius == pytest.approx(0.520, abs=1e-3)


ABERRATED = Probe(
    200e3, 22, 0.7, defocus=60.0, c3=2e5, astigmatism=25.0, astigmatism_angle=0.3, coma=1200.0, coma_angle=1.1
)
LEFT_OVER = Probe(
    200e3, 24, 0.7, coma=500.0, threefold=900.0, threefold_angle=0.4, star=2e4, source_tail=0.2, source_tail_size=2.0
)


@pytest.mark.parametrize("probe", [Probe(200e3, 24, 0.9), Probe(100e3, 30, defocus=-70.0), ABERRATED, LEFT_OVER])
@pytest.mark.parametrize("box", [(20.0, 26.0), (61.0, 48.5)])
def test_the_transfer_in_a_box_is_that_at_its_frequencies(probe, box):
    upper, lower = probe.transfer_in_box(*box)
    kx, ky = (np.arange(int(probe.cutoff * length) + 1) / length for length in box)
    assert upper.shape == lower.shape == (len(ky), len(kx))
    assert abs(upper - probe.transfer(kx, ky[:, None])).max() < 2e-3
    assert abs(lower - probe.transfer(kx, -ky[:, None])).max() < 2e-3


def test_a_focal_spread_is_that_of_cc_and_the_energy():
    """Cc 1.2 mm, 0.7 eV FWHM: 1.2e7 x 0.297 / 80e3 = 44.6 A at 80 keV, times 1.157 / 1.078."""
    assert focal_spread(1.2e7, 0.7, 80e3) == pytest.approx(44.6 * 1.1566 / 1.0783, rel=2e-3)


def test_chromatic_aberration_is_a_mean_over_defoci():
    """Against a fine sum over a Gaussian of defoci; and it lowers the peak without widening its foot much."""
    spread = 40.0
    steps = np.linspace(-4, 4, 33)
    weights = np.exp(-(steps**2) / 2) / np.exp(-(steps**2) / 2).sum()
    k = np.linspace(0, 1.9, 20)
    parts = [Probe(80e3, 25, defocus=30.0 + spread * step).transfer(k, 0.3 + 0 * k) for step in steps]
    blurred = Probe(80e3, 25, defocus=30.0, focal_spread=spread).transfer(k, 0.3 + 0 * k)
    assert blurred == pytest.approx(weights @ np.array(parts), abs=5e-3)
