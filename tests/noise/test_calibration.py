import json
import logging

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from stembench.errors import InputError
from stembench.noise.calibrated import (
    PUBLISHED,
    NoiseParameters,
    calibrated_noise,
    noisy_at_full_range,
    tukey_sd,
    tukey_variates,
    unit_streaks,
)
from stembench.noise.calibration import (
    calibrate,
    calibrated_part,
    drawn_parameters,
    parameters_of,
    pixel_size_range,
)
from stembench.noise.decomposition import STANDARD_BINS, raw_statistics, to_grey, tukey_shape
from stembench.noise.fitting import fit_parameters
from stembench.noise.lattice import lattice_estimate
from stembench.noise.physical import afterglow, shifted_rows
from stembench.reporting.calibration_figure import plot_calibration

pytestmark = pytest.mark.slow

KNOWN = NoiseParameters(0.1, 4.4, 0.05, 8.0, 0.13)
STRONG = NoiseParameters(0.17, 1.0, 0.3, 15.0, 0.115)  # twice that of a monolayer


def grey(lattice: np.ndarray) -> np.ndarray:
    return 30 + 195 * lattice


def test_the_decomposition_mistakes_signal_for_noise(silicon):
    assert 0.03 < raw_statistics(grey(silicon)).scan.slope < 0.12


def test_a_clean_lattice_fits_no_noise(silicon):
    fitted = fit_parameters(grey(silicon), np.random.default_rng(0)).parameters
    assert fitted.scan_sd(np.array([0, 40, 78])) == pytest.approx(0, abs=0.3)
    assert fitted.pointwise_sd(np.array([0, 128, 255])) == pytest.approx(0, abs=0.3)


def test_known_parameters_are_recovered_within_a_tenth(lattice_of):
    lattice = lattice_of("SrTiO3", "001", 512, 0.08)
    noisy = calibrated_noise(grey(lattice), KNOWN, np.random.default_rng(5))
    fitted = fit_parameters(noisy, np.random.default_rng(0)).parameters
    told = ("scan_slope", "scan_intercept", "pointwise_slope", "pointwise_intercept", "tukey_lambda", "streak_px")
    assert [getattr(fitted, name) for name in told] == pytest.approx([getattr(KNOWN, name) for name in told], rel=0.1)
    assert fitted.pixel_correlation == pytest.approx(0, abs=0.03)
    assert max(fitted.jitter_x_px, fitted.jitter_y_px) < 0.1


@pytest.mark.parametrize(
    ("material", "zone", "pixel_size", "jitter", "streak", "correlation", "level"),
    [
        ("SrTiO3", "001", 0.08, 0.9, 5.0, 0.0, 12.0),
        ("SrTiO3", "001", 0.08, 1.2, 20.0, 0.3, 6.0),
        ("Si", "110", 0.0944, 0.5, 10.0, 0.15, 12.0),
        ("MoS2", "001", 0.127, 0.9, 20.0, 0.15, 6.0),
    ],
)
def test_row_jitter_streaks_and_pixel_correlation_are_recovered(
    lattice_of, material, zone, pixel_size, jitter, streak, correlation, level
):
    """And what is fitted returns from an image that is made with it: the round trip."""
    lattice = grey(lattice_of(material, zone, 384, pixel_size))
    known = NoiseParameters(0.12, 2.0, 0.04, level, 0.13, streak, correlation, jitter, 0.8 * jitter)
    noisy = calibrated_noise(lattice, known, np.random.default_rng(1))
    fitted = fit_parameters(noisy, np.random.default_rng(0)).parameters
    assert fitted.jitter_x_px == pytest.approx(known.jitter_x_px, rel=0.15)
    assert fitted.jitter_y_px == pytest.approx(known.jitter_y_px, rel=0.15)
    assert fitted.streak_px == pytest.approx(streak, rel=0.25)
    assert fitted.pixel_correlation == pytest.approx(correlation, abs=0.06)


