import numpy as np
import pytest
from stembench.noise.physical import row_jitter, shot_noise


def test_shot_noise_is_poissonian_at_the_dose():
    rng = np.random.default_rng(0)
    counts = shot_noise(np.full((400, 400), 0.05), dose=1000.0, pixel_size=0.2, rng=rng)
    assert counts.mean() == pytest.approx(1000 * 0.04 * 0.05, rel=0.02)
    assert counts.var() == pytest.approx(counts.mean(), rel=0.02)


def test_jitter_moves_whole_rows_by_its_amplitude():
    rng = np.random.default_rng(0)
    ramp = np.tile(np.arange(256.0), (4000, 1))
    shifts = (ramp - row_jitter(ramp, jitter=1.5, rows_per_period=37.0, rng=rng))[:, 100:150]
    assert shifts.std(axis=1).max() < 1e-6
    assert shifts[:, 0].std() == pytest.approx(1.5 / np.sqrt(2), rel=0.05)


def test_no_jitter_changes_nothing():
    image = np.random.default_rng(1).random((32, 32))
    assert row_jitter(image, 0.0, 20.0, np.random.default_rng(0)) == pytest.approx(image, abs=1e-9)
