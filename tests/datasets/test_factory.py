from copy import copy

import numpy as np
import pytest
from stembench.config import CalibratedNoise, Dataset, Imaging, PhysicalNoise
from stembench.crystals.material import Material
from stembench.datasets.factory import Factory
from stembench.datasets.labels import label
from stembench.imaging.linear import strength_of
from stembench.noise.calibrated import NoiseParameters

IMAGES = {"image", "noNoise", "noBackgroundnoNoise"}
IDEAL = ("scene", "condition", "probe", "frame", "background")


def test_a_sample_depends_on_its_number_alone(small_factory):
    alone = small_factory.sample("train", 7)
    for i in range(7):
        small_factory.sample("train", i)
    again = small_factory.sample("train", 7)
    assert alone.parameters == again.parameters
    assert alone.columns.equals(again.columns)
    for name in IMAGES:
        assert np.array_equal(alone.images[name], again.images[name])


def test_a_plan_is_rendered_alike_again(small_factory):
    plan = small_factory.plan("train", 2)
    one, again = (small_factory.rendered(plan).images["image"] for _ in range(2))
    assert np.array_equal(one, again)


def test_images_and_labels_lie_between_0_and_1(small_factory):
    for split, i in (("train", 0), ("validation", 1), ("test", 2)):
        sample = small_factory.sample(split, i)
        assert set(sample.images) == IMAGES
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


def test_crystals_are_turned_by_any_angle_or_by_multiples_of_a_step(small_factory):
    stepped = copy(small_factory)
    stepped.recipe = small_factory.recipe.model_copy(update={"rotation_step_deg": 90.0})
    angles, steps = (
        np.array([factory.sample("train", 2 * i).parameters["rotation_deg"] for i in range(40)])
        for factory in (small_factory, stepped)
    )
    assert len(np.unique(angles)) == 40
    assert set(np.histogram(angles, 4, (0, 360))[0] > 3) == {True}
    assert {round(float(angle), 6) for angle in steps} == {0, 90, 180, 270}


def test_test_images_go_through_doses_and_materials(small_factory):
    drawn = [small_factory.sample("test", i).parameters for i in range(4)]
    assert [p["counts_per_px"] for p in drawn] == [3, 100, 3, 100]
    assert [p["material"] for p in drawn] == ["SrTiO3", "SrTiO3", "Si", "Si"]


def test_counts_at_the_brightest_column_are_those_asked_for(small_factory):
    for i in (1, 3, 5, 7):
        sample = small_factory.sample("test", i)
        drawn = sample.parameters
        levels = drawn["level_low"] + sample.images["image"] * (drawn["level_high"] - drawn["level_low"])
        if not drawn["shot_noise_alone"]:
            levels /= small_factory.recipe.noise.gain
        else:
            assert levels == pytest.approx(np.round(levels), abs=1e-3)
        clear = small_factory.plan("test", i)
        ideal = small_factory.forward.image(*(getattr(clear, n) for n in IDEAL), 0).image
        pad = clear.frame.pad
        bright = sample.images["noNoise"] > 0.9
        expected = drawn["counts_per_px"] * ideal[pad:-pad, pad:-pad][bright].mean()
        assert levels[bright].mean() == pytest.approx(expected, rel=0.15)


def test_labels_peak_at_the_columns(small_factory):
    sample = small_factory.sample("test", 3)
    at = np.round(sample.columns.loc[sample.columns.asked, ["y_A", "x_A"]] / sample.parameters["pixel_size_A"])
    y, x = at.to_numpy().astype(int).T
    assert label(sample, "gaussianMask")[y, x].min() > 0.3
    assert label(sample, "circularMask")[y, x].min() == 1


def test_weak_columns_are_kept_but_not_asked_for(small_factory):
    columns = next(
        s.columns for s in (small_factory.sample("test", i) for i in range(4)) if s.parameters["material"] == "SrTiO3"
    )
    weak = columns[~columns.asked]
    assert weak.strength.max() < 0.2
    assert columns.strength.max() == 1


