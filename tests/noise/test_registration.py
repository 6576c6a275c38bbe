import numpy as np
import pytest
from stembench.noise.calibrated import NoiseParameters, calibrated_noise
from stembench.noise.lattice import lattice_estimate
from stembench.noise.physical import jitter_shifts, shifted_rows
from stembench.noise.registration import row_jitter_sd


def measured(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return row_jitter_sd(image, lattice_estimate(image), np.random.default_rng(0))


@pytest.mark.parametrize("amplitude", [0.8, 2.0])
def test_known_row_jitter_is_recovered(lattice_of, amplitude):
    rng = np.random.default_rng(3)
    lattice = lattice_of("SrTiO3", "001", 384, 0.1)
    shifts = jitter_shifts(len(lattice), amplitude, 60.0, (0.0, 1.0), rng)
    sds, errors = measured(rng.poisson(10 + 40 * np.maximum(shifted_rows(lattice, shifts), 0)).astype(float))
    assert sds == pytest.approx(shifts.std(0), rel=0.15)
    assert np.all(errors < 0.15 * sds)


def test_an_image_without_row_jitter_shows_next_to_none(silicon):
    sds, _ = measured(np.random.default_rng(0).poisson(2 + 10 * silicon).astype(float))
    assert np.all(sds < 0.2)


def test_scan_noise_is_not_taken_for_row_jitter(silicon):
    noisy = calibrated_noise(30 + 195 * silicon, NoiseParameters(0.1, 4.4, 0, 8, 0.1), np.random.default_rng(0))
    sds, _ = measured(noisy)
    assert np.all(sds < 0.25)
