import numpy as np
import pytest
from stembench.noise.lattice import lattice_estimate
from stembench.noise.photon_transfer import photon_transfer


@pytest.fixture(scope="module")
def electrons(lattice_of) -> np.ndarray:
    """Expected at each pixel of SrTiO3 [001]."""
    return 8 + 30 * lattice_of("SrTiO3", "001", 384, 0.1)


def measured(image: np.ndarray):
    return photon_transfer(image, lattice_estimate(image), np.random.default_rng(0))


def test_gain_dark_level_and_counts_of_shot_noise_are_recovered(electrons):
    found = measured(100 + 7.0 * np.random.default_rng(1).poisson(electrons))
    assert found.gain == pytest.approx(7, rel=0.1)
    assert abs(found.gain - 7) < 3 * found.standard_errors["gain"]
    assert abs(found.dark_level - 100) < 3 * found.standard_errors["dark_level"]
    assert found.counts_per_px == pytest.approx(electrons.mean(), rel=0.15)
    assert found.reasons() == []


def test_the_dose_that_was_counted_follows_from_the_pixel_size(electrons):
    stated = measured(np.random.default_rng(1).poisson(electrons).astype(float)).to_dict(0.1)
    assert stated["line_holds"]
    assert stated["counted_e_per_A2"]["estimate"] == pytest.approx(stated["counts_per_px"]["estimate"] / 0.01)


def test_noise_that_does_not_grow_with_the_signal_has_no_gain(electrons):
    stated = measured(electrons + np.random.default_rng(1).normal(0, 5, electrons.shape)).to_dict(None)
    assert not stated["line_holds"]
    assert "does not rise" in stated["reasons"][0]


def test_noise_whose_variance_makes_a_step_gives_no_line(electrons):
    noise = np.random.default_rng(1).normal(0, np.where(electrons > 20, 6, 3))
    assert "deviates from a line" in measured(electrons + noise).reasons()[0]
