import numpy as np
import pytest
from stembench.crystals.field import columns_in_field
from stembench.errors import InputError
from stembench.imaging.linear import linear_image
from stembench.imaging.probe import Probe
from stembench.noise.calibrated import NoiseParameters, calibrated_noise, noisy_at_full_range, tukey_sd
from stembench.noise.calibration import calibrate, fit_parameters
from stembench.noise.decomposition import raw_statistics


@pytest.fixture(scope="module")
def silicon(projection_of) -> np.ndarray:
    """A noise-free Si [110] lattice on the grey scale, 512 x 512 at 9.44 pm/px."""
    pixel_size = 0.0944
    positions, _, _ = columns_in_field(projection_of("Si", "110"), (48.4, 48.4), 0.1, np.zeros(2), 6.0)
    ones = np.ones(len(positions))
    image = linear_image(positions, ones, 0.5 * ones, Probe(200e3, 24, 0.9), (512, 512), pixel_size)
    return 30 + 195 * (image - image.min()) / np.ptp(image)


def test_the_decomposition_mistakes_signal_for_noise(silicon):
    assert 0.03 < raw_statistics(silicon).scan.slope < 0.12


def test_a_clean_lattice_fits_no_noise(silicon):
    fitted = fit_parameters(silicon, np.random.default_rng(0))
    assert abs(fitted.scan_intercept) < 0.5
    assert abs(fitted.scan_slope) < 0.02
    assert abs(fitted.pointwise_intercept + 128 * fitted.pointwise_slope) < 1


def test_known_parameters_are_recovered(silicon):
    known = NoiseParameters(0.15, 4.0, 0.03, 9.0, 0.13)
    noisy = calibrated_noise(silicon, known, np.random.default_rng(5))
    fitted = fit_parameters(noisy, np.random.default_rng(0))
    assert fitted.scan_slope == pytest.approx(known.scan_slope, rel=0.1)
    assert fitted.scan_intercept == pytest.approx(known.scan_intercept, rel=0.1)
    assert fitted.pointwise_slope == pytest.approx(known.pointwise_slope, rel=0.1)
    assert fitted.pointwise_intercept == pytest.approx(known.pointwise_intercept, rel=0.1)
    assert fitted.tukey_lambda == pytest.approx(known.tukey_lambda, abs=0.05)


@pytest.mark.parametrize(("shape", "sd"), [(0.0, 1.81), (0.04, 1.70), (0.14, 1.45), (0.38, 1.06)])
def test_tukey_standard_deviations(shape, sd):
    assert tukey_sd(shape) == pytest.approx(sd, abs=0.01)


def test_scan_noise_is_smooth_along_rows_alone():
    flat = np.full((256, 256), 128.0)
    noise = calibrated_noise(flat, NoiseParameters(0, 8, 0, 0.0, 0.1), np.random.default_rng(0)) - flat
    along = np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]
    across = np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]
    assert along > 0.95
    assert abs(across) < 0.05


def test_small_images_are_refused():
    with pytest.raises(InputError, match=r"lab\.images\.mine.* too few"):
        calibrate({"mine": np.zeros((200, 400))})


def test_an_image_of_one_grey_level_is_refused():
    with pytest.raises(InputError, match="one grey level"):
        calibrate({"mine": np.ones((300, 400))})


def test_calibration_states_its_uncertainty_and_residual(silicon):
    noisy = calibrated_noise(silicon, NoiseParameters(0.1, 5.0, 0.03, 9.0, 0.13), np.random.default_rng(1))
    stored = calibrate({"mine": noisy})
    assert 0 < stored["fitted"]["pointwise_intercept"]["standard_error"] < 1
    shown, wanted = stored["synthetic_raw"]["mine"], stored["raw"]["mine"]
    assert shown["raw_pointwise_intercept"] == pytest.approx(wanted["raw_pointwise_intercept"], rel=0.1)


def test_noisy_images_fill_the_grey_scale():
    clean = np.random.default_rng(0).random((128, 128))
    noisy = noisy_at_full_range(clean, NoiseParameters(0.1, 4.4, 0.15, 8.0, 0.1), np.random.default_rng(0))
    assert np.percentile(noisy, [0.1, 99.9]) == pytest.approx([0, 255], abs=4)
    with pytest.raises(InputError, match="no room"):
        noisy_at_full_range(clean, NoiseParameters(0, 0, 0, 200.0, 0.1), np.random.default_rng(0))
