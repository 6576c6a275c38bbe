import numpy as np
import pytest
from stembench.baselines.filters.low_pass import low_pass
from stembench.baselines.filters.non_local_means import non_local_means

PIXEL_SIZE = 0.1


def wave(frequency):
    """A wave along x of a frequency [1/A], whole periods in 128 px of 0.1 A."""
    return np.tile(np.sin(2 * np.pi * frequency * PIXEL_SIZE * np.arange(128)), (128, 1))


@pytest.mark.parametrize("periods", [2, 8, 16, 32])
def test_a_low_pass_attenuates_as_butterworths_formula_says(periods):
    frequency, cut_off = periods / 12.8, 1.25
    passed = low_pass(wave(frequency), PIXEL_SIZE, cut_off)
    gain = 1 / (1 + (frequency / cut_off) ** 4)  # second order, applied to amplitudes as scikit-image does: squared
    assert passed == pytest.approx(gain * wave(frequency), abs=0.02)


def test_a_cut_off_beyond_nyquists_frequency_is_legal():
    assert np.isfinite(low_pass(wave(1.25), 0.5, 2.2)).all()


def test_non_local_means_find_what_repeats_under_noise():
    rng = np.random.default_rng(0)
    clean = 0.5 + 0.25 * (wave(0.625) + wave(0.625).T)
    noisy = clean + rng.normal(0, 0.1, clean.shape)
    filtered = non_local_means(noisy, PIXEL_SIZE, 0.1)
    assert np.std(filtered - clean) < 0.5 * np.std(noisy - clean)