def test_row_jitter_of_counted_electrons_is_recovered(lattice_of):
    """Jitter of an image that the physical models made."""
    lattice, rng = lattice_of("SrTiO3", "001", 384, 0.1), np.random.default_rng(3)
    shifts = 0.8 * rng.standard_normal((384, 2))
    counts = rng.poisson(10 + 40 * np.maximum(shifted_rows(lattice, shifts), 0)).astype(float)
    fit = fit_parameters(to_grey(counts), np.random.default_rng(0))
    found = fit.parameters.jitter_x_px, fit.parameters.jitter_y_px
    assert found == pytest.approx(shifts.std(0), rel=0.15)
    assert fit.standard_errors["jitter_x_px"] < 0.15 * found[0]


def test_neither_counted_electrons_nor_scan_noise_are_taken_for_row_jitter(silicon):
    rng = np.random.default_rng(0)
    counted = to_grey(rng.poisson(2 + 10 * silicon).astype(float))
    for noisy in (counted, calibrated_noise(grey(silicon), NoiseParameters(0.1, 4.4, 0, 8, 0.1), rng)):
        fitted = fit_parameters(noisy, rng).parameters
        assert max(fitted.jitter_x_px, fitted.jitter_y_px) < 0.25


def test_the_shape_of_strong_noise_is_recovered(silicon):
    noisy = calibrated_noise(grey(silicon), STRONG, np.random.default_rng(5))
    fitted = fit_parameters(noisy, np.random.default_rng(0)).parameters
    assert fitted.tukey_lambda == pytest.approx(STRONG.tukey_lambda, abs=0.03)
    assert fitted.pointwise_sd(128) == pytest.approx(STRONG.pointwise_sd(128), rel=0.05)


def test_errors_of_repeated_calibrations_are_as_large_as_stated(silicon):
    errors = []
    for trial in range(5):
        noisy = calibrated_noise(grey(silicon)[:160, :160], KNOWN, np.random.default_rng((1, trial)))
        fit = fit_parameters(noisy, np.random.default_rng(trial))
        found, apart = fit.parameters.to_dict(), {"jitter_x_px", "jitter_y_px"}  # zero, where a fit ends
        told = {name: true for name, true in KNOWN.to_dict().items() if name not in apart}
        errors.append([(found[name] - true) / fit.standard_errors[name] for name, true in told.items()])
    assert 0.6 < np.sqrt(np.mean(np.square(errors))) < 1.5


def test_intervals_hold_95_percent_of_a_t_distribution(silicon):
    noisy = calibrated_noise(grey(silicon)[:128, :128], KNOWN, np.random.default_rng(0))
    fit = fit_parameters(noisy, np.random.default_rng(0))
    low, high = fit.interval("scan_slope")
    standard = fit.standard_errors["scan_slope"]
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, fit.patches - 1) * standard)
    assert (low + high) / 2 == pytest.approx(fit.parameters.scan_slope)


def test_a_lattice_is_told_from_its_noise_where_it_does_not_fit_into_the_image(silicon):
    clean = grey(silicon)
    noisy = calibrated_noise(clean, KNOWN, np.random.default_rng(0))
    left = np.mean((lattice_estimate(noisy) - clean) ** 2) / np.mean((noisy - clean) ** 2)
    assert left < 0.15


def test_broad_reflections_of_a_small_particle_stay_in_its_lattice(silicon):
    y, x = np.indices(silicon.shape) - 128
    particle = 30 + 195 * silicon * np.clip((50 - np.hypot(y, x)) / 10, 0, 1)
    noisy = calibrated_noise(particle, KNOWN, np.random.default_rng(0))
    left = np.mean((lattice_estimate(noisy) - particle) ** 2) / np.mean((noisy - particle) ** 2)
    assert left < 0.15


@pytest.fixture(scope="module")
def two_images(silicon) -> dict[str, xr.DataArray]:
    """Of one instrument that is not quite the same each day; one with, one without a calibrated scale."""
    rng = np.random.default_rng(2)
    levels = {"monday": KNOWN, "friday": NoiseParameters(0.1, 4.4, 0.05, 10.0, 0.13)}
    noisy = {
        name: noisy_at_full_range(silicon[:128, :144], silicon[:128, :144], each, rng)[0]
        for name, each in levels.items()
    }
    attributes = {"monday": {"pixel_size_A": 0.0944, "mode": "HAADF"}, "friday": {"pixel_size_A": 0.0944}}
    return {name: xr.DataArray(each, dims=("y", "x"), attrs=attributes[name]) for name, each in noisy.items()}