def calibrated(noise: NoiseParameters) -> dict:
    """The calibration of an instrument whose parameters are known."""
    fits = {name: {"estimate": value, "standard_error": 0.0} for name, value in noise.to_dict().items()}
    return {"image_fits": {"one": fits}, "grey_ends": {"one": [0, 255]}}


def test_calibrated_jitter_moves_rows_and_neither_truth_nor_labels(small_factory):
    recipe = Dataset(noise=CalibratedNoise(instrument="any"), pixel_size_A=(0.1, 0.1), background=0.0)
    rest = (small_factory.arrangements, Imaging(), small_factory.materials, 96)

    def drawn(jitter: float):
        noise = NoiseParameters(0, 0, 0, 0.5, 0.14, jitter_x_px=jitter)
        return Factory(recipe, *rest, calibrated(noise)).sample("train", 0)

    still, moved = drawn(1e-9), drawn(1.0)
    assert still.columns.drop(columns="crlb_pm").equals(moved.columns.drop(columns="crlb_pm"))
    assert np.abs(still.images["noNoise"] - moved.images["noNoise"]).max() < 1e-3
    rows = [np.diff(each.images["image"].astype(float), axis=0).std() for each in (still, moved)]
    assert rows[1] > 1.3 * rows[0]


def test_calibrated_noise_has_no_dose(small_factory):
    recipe = Dataset(noise=CalibratedNoise(instrument="any"))
    calibration = calibrated(NoiseParameters(0.1, 4.4, 0.05, 6.35, 0.04))
    calibration["image_fits"]["one"]["tukey_lambda"]["standard_error"] = 0.01
    factory = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64, calibration)
    sample = factory.sample("test", 0)
    assert "dose_e_per_A2" not in sample.parameters
    assert sample.parameters["scan_intercept"] == 4.4
    assert sample.parameters["tukey_lambda"] != 0.04
    assert sample.columns.crlb_pm.isna().all()


def test_the_bound_of_a_scene_falls_with_the_square_root_of_the_dose(small_factory):
    series = [(small_factory.sample("test", i), small_factory.sample("test", i + 1)) for i in range(0, 12, 2)]
    bounded = [(low.columns, high.columns) for low, high in series if low.parameters["jitter_A"] == 0]
    assert bounded
    for low, high in bounded:
        asked = low.asked
        assert (low.crlb_pm[asked] / high.crlb_pm[asked]).to_numpy() == pytest.approx(np.sqrt(100 / 3), rel=1e-6)
        assert low.crlb_pm[~asked].isna().all()


def test_distorted_columns_appear_where_they_are_seen(small_factory):
    """Centroids of a sparse crystal's columns in the clean image, against the apparent positions of the truth."""
    noise = PhysicalNoise(shot_noise_alone=0.0, drift_A=(2.0, 2.0), shear_deg=(3.0, 3.0), jitter_A=(0.0, 0.0))
    recipe = Dataset(noise=noise, conditions=("200keV_24mrad",), pixel_size_A=(0.1, 0.1), background=0.0)
    pt = [m for m in small_factory.materials if m.material == "SrTiO3"]
    sample = Factory(recipe, small_factory.arrangements, Imaging(), pt, 96).sample("train", 0)
    clean, columns = sample.images["noBackgroundnoNoise"], sample.columns
    y, x = np.mgrid[:96, :96] * 0.1
    inner = columns[(columns.strength == 1) & columns.x_A.between(1, 8.5) & columns.y_A.between(1, 8.5)]
    assert np.hypot(inner.x_A - inner.ideal_x_A, inner.y_A - inner.ideal_y_A).max() > 0.3
    for column in inner.itertuples():
        peak = clean * (np.hypot(x - column.x_A, y - column.y_A) < 0.5)
        peak = np.maximum(peak - 0.5, 0)
        seen = (peak * x).sum() / peak.sum(), (peak * y).sum() / peak.sum()
        assert seen == pytest.approx((column.x_A, column.y_A), abs=0.03)


