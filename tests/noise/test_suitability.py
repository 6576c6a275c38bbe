import numpy as np
import pytest
from scipy import ndimage
from stembench.errors import InputError
from stembench.noise.calibrated import NoiseParameters, noisy_at_full_range
from stembench.noise.lattice import lattice_estimate
from stembench.noise.suitability import doubts, refuse_unfit


@pytest.fixture(scope="module")
def raw(silicon) -> np.ndarray:
    """As a microscope gives it."""
    parameters = NoiseParameters(0.1, 4.4, 0.03, 9.0, 0.13)
    return noisy_at_full_range(silicon, silicon, parameters, np.random.default_rng(0))[0]


def flags(image: np.ndarray, mode: str = "HAADF") -> str:
    return " ".join(doubts(image, lattice_estimate(image.astype(float)), mode))


def test_a_raw_image_is_accepted_without_doubt(raw):
    refuse_unfit(raw)
    assert flags(raw) == ""


def test_a_raw_image_of_128_px_is_accepted_without_doubt(raw):
    refuse_unfit(raw[:128, :128])
    assert flags(raw[:128, :128]) == ""


@pytest.mark.parametrize("ends", [(1, 100), (0, 99)])
def test_saturation_is_flagged_at_either_end(raw, ends):
    assert "saturated" in flags(np.clip(raw, *np.percentile(raw, ends)))


def test_counts_that_begin_at_zero_are_not_saturated(silicon):
    assert flags(np.random.default_rng(0).poisson(3 + 10 * silicon)) == ""


FILTERS = {
    "zoomed": lambda image: ndimage.zoom(image, 1.3, order=3),
    "zoomed linearly": lambda image: ndimage.zoom(image, 1.2, order=1),
    "blurred": lambda image: ndimage.gaussian_filter(image, 0.6),
    "median filtered": lambda image: ndimage.median_filter(image, 3),
}


@pytest.mark.parametrize("change", FILTERS.values(), ids=FILTERS.keys())
def test_interpolation_and_filters_are_flagged(raw, change):
    assert "interpolated" in flags(change(raw))


def test_afterglow_is_flagged(raw):
    decay = np.exp(-np.arange(6.0))
    smeared = ndimage.convolve1d(raw, decay / decay.sum(), axis=1, origin=-3)
    assert "afterglow" in flags(smeared)


def test_an_image_without_noise_is_flagged(silicon):
    assert "without noise" in flags(silicon)


@pytest.mark.parametrize(("sign", "mode", "doubted"), [(1, "ABF", True), (-1, "ADF", True), (-1, "BF", False)])
def test_contrast_that_is_not_the_detectors_is_flagged(raw, sign, mode, doubted):
    assert ("check the mode" in flags(sign * raw, mode)) is doubted


def test_contrast_is_not_judged_without_a_mode(raw):
    assert doubts(-raw, lattice_estimate(-raw), None) == []


def test_noise_without_atoms_is_refused():
    ramp = np.linspace(0, 100, 256)
    with pytest.raises(InputError, match="no lattice"):
        refuse_unfit(ramp + np.random.default_rng(0).normal(0, 10, (256, 256)))


def test_clouds_without_atoms_are_refused():
    rng = np.random.default_rng(0)
    clouds = ndimage.gaussian_filter(rng.standard_normal((256, 256)), 25, mode="wrap")
    with pytest.raises(InputError, match="no lattice"):
        refuse_unfit(100 * clouds / clouds.std() + rng.normal(0, 10, clouds.shape))


def test_small_images_are_refused():
    with pytest.raises(InputError, match="127 x 400 px are too few"):
        refuse_unfit(np.zeros((400, 127)))


def test_an_image_of_one_grey_level_is_refused():
    with pytest.raises(InputError, match="one grey level"):
        refuse_unfit(np.ones((300, 400)))


def test_pixels_without_a_value_are_refused(raw):
    with pytest.raises(InputError, match="no value"):
        refuse_unfit(np.where(raw > 200, np.nan, raw))