@pytest.fixture(scope="module")
def calibration(two_images) -> dict:
    return calibrate(two_images, seed=1)


def test_images_of_128_px_calibrate(calibration):
    fitted = calibration["image_fits"]["monday"]["pointwise_intercept"]
    error = fitted["estimate"] - KNOWN.pointwise_intercept
    assert abs(error) < stats.t.ppf(0.999, 15) * fitted["standard_error"]  # of 16 bands of rows
    assert fitted["standard_error"] < 0.05 * KNOWN.pointwise_intercept


def test_images_are_pooled_to_mean_and_spread(calibration):
    fits = [each["pointwise_intercept"] for each in calibration["image_fits"].values()]
    estimates = [each["estimate"] for each in fits]
    pooled = calibration["fitted"]["pointwise_intercept"]
    assert pooled["mean"] == pytest.approx(np.mean(estimates))
    assert pooled["spread"] == pytest.approx(np.std(estimates, ddof=1))
    assert pooled["standard_error"] >= np.sqrt(np.mean([each["standard_error"] ** 2 for each in fits]) / 2) * 0.999
    assert pooled["low"] < pooled["mean"] < pooled["high"]


def test_a_calibration_is_plain_numbers_and_repeats(calibration, two_images):
    assert json.loads(json.dumps(calibration, allow_nan=False)) == calibration
    monday = calibrate({"monday": two_images["monday"]}, seed=1)
    assert monday["image_fits"]["monday"] == calibration["image_fits"]["monday"]


def test_synthetic_images_show_the_raw_statistics_of_the_real_one(calibration):
    real, synthetic = calibration["raw"]["monday"], calibration["synthetic_raw"]["monday"]
    assert synthetic["raw_pointwise_intercept"] == pytest.approx(real["raw_pointwise_intercept"], rel=0.1)
    assert synthetic["raw_scan_intercept"] == pytest.approx(real["raw_scan_intercept"], rel=0.25)


def test_a_calibration_is_drawn_from(calibration, two_images, tmp_path):
    plot_calibration(two_images, calibration, str(tmp_path / "calibration.png"))
    assert (tmp_path / "calibration.png").stat().st_size > 50_000


def test_drawn_parameters_vary_like_the_images(calibration):
    pooled = calibration["fitted"]["pointwise_intercept"]
    fits = [each["pointwise_intercept"] for each in calibration["image_fits"].values()]
    rng = np.random.default_rng(0)
    drawn = [drawn_parameters(calibration, rng)[0].pointwise_intercept for _ in range(2000)]
    assert np.mean(drawn) == pytest.approx(pooled["mean"], rel=0.05)
    within = np.mean([each["standard_error"] ** 2 for each in fits])
    assert np.var(drawn) == pytest.approx(within + np.var([each["estimate"] for each in fits]), rel=0.1)
    assert parameters_of(calibration).pointwise_intercept == pooled["mean"]


def test_synthetic_images_of_8_bit_instruments_keep_their_scale(silicon):
    """Noise over contrast is the real image's, though its grey levels do not fill the scale."""
    signal, rng = grey(silicon[:128, :160]), np.random.default_rng(3)
    noise = NoiseParameters(0.1, 1.3, 0.05, 2.4, 0.13)
    faint = np.round(90 + calibrated_noise(0.3 * signal, noise, rng)).clip(0, 255).astype(np.uint8)
    calibrated = calibrate({"faint": faint})
    assert calibrated["grey_ends"]["faint"] == pytest.approx(np.percentile(faint, [0.1, 99.9]))
    parameters, ends = drawn_parameters(calibrated, rng)
    clean = (signal - signal.min()) / np.ptp(signal)
    synthetic, _ = noisy_at_full_range(clean, clean, parameters, rng, ends)

    def roughness(image):
        return np.diff(image.astype(float), axis=0).std() / np.ptp(np.percentile(image, [0.1, 99.9]))

    assert roughness(synthetic) == pytest.approx(roughness(faint), rel=0.1)