def test_jitter_moves_the_image_and_neither_truth_nor_labels(small_factory):
    def drawn(jitter):
        noise = PhysicalNoise(shot_noise_alone=0.0, jitter_A=(jitter, jitter), counts_per_px=(1e4, 1e4))
        recipe = Dataset(noise=noise)
        return Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64).sample("train", 3)

    still, jittered = drawn(0.0), drawn(0.2)
    assert still.columns.drop(columns="crlb_pm").equals(jittered.columns.drop(columns="crlb_pm"))
    difference = np.abs(still.images["noNoise"] - jittered.images["noNoise"]).max()
    assert difference < 1e-3  # the padding, in which splines end, is wider
    assert np.abs(still.images["image"] - jittered.images["image"]).max() > 0.1


def test_what_was_drawn_for_an_object_is_told(small_factory):
    names = {
        "defects": {"vacancies", "substitutions", "substitute", "interstitials", "displacement_A"},
        "particle": {"diameter_A", "facet_ratio", "support_A", "centre_x_A", "centre_y_A"},
        "wedge": {"thin_end", "wedge_azimuth_rad"},
        "embedded": {"coverage", "roughness_A", "second_material", "second_zone", "second_rotation_rad"},
        "grain_boundary": {"misorientation_deg", "roughness_A"},
        "random": {"spacing_A"},
        "occluded": {"coverage", "overlayer_A", "transmission"},
    }
    for arrangement, expected in names.items():
        recipe = Dataset(arrangements=(arrangement,))
        factory = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64)
        assert expected <= set(factory.sample("train", 0).parameters), arrangement


def test_fields_of_view_are_those_of_the_recipe(small_factory):
    recipe = Dataset(field_of_view_A=(8, 10, 20, 30, 40))
    factory = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64)
    fields = {round(64 * factory.plan("train", 5 * i).parameters["pixel_size_A"], 6) for i in range(20)}
    assert fields <= {8, 10, 20, 30, 40}
    assert len(fields) > 3


def test_an_unstable_microscope_has_a_wider_probe(small_factory):
    recipe = Dataset(extra_source_A=(1.0, 1.0), conditions=("200keV_24mrad",))
    plan = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64).plan("train", 0)
    assert plan.probe.source_size == pytest.approx(np.hypot(0.9, 1.0))
    assert plan.parameters["probe_fwhm_A"] > 1.3


def test_each_image_of_a_range_of_defocus_has_its_own(small_factory):
    recipe = Dataset(defocus_A=(-40.0, 60.0), conditions=("200keV_24mrad_defocus",))
    factory = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64)
    defoci = [factory.plan("train", i).probe.defocus for i in range(8)]
    assert len(set(defoci)) == 8
    assert 10 <= min(defoci) < max(defoci) <= 110  # the condition's own is 50 A
    assert factory.plan("train", 3).parameters["defocus_A"] == defoci[3]


@pytest.mark.parametrize(("mode", "shown"), [("HAADF", {"Co"}), ("ABF", {"Co", "O", "Li"})])
def test_light_columns_are_labelled_in_the_mode_that_shows_them(small_factory, projection_of, mode, shown):
    cobaltate = Material.of("LiCoO2", "010", projection_of("LiCoO2", "010"))
    recipe = Dataset(mode=mode, conditions=("200keV_24mrad",), pixel_size_A=(0.1, 0.1))
    factory = Factory(recipe, small_factory.arrangements, Imaging(), [cobaltate], 160)
    columns = factory.columns(factory.plan("test", 0))
    labelled = columns.strength[columns.asked]
    cobalt = strength_of("Co", factory.exponent)
    for element in ("Li", "O", "Co"):
        expected = strength_of(element, factory.exponent) / cobalt
        assert (abs(labelled - expected) < 0.2 * expected).any() == (element in shown)


@pytest.mark.parametrize("mode", ["HAADF", "ABF", "BF"])
def test_a_detector_shows_columns_bright_or_dark(small_factory, mode):
    recipe = Dataset(mode=mode, background=0.0)
    sample = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64).sample("test", 0)
    clean = sample.images["noBackgroundnoNoise"]
    at_columns = clean[label(sample, "smallcircularMask") > 0].mean()
    between = clean[label(sample, "circularMask") == 0].mean()
    assert (at_columns > between) == (mode == "HAADF")
