import numpy as np
import pytest
from stembench.config import CalibratedNoise, Dataset, Imaging
from stembench.datasets.factory import Factory
from stembench.noise.calibrated import NoiseParameters

LABELS = {"image", "noNoise", "noBackgroundnoNoise", "gaussianMask", "circularMask"}


def test_a_sample_depends_on_its_number_alone(small_factory):
    alone = small_factory.sample("train", 7)
    for i in range(7):
        small_factory.sample("train", i)
    again = small_factory.sample("train", 7)
    assert alone.parameters == again.parameters
    assert alone.columns.equals(again.columns)
    for name in LABELS:
        assert np.array_equal(alone.images[name], again.images[name])


def test_images_and_labels_lie_between_0_and_1(small_factory):
    for split, i in (("train", 0), ("validation", 1), ("test", 2)):
        sample = small_factory.sample(split, i)
        assert set(sample.images) == LABELS
        for image in sample.images.values():
            assert image.dtype == np.float32
            assert image.shape == (64, 64)
            assert image.min() >= 0
            assert image.max() <= 1


def test_images_of_a_structure_share_it_and_no_structure_is_in_two_splits(small_factory):
    drawn = {
        split: [small_factory.sample(split, i).parameters for i in range(6)]
        for split in ("train", "validation", "test")
    }
    shared = ("material", "zone", "rotation_deg", "offset_x_A", "offset_y_A", "pixel_size_A")
    for samples in drawn.values():
        for one, other in zip(samples[::2], samples[1::2]):
            assert [one[key] for key in shared] == [other[key] for key in shared]
            assert one["structure"] == other["structure"]
    keys = [{(p["offset_x_A"], p["offset_y_A"], p["pixel_size_A"]) for p in samples} for samples in drawn.values()]
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]
    assert not keys[1] & keys[2]


def test_test_images_go_through_doses_and_materials(small_factory):
    drawn = [small_factory.sample("test", i).parameters for i in range(4)]
    assert [p["counts_per_px"] for p in drawn] == [3, 100, 3, 100]
    assert [p["material"] for p in drawn] == ["SrTiO3", "SrTiO3", "Si", "Si"]


def test_counts_at_the_brightest_column_are_those_asked_for(small_factory):
    for i in (1, 3, 5, 7):
        sample = small_factory.sample("test", i)
        counts = sample.images["image"] * sample.parameters["image_max"]
        expected = sample.parameters["counts_per_px"] * sample.parameters["no_noise_max"]
        bright = sample.images["noNoise"] > 0.9
        assert counts[bright].mean() == pytest.approx(0.95 * expected, rel=0.15)


def test_labels_peak_at_the_columns(small_factory):
    sample = small_factory.sample("test", 3)
    at = np.round(sample.columns.loc[sample.columns.asked, ["y_A", "x_A"]] / sample.parameters["pixel_size_A"])
    y, x = at.to_numpy().astype(int).clip(0, 63).T
    assert sample.images["gaussianMask"][y, x].min() > 0.3
    assert sample.images["circularMask"][y, x].min() == 1


def test_weak_columns_are_kept_but_not_asked_for(small_factory):
    columns = next(
        s.columns for s in (small_factory.sample("test", i) for i in range(4)) if s.parameters["material"] == "SrTiO3"
    )
    weak = columns[~columns.asked]
    assert weak.strength.max() < 0.2
    assert columns.strength.max() == 1


def test_calibrated_noise_has_no_dose(small_factory):
    recipe = Dataset(noise=CalibratedNoise(instrument="any"))
    parameters = NoiseParameters(0.1, 4.4, 0.05, 6.35, 0.04)
    factory = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64, parameters)
    sample = factory.sample("test", 0)
    assert "dose_e_per_A2" not in sample.parameters
    assert sample.parameters["scan_intercept"] == 4.4
    assert sample.columns.crlb_pm.isna().all()


def test_the_bound_of_a_scene_falls_with_the_square_root_of_the_dose(small_factory):
    series = [(small_factory.sample("test", i), small_factory.sample("test", i + 1)) for i in range(0, 12, 2)]
    bounded = [(low.columns, high.columns) for low, high in series if low.parameters["jitter_A"] == 0]
    assert bounded
    for low, high in bounded:
        asked = low.asked
        assert (low.crlb_pm[asked] / high.crlb_pm[asked]).to_numpy() == pytest.approx(np.sqrt(100 / 3), rel=1e-6)
        assert low.crlb_pm[~asked].isna().all()