def test_doubts_are_stored_and_logged(silicon, caplog):
    clipped = np.clip(calibrated_noise(grey(silicon[:128, :128]), KNOWN, np.random.default_rng(0)), 20, 220)
    with caplog.at_level(logging.WARNING, "stembench"):
        flags = calibrate({"mine": clipped})["flags"]["mine"]
    assert any("saturated" in flag for flag in flags)
    assert f"mine: {flags[0]}" in caplog.text


def test_a_refusal_names_the_image():
    with pytest.raises(InputError, match=r"(?s)mine cannot calibrate noise: .* too few.*instrument\.from"):
        calibrate({"mine": np.zeros((120, 400))})


def test_images_that_cannot_calibrate_are_left_out_and_the_others_calibrate_as_if_alone(two_images, caplog):
    monday = two_images["monday"]
    dark = (255 - monday).assign_attrs(monday.attrs | {"mode": "BF"})
    with caplog.at_level(logging.WARNING, "stembench"):
        calibrated = calibrate({"monday": monday, "dark": dark, "small": monday[:100]}, seed=1, mode="ADF")
    assert calibrated["images"] == list(calibrated["image_fits"]) == ["monday"]
    assert calibrated["image_fits"] == calibrate({"monday": monday}, seed=1)["image_fits"]
    assert set(calibrated["left_out"]) == {"dark", "small"}
    assert "dark cannot calibrate noise: it is of BF" in caplog.text
    assert "small cannot calibrate noise: 144 x 100 px are too few" in caplog.text
    with pytest.raises(InputError, match="it is of HAADF, and the noise of ABF is asked for"):
        calibrate({"monday": monday}, mode="ABF")


def test_pixel_sizes_are_those_around_the_images(calibration):
    low, high = pixel_size_range(calibration)
    assert 0.0944 / 1.2 < low < 0.0944 < high < 0.0944 * 1.2
    fine_and_coarse = calibration | {"pixel_sizes_A": {"monday": 0.002, "friday": 2.0}}
    assert 0.03 < pixel_size_range(fine_and_coarse)[0] < pixel_size_range(fine_and_coarse)[1] < 0.4
    with pytest.raises(InputError, match="mine: no pixel size"):
        pixel_size_range({"instrument": "mine", "pixel_sizes_A": {}})


def lab_image(values: np.ndarray, pixel_size: float, *dims: str) -> xr.DataArray:
    return xr.DataArray(values, dims=(*dims, "y", "x"), attrs={"pixel_size_A": pixel_size})


def test_noise_is_calibrated_where_all_was_measured():
    image = np.arange(160.0 * 320).reshape(160, 320)
    image[-10:, 200:] = np.nan  # a scale bar in the corner
    part = calibrated_part(lab_image(image, 0.1))
    assert np.array_equal(part, image[:144])
    image[:, 20] = np.nan
    assert np.array_equal(calibrated_part(lab_image(image, 0.1)), image[:144, 32:])
    assert calibrated_part(lab_image(np.full((160, 160), np.nan), 0.1)).size == 0


def test_noise_is_calibrated_on_the_middle_frame_and_on_pixels_that_show_columns():
    frames = np.random.default_rng(0).normal(size=(3, 160, 160))
    assert np.array_equal(calibrated_part(lab_image(frames, 0.1, "frame")), frames[1])
    part = calibrated_part(lab_image(frames[0], 0.02))
    assert part.attrs["pixel_size_A"] == pytest.approx(0.04)
    assert part.values == pytest.approx(frames[0].reshape(80, 2, 80, 2).mean((1, 3)))
    assert calibrated_part(lab_image(np.zeros((2100, 2060)), 0.04)).shape == (2048, 2048)


@pytest.mark.parametrize(("shape", "sd"), [(0.0, 1.81), (0.04, 1.70), (0.14, 1.45), (0.38, 1.06)])
def test_tukey_standard_deviations(shape, sd):
    assert tukey_sd(shape) == pytest.approx(sd, abs=0.01)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.14, 0.5])
