import numpy as np
import pytest
from stembench.noise.calibrated import NoiseParameters, calibrated_noise
from stembench.noise.fitting import fit_parameters
from stembench.noise.lattice import lattice_estimate
from stembench.noise.physical import shifted_rows
from stembench.noise.registration import UNFILTERED, Registration, RowDisplacements, Whitening, row_jitter_sd

pytestmark = pytest.mark.slow


def measured(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return row_jitter_sd(image, lattice_estimate(image), np.random.default_rng(0))


@pytest.mark.parametrize("jitter", [0.5, 1.0])
def test_known_row_jitter_is_recovered(lattice_of, jitter):
    rng = np.random.default_rng(3)
    lattice = lattice_of("SrTiO3", "001", 384, 0.1)
    shifts = jitter * rng.standard_normal((len(lattice), 2))
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


def test_synthetic_images_have_the_row_jitter_of_the_image_that_they_are_calibrated_on(lattice_of):
    lattice = 30 + 195 * lattice_of("Si", "110", 384, 0.0944)
    known = NoiseParameters(0.15, 1.0, 0.03, 10.0, 0.13, 18.0, 0.1, 1.1, 0.8)
    real = calibrated_noise(lattice, known, np.random.default_rng(1))
    fitted = fit_parameters(real, np.random.default_rng(0)).parameters
    synthetic = calibrated_noise(lattice_estimate(real), fitted, np.random.default_rng(2))
    assert measured(synthetic)[0] == pytest.approx(measured(real)[0], rel=0.2)


def test_whitened_rows_tell_displacements_from_streaks_more_exactly(lattice_of):
    """Displacements of rows that lie still, in noise of which streaks are the greater part."""
    lattice = 90 + 90 * lattice_of("SrTiO3", "001", 384, 0.1)
    noisy = calibrated_noise(lattice, NoiseParameters(0, 26.0, 0, 12.0, 0.1), np.random.default_rng(0))

    def spread(whitening: Whitening) -> float:
        registration = Registration.on(lattice, whitening)
        rows = RowDisplacements.of(registration.normal, registration.of(noisy)[0])
        return np.abs(rows.variances(np.eye(48))).mean()

    whitening = Whitening.of(noisy, lattice)
    assert spread(whitening) < 0.6 * spread(UNFILTERED)
    rest = whitening.segments(noisy - lattice).reshape(384, -1)
    assert np.corrcoef(rest[:, :-1].ravel(), rest[:, 1:].ravel())[0, 1] == pytest.approx(0, abs=0.05)