def test_tukey_variates_are_those_of_scipy(shape):
    u = np.linspace(0.001, 0.999, 99)
    expected = stats.tukeylambda.ppf(u, shape) / stats.tukeylambda.std(shape)
    assert tukey_variates(u, shape) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("shape", [-0.1, 0.14, 0.4])
def test_the_tukey_shape_of_a_sample_is_that_of_scipy(shape):
    sample = stats.tukeylambda.rvs(shape, size=20_000, random_state=0) / stats.tukeylambda.std(shape)
    found = tukey_shape(np.histogram(np.clip(sample, -7.99, 7.99), STANDARD_BINS)[0])
    assert found == pytest.approx(float(stats.ppcc_max(sample, brack=(-0.2, 0.8))), abs=0.02)


def test_published_pointwise_scales_are_turned_into_standard_deviations():
    assert PUBLISHED["HAADF"].pointwise_sd(np.array(100.0)) == pytest.approx((6.35 + 0.05 * 100) * 1.70, rel=0.01)
    assert PUBLISHED["BF"].pointwise_sd(np.array(100.0)) == pytest.approx((17.03 - 0.02 * 100) * 1.06, rel=0.01)


@pytest.mark.parametrize("length", [6.0, 10.0, 24.5])
def test_scan_noise_is_smooth_along_rows_alone_for_its_length(length):
    noise = unit_streaks((400, 400), np.random.default_rng(0), length)
    assert noise.std() == pytest.approx(1, rel=0.05)
    assert np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1] == pytest.approx(0, abs=0.05)
    lag = round(length / 2)
    assert np.corrcoef(noise[:, :-lag].ravel(), noise[:, lag:].ravel())[0, 1] == pytest.approx(0.65, abs=0.12)


def test_pixels_are_correlated_as_by_an_afterglow():
    parameters = NoiseParameters(0, 0, 0, 8.0, 0.14, pixel_correlation=0.3)
    noise = calibrated_noise(np.full((400, 400), 128.0), parameters, np.random.default_rng(0)) - 128
    assert noise.std() == pytest.approx(8, rel=0.02)
    found = [np.corrcoef(noise[:, :-lag].ravel(), noise[:, lag:].ravel())[0, 1] for lag in (1, 2)]
    assert found == pytest.approx([0.3, 0.09], abs=0.02)
    glowing = afterglow(np.random.default_rng(1).standard_normal((400, 400)), 0.3, -1 / np.log(0.3))
    assert np.corrcoef(glowing[:, :-1].ravel(), glowing[:, 1:].ravel())[0, 1] == pytest.approx(found[0], abs=0.02)


def test_calibrated_noise_displaces_whole_rows():
    ramp = np.tile(np.arange(300.0), (2000, 1))
    parameters = NoiseParameters(0, 0, 0, 0, 0.14, jitter_x_px=0.9)
    moved = (calibrated_noise(ramp, parameters, np.random.default_rng(0)) - ramp)[:, 100:200]
    assert np.ptp(moved, axis=1) == pytest.approx(0, abs=1e-6)
    assert moved[:, 0].std() == pytest.approx(0.9, rel=0.05)


def test_noisy_images_fill_the_grey_scale():
    clean = np.random.default_rng(0).random((128, 128))
    noisy, _ = noisy_at_full_range(clean, clean, NoiseParameters(0.1, 4.4, 0.15, 8.0, 0.1), np.random.default_rng(0))
    assert np.percentile(noisy, [0.1, 99.9]) == pytest.approx([0, 255], abs=4)
    with pytest.raises(InputError, match="no room"):
        noisy_at_full_range(clean, clean, NoiseParameters(0, 0, 0, 200.0, 0.1), np.random.default_rng(0))


def test_grey_levels_are_raw_in_8_bit_images_and_percentiles_in_others():
    image = np.arange(1000.0).reshape(20, 50)
    assert np.percentile(to_grey(image), [0.1, 99.9]) == pytest.approx([0, 255])
    assert to_grey(np.uint8([[3, 200]])).tolist() == [[3, 200]]
