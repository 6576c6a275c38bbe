from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from stembench.config import (
    CalibratedNoise,
    Condition,
    Dataset,
    DrawnProbe,
    Empty,
    Imaging,
    Occluded,
    PhysicalNoise,
    Polar,
    Tilted,
)
from stembench.crystals.material import Material
from stembench.datasets.factory import Factory
from stembench.datasets.labels import ignored, label
from stembench.errors import InputError
from stembench.imaging.linear import strength_of
from stembench.networks.registry import build
from stembench.noise.calibrated import NoiseParameters

IMAGES = {"image", "noNoise", "noBackgroundnoNoise"}
IDEAL = ("scene", "condition", "probe", "frame", "background")


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_sample_depends_on_its_number_alone(small_factory, split):
    alone = small_factory.sample(split, 7)
    for i in range(7):
        small_factory.sample(split, i)
    again = small_factory.sample(split, 7)
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


def test_the_input_and_its_labels_are_black_at_their_minimum(small_factory):
    """A pedestal that the input lost is nothing that a network could learn."""
    sample = small_factory.sample("test", 3)
    for image in sample.images.values():
        assert (image.min(), image.max()) == (0, 1)
    plan = small_factory.plan("test", 3)
    clear = small_factory.rendered(replace(plan, parameters=plan.parameters | {"counts_per_px": 1e9}))
    assert clear.images["image"] == pytest.approx(clear.images["noNoise"], abs=1e-3)


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
    recipe = small_factory.recipe.model_copy(update={"rotation_step_deg": 90.0})
    stepped = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64)
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
            levels /= drawn["gain"]
        else:
            assert levels == pytest.approx(np.round(levels), abs=1e-3)
        clear = small_factory.plan("test", i)
        ideal = small_factory.forward.image(*(getattr(clear, n) for n in IDEAL), 0).image
        pad = clear.frame.pad
        bright = sample.images["noNoise"] > 0.9
        expected = drawn["counts_per_px"] * ideal[pad:-pad, pad:-pad][bright].mean()
        assert levels[bright].mean() == pytest.approx(expected, rel=0.15)


def test_a_film_without_columns_is_as_bright_as_a_column(small_factory):
    noise = PhysicalNoise(test_counts_per_px=(10.0,), shot_noise_alone=1)
    recipe = Dataset(arrangements=("empty",), background=0, noise=noise, images_per_structure=1)
    factory = Factory(recipe, small_factory.arrangements, small_factory.imaging, small_factory.materials, 64)
    brightness = {"none": [], "edge": [], "whole": []}
    for i in range(12):
        sample = factory.sample("test", i)
        low, high = (sample.parameters[f"level_{end}"] for end in ("low", "high"))
        brightness[sample.parameters["film"]].append((low + sample.images["image"] * (high - low)).mean())
        assert len(sample.columns) == 0
    assert max(brightness["none"]) == 0
    assert brightness["whole"] == pytest.approx([10] * len(brightness["whole"]), rel=0.2)
    assert 0 < max(brightness["edge"]) < 30


def test_labels_peak_at_the_columns(small_factory):
    sample = small_factory.sample("test", 1)
    at = np.round(sample.columns.loc[sample.columns.asked, ["y_A", "x_A"]] / sample.parameters["pixel_size_A"])
    y, x = at.to_numpy().astype(int).T
    assert label(sample, "gaussianMask")[y, x].min() > 0.3
    assert label(sample, "circularMask")[y, x].min() == 1


def test_columns_that_do_not_stand_out_are_kept_but_not_asked_for(small_factory):
    columns = pd.concat(small_factory.sample("test", i).columns for i in range(12))
    assert np.array_equal(columns.asked, columns.visibility >= 5)
    assert 0 < (columns.visibility < 5).sum() < columns.asked.sum()
    assert columns.strength.max() == 1


#: What no noise changes.
TRUTH = ["x_A", "y_A", "ideal_x_A", "ideal_y_A", "strength", "hidden", "rim_A"]


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
    assert still.columns[TRUTH].equals(moved.columns[TRUTH])
    assert np.abs(still.images["noNoise"] - moved.images["noNoise"]).max() < 1e-3
    rows = [np.diff(each.images["image"].astype(float), axis=0).std() for each in (still, moved)]
    assert rows[1] > 1.3 * rows[0]


def test_resampled_images_show_their_columns_with_the_noise_of_the_recorded_ones(small_factory):
    noise = NoiseParameters(0, 0, 0, 6.0, 0.14)
    rest = (small_factory.arrangements, Imaging(), small_factory.materials, 96, calibrated(noise))
    sizes = {"pixel_size_A": (0.06, 0.06), "background": 0.0}
    recipe = Dataset(noise=CalibratedNoise(instrument="any"), **sizes, resampled_to_A=(0.15, 0.15))
    sample = Factory(recipe, *rest).sample("train", 0)
    assert (sample.parameters["pixel_size_A"], sample.parameters["recorded_pixel_size_A"]) == (0.15, 0.06)
    clean = sample.images["noNoise"]
    assert clean.shape == (96, 96)
    strong = sample.columns[sample.columns.strength == 1]
    places = strong[["y_A", "x_A"]].to_numpy() / 0.15
    inside = places[np.all((places > 6) & (places < 89), axis=1)].round().astype(int)
    assert len(inside) > 5
    for y, x in inside:
        around = clean[y - 3 : y + 4, x - 3 : x + 4]
        assert np.abs(np.array(np.unravel_index(around.argmax(), around.shape)) - 3).max() <= 1
    # Its pixels are means of about six recorded ones.
    recorded = Factory(replaced(recipe, resampled_to_A=None), *rest).sample("train", 0).images
    scatter = [np.std(images["image"] - images["noNoise"]) for images in (sample.images, recorded)]
    assert scatter[0] < 0.7 * scatter[1]


def test_calibrated_noise_labels_what_stands_out_of_it(small_factory):
    recipe = Dataset(noise=CalibratedNoise(instrument="any"), background=0.0)
    rest = (small_factory.arrangements, Imaging(), small_factory.materials, 64)
    quiet, loud = (
        Factory(recipe, *rest, calibrated(NoiseParameters(0, intercept, 0, 5.0, 0.14))).sample("train", 0).columns
        for intercept in (1.0, 40.0)
    )
    assert loud.asked.sum() < quiet.asked.sum()
    assert set(loud.index[loud.asked]) <= set(quiet.index[quiet.asked])


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


def test_a_bound_is_that_of_its_own_image(small_factory):
    """Those of a dose series are kept from image to image."""
    plans = [small_factory.plan("test", i) for i in range(12)]
    plan = next(plan for plan in plans if plan.parameters["shot_noise_alone"])
    before = small_factory.rendered(plan).columns.crlb_pm
    brighter = replace(plan, background=plan.background + 1)
    wider = replace(plan, probe=plan.probe.unstable(0.8))
    for other in (brighter, wider):
        assert (small_factory.rendered(other).columns.crlb_pm > 1.02 * before)[before.notna()].all()
        assert small_factory.rendered(plan).columns.crlb_pm.equals(before)


#: A physical recipe whose images show what a test switches on and shot noise.
PLAIN = {
    "shot_noise_alone": 0.0,
    **dict.fromkeys(("drift_A", "shear_deg", "jitter_A", "pickup_A", "afterglow"), (0, 0)),
}


def alone(factory: Factory, position: int) -> tuple[list[np.ndarray], np.ndarray]:
    """One column of a plan near the middle of the frame: its noisy and its clean image, and its true place [px]."""
    plan = factory.plan("train", position)
    size = plan.frame.pixel_size
    columns = factory.columns(plan)
    columns = columns[columns.strength == 1]
    middle = np.hypot(columns.x_A - 64 * size, columns.y_A - 64 * size)
    place = columns.loc[middle.idxmin(), ["ideal_x_A", "ideal_y_A"]].to_numpy(float)
    scene = plan.scene
    own = np.hypot(*(scene.points - place).T) < 0.01
    chosen = np.hypot(scene.columns["x_A"] - place[0], scene.columns["y_A"] - place[1]) < 0.01
    scatterers = {name: getattr(scene, name)[own] for name in ("points", "strengths", "thermal_b")}
    scene = replace(scene, **scatterers, columns={name: values[chosen] for name, values in scene.columns.items()})
    sample = factory.rendered(replace(plan, scene=scene))
    images = [sample.images[name].astype(float) for name in ("image", "noNoise")]
    return images, sample.columns[["x_A", "y_A"]].to_numpy()[0] / size


@pytest.mark.parametrize(
    "fault",
    [
        {"drift_A": (1, 1), "shear_deg": (3, 3)},
        {"pickup_A": (0.1, 0.1), "dwell_us": (156, 156.4), "flyback_us": (0, 0)},  # a slow beat
        {"pickup_A": (0.1, 0.1)},
        {"jumps": (3, 3), "jump_A": (0.2, 0.2)},
        {"odd_even_A": (0.2, 0.2)},
        {"flyback_stretch": (0.2, 0.2), "flyback_px": (60, 60)},
        {"frames": (4, 4), "drift_A": (0.5, 0.5)},
    ],
    ids=lambda fault: "-".join(fault),
)
def test_a_column_is_where_its_distorted_image_is_within_2_pm(small_factory, fault):
    noise = PhysicalNoise(**PLAIN | {"counts_per_px": (1e9, 1e9)} | fault)
    recipe = Dataset(noise=noise, conditions=("200keV_24mrad",), background=0.0, pixel_size_A=(0.05, 0.05))
    factory = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials[:1], 128)
    y, x = np.mgrid[:128, :128]
    for position in range(3):
        images, true = alone(factory, position)
        for image in images:
            if "jumps" in fault:  # one may cut the column
                seen = np.unravel_index(image.argmax(), image.shape)[::-1]
            else:
                peak = np.maximum(image - 0.1, 0)
                seen = (peak * x).sum() / peak.sum(), (peak * y).sum() / peak.sum()
            assert seen == pytest.approx(true, abs=0.51 if "jumps" in fault else 0.02 / 0.05)


@pytest.mark.parametrize(
    "fault", [{"pickup_A": (0.2, 0.2)}, {"odd_even_A": (0.4, 0.4)}], ids=lambda fault: "-".join(fault)
)
def test_columns_are_torn_in_the_noisy_image_alone(small_factory, fault):
    noise = PhysicalNoise(**PLAIN | {"counts_per_px": (1e9, 1e9)} | fault)
    recipe = Dataset(noise=noise, conditions=("200keV_24mrad",), background=0.0, pixel_size_A=(0.1, 0.1))
    factory = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials[:1], 64)
    images = factory.sample("train", 3).images
    torn, whole = (np.diff(images[name].astype(float), 2, axis=0).std() for name in ("image", "noNoise"))
    assert whole < 0.5 * torn


@pytest.mark.parametrize(
    "fault",
    [
        {"jitter_A": (0.2, 0.2)},
        {"dead_lines": (3, 3)},
        {"hot_lines": (3, 3)},
        {"clip_low": (0.2, 0.2)},
        {"clip_high": (0.2, 0.2)},
        {"bits": (8, 8), "gain": 1000},
        {"readout_e": (50, 50)},
        {"offset": 500, "readout_e": (500, 500)},
    ],
    ids=lambda fault: "-".join(fault),
)
def test_noise_of_rows_and_pixels_moves_neither_truth_nor_clean_images(small_factory, fault):
    def drawn(**noise):
        recipe = Dataset(noise=PhysicalNoise(**PLAIN | {"counts_per_px": (1e3, 1e3)} | noise))
        return Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64).sample("train", 3)

    still, noisy = drawn(), drawn(**fault)
    assert still.columns[TRUTH].equals(noisy.columns[TRUTH])
    difference = np.abs(still.images["noNoise"] - noisy.images["noNoise"]).max()
    assert difference < 1e-3  # the padding, in which splines end, is wider
    change = still.images["image"] - noisy.images["image"]
    if "bits" in fault:
        assert len(np.unique(noisy.images["image"])) <= 256 < len(np.unique(still.images["image"]))
    else:
        assert np.abs(change).max() > 0.1


def test_a_smoothed_image_has_clean_images_that_are_smoothed_likewise(small_factory):
    """What was smoothed after recording nobody can ask a network to sharpen."""
    images = []
    for width in (0.0, 1.5):
        noise = PhysicalNoise(**PLAIN | {"counts_per_px": (1e8, 1e8), "smoothing_px": (width, width)})
        recipe = Dataset(noise=noise, background=0.0)
        factory = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64)
        images.append(factory.sample("train", 3).images)
        for name in ("noNoise", "noBackgroundnoNoise"):
            assert images[-1]["image"] == pytest.approx(images[-1][name], abs=2e-3)
    assert np.abs(images[0]["noNoise"] - images[1]["noNoise"]).max() > 0.02


@pytest.mark.parametrize("arrangement", ["tilted", "empty"])
def test_the_dose_where_there_is_no_column_is_that_of_a_column(small_factory, arrangement):
    """A film as thick as a crystal is no brighter for having no columns: its noise is seen as that of crystals is."""
    arrangements = small_factory.arrangements | {
        "tilted": Tilted(crystals=(1, 1), crystal_A=(100, 100), edge=0.0),
        "empty": Empty(films=("whole",), element="Pt", film_A=(100, 100)),
    }
    recipe = Dataset(arrangements=(arrangement,), noise=PhysicalNoise(**PLAIN), background=0.0)
    factory = Factory(recipe, arrangements, Imaging(), small_factory.materials, 64)
    for i in range(4):
        plan = factory.plan("train", i)
        ideal = factory.forward.image(*(getattr(plan, name) for name in IDEAL), 0).image
        assert 0.2 < ideal.max() < 4  # by atoms it would be a hundred


def test_images_with_shot_noise_alone_have_no_other_fault(small_factory):
    faults = {name: (5, 5) for name in ("jumps", "dead_lines", "hot_lines", "frames")}
    faults |= {"clip_low": (0.2, 0.2), "clip_high": (0.2, 0.2), "flyback_stretch": (0.2, 0.2), "odd_even_A": (1, 1)}
    recipe = Dataset(noise=PhysicalNoise(shot_noise_alone=1.0, bits=(8, 8), **faults))
    factory = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64)
    plan, sample = factory.plan("train", 3), factory.sample("train", 3)
    (scan,) = plan.scans
    assert scan.is_straight
    assert scan.jitter is None
    assert not scan.dead + scan.hot
    drawn = sample.parameters
    levels = drawn["level_low"] + sample.images["image"] * (drawn["level_high"] - drawn["level_low"])
    assert levels == pytest.approx(np.round(levels), abs=1e-3)


def test_the_time_of_a_line_holds_the_flyback(small_factory):
    noise = PhysicalNoise(dwell_us=(8.0, 8.0), flyback_us=(300.0, 300.0), mains_Hz=60)
    factory = Factory(Dataset(noise=noise), small_factory.arrangements, Imaging(), small_factory.materials, 64)
    plan = factory.plan("train", 3)
    assert plan.parameters["line_us"] == pytest.approx(64 * 8 + 300)
    assert plan.scans[0].periods_per_row == pytest.approx(60 * 812e-6)


def test_a_dose_series_shares_the_displacements_that_true_positions_follow(small_factory):
    faults = {"jumps": (2, 2), "odd_even_A": (0.1, 0.1), "frames": (2, 2), "pickup_A": (0.1, 0.1)}
    recipe = Dataset(noise=PhysicalNoise(**PLAIN | faults))
    factory = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64)
    low, high = (factory.columns(factory.plan("test", i)) for i in (0, 1))
    assert low[TRUTH].equals(high[TRUTH])


def test_rows_by_default_are_displaced_as_far_as_when_they_were_displaced_at_random_alone():
    """Then each axis had an SD of jitter / sqrt(2), jitter up to 0.1 A: 0.058 A on both together, RMS over images."""
    noise = PhysicalNoise()
    jitter, pickup = (np.mean(np.linspace(*ends, 1001) ** 2) for ends in (noise.jitter_A, noise.pickup_A))
    assert np.sqrt(2 * jitter + pickup) == pytest.approx(np.sqrt(0.1**2 / 3), rel=0.05)


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


def test_a_mistilted_crystal_is_smeared_and_its_columns_are_true_where_the_beam_enters(small_factory):
    """To first order the image moves by half of what the deepest atoms do; the truth stays."""

    def sample(**changes):
        still = {"conditions": ("200keV_24mrad",), "background": 0.0, "noise": PhysicalNoise(shot_noise_alone=1.0)}
        recipe = Dataset(thickness_A=(39.05, 39.05), **still, **changes)
        return Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials[:1], 96).sample("test", 0)

    upright, tilted = sample(), sample(mistilt_mrad=(4.0, 4.0))
    drawn = tilted.parameters
    assert drawn["mistilt_mrad"] == 4.0
    both = [columns.sort_values(["strength", "x_A"])[["x_A", "y_A"]] for columns in (upright.columns, tilted.columns)]
    assert both[1].to_numpy() == pytest.approx(both[0].to_numpy(), abs=0.004 * 2)  # some begin 2 A below the others
    before, after = (each.images["noBackgroundnoNoise"].astype(float)[8:-8, 8:-8] for each in (upright, tilted))
    slopes = np.stack([slope.ravel() for slope in np.gradient(before, drawn["pixel_size_A"])[::-1]], 1)
    shift = -np.linalg.lstsq(np.column_stack([slopes, before.ravel()]), (after - before).ravel(), rcond=None)[0][:2]
    azimuth = drawn["mistilt_azimuth_rad"]
    moved = 0.004 * 39.05 / 2 * np.array([np.cos(azimuth), np.sin(azimuth)])
    assert shift == pytest.approx(moved, abs=0.015)
    assert tilted.columns.crlb_pm.isna().all()


@pytest.mark.parametrize(
    ("mode", "counts", "shown"),
    [("HAADF", 10.0, {"Co"}), ("ABF", 10.0, {"Co", "O"}), ("ABF", 30.0, {"Co", "O", "Li"})],
)
def test_light_columns_are_labelled_in_the_mode_that_shows_them(small_factory, projection_of, mode, counts, shown):
    cobaltate = Material.of("LiCoO2", "010", projection_of("LiCoO2", "010"))
    noise = PhysicalNoise(test_counts_per_px=(counts,))
    recipe = Dataset(mode=mode, conditions=("200keV_24mrad",), pixel_size_A=(0.1, 0.1), noise=noise)
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


KNOWN_NOISE = tuple(field.name for field in fields(NoiseParameters))
LEFT = DrawnProbe(
    semiangle_mrad=(20.0, 28.0), source_size_A=(0.6, 1.0), source_tail=(0.1, 0.3), source_tail_A=(2.0, 3.0)
)


def test_each_image_of_drawn_probes_has_its_own_and_tells_it(small_factory):
    recipe = Dataset(probe=LEFT, conditions=("200keV_24mrad",), extra_source_A=(0.5, 0.5))
    factory = Factory(recipe, small_factory.arrangements, Imaging(), small_factory.materials, 64)
    plans = [factory.plan("train", i) for i in range(60)]
    told = pd.DataFrame([plan.parameters for plan in plans])
    assert told.nunique()[["semiangle_mrad", "source_size_A", "source_tail", "coma_A", "star_angle_deg"]].min() == 60
    assert told.semiangle_mrad.between(20, 28).all()
    assert told.energy_keV.unique() == [200.0]
    assert told.c3_mm.std() == pytest.approx(LEFT.c3_sd_mm, rel=0.3)
    components = told.threefold_A.to_numpy() * np.exp(3j * np.deg2rad(told.threefold_angle_deg.to_numpy()))
    assert np.r_[components.real, components.imag].std() == pytest.approx(LEFT.threefold_sd_A, rel=0.3)
    plan, first = plans[0], told.iloc[0]
    assert (plan.probe.coma, plan.probe.star) == pytest.approx((first.coma_A, 1e7 * first.star_mm))
    assert plan.probe.source_tail_size == pytest.approx(np.hypot(first.source_tail_A, 0.5))
    series = [factory.plan("test", i).probe for i in range(5)]
    assert len(set(series)) == 1  # a dose series shows one scene


def test_the_truth_under_coma_is_the_maximum_of_the_image(small_factory, projection_of):
    """Strontium columns, 2.8 A from titanium, under a probe that moves them by 14 pm."""
    skew = Condition(
        energy_keV=200, semiangle_mrad=24, source_size_A=0.4, coma_A=1200, coma_angle_deg=50, threefold_A=400
    )
    still = PhysicalNoise(shot_noise_alone=0.0, drift_A=(0.3, 0.3), jitter_A=(0, 0))
    recipe = Dataset(conditions=("skew",), pixel_size_A=(0.04, 0.04), background=0.0, noise=still)
    strontium = Material.of("SrTiO3", "001", projection_of("SrTiO3", "001"))
    factory = Factory(recipe, small_factory.arrangements, Imaging(conditions={"skew": skew}), [strontium], 200)
    plan = factory.plan("test", 0)
    columns, image = factory.columns(plan), factory.rendered(plan).images["noBackgroundnoNoise"]
    strongest = columns[(columns.strength > 0.9) & columns.x_A.between(1, 7) & columns.y_A.between(1, 7)]
    assert len(strongest)
    for column in strongest.itertuples():
        row, x = round(column.y_A / 0.04), round(column.x_A / 0.04)
        near = image[row - 2 : row + 3, x - 2 : x + 3]
        centre = np.array([np.polyfit(range(-2, 3), part, 2) for part in (near.sum(0), near.sum(1))])
        top = 0.04 * (np.array([x, row]) - centre[:, 1] / (2 * centre[:, 0]))
        assert top == pytest.approx([column.x_A, column.y_A], abs=0.012)
    assert np.hypot(*(columns.x_A - columns.ideal_x_A, columns.y_A - columns.ideal_y_A)).min() > 0.02


def test_calibrated_probes_are_those_that_the_images_allow(small_factory):
    fits = {name: {"estimate": 1.0, "standard_error": 0.0} for name in KNOWN_NOISE}
    draws = {"one": [[0.8, 0.1, 2.5, 20.0], [0.9, 0.2, 3.0, 0.0]], "two": [[1.4, 0.0, 2.0, 40.0]]}
    probes = {
        image: {
            "200keV_24mrad": {"plausible": True, "draws": each},
            "100keV_30mrad": {"plausible": False, "draws": [[2.0, 0.0, 2.0, 0.0]]},
            "elsewhere": {"plausible": True, "draws": [[2.0, 0.0, 2.0, 0.0]]},
        }
        for image, each in draws.items()
    }
    calibration = {"image_fits": {"one": fits}, "grey_ends": {"one": [0, 255]}, "probes": {"images": probes}}
    recipe = Dataset(noise=CalibratedNoise(instrument="any"), probe="calibrated")
    rest = (small_factory.arrangements, Imaging(), small_factory.materials, 64)
    plans = [Factory(recipe, *rest, calibration).plan("train", i) for i in range(20)]
    told = {(plan.condition, plan.probe.source_size, plan.probe.source_tail, plan.probe.defocus) for plan in plans}
    assert told == {
        ("200keV_24mrad", source, tail, defocus) for each in draws.values() for source, tail, _, defocus in each
    }
    assert {plan.parameters["source_size_A"] for plan in plans} == {0.8, 0.9, 1.4}
    unknown = Factory(recipe, *rest, calibration | {"probes": {"images": {}}})
    assert (
        unknown.plan("train", 0).probe.source_size
        == Imaging().conditions[unknown.plan("train", 0).condition].source_size_A
    )


def replaced(recipe, **changes):
    return Dataset(**(recipe.model_dump() | changes))


def test_a_higher_dose_shows_more_columns_and_hides_none(small_factory):
    doses = [[small_factory.sample("test", i) for i in range(dose, 12, 2)] for dose in (0, 1)]
    assert [{sample.parameters["counts_per_px"] for sample in samples} for samples in doses] == [{3}, {100}]
    few, many = (np.concatenate([sample.columns.asked for sample in samples]) for samples in doses)
    assert (many >= few).all()
    assert many.sum() > few.sum()


def test_a_visible_column_is_labelled_whatever_is_beside_it(small_factory):
    """Of what an image shows, the strength relative to the brightest column decides nothing."""
    columns = pd.concat(small_factory.sample("test", i).columns for i in range(1, 16, 2))
    assert columns.strength[columns.asked].min() < 0.2


def test_a_column_below_an_overlayer_is_labelled_as_one_beside_it_where_a_recipe_asks_for_it(small_factory):
    thick = {"cover": Occluded(coverage=(0.4, 0.4), thickness_A=(100.0, 100.0))}
    recipe = Dataset(
        arrangements=("cover",),
        conditions=("200keV_24mrad",),
        pixel_size_A=(0.12, 0.12),
        background=0.0,
        noise=PhysicalNoise(test_counts_per_px=(10.0,), shot_noise_alone=1.0),
    )
    rest = (thick, small_factory.imaging, small_factory.materials, 160)
    seen, told = (
        Factory(replaced(recipe, label_hidden=labelled), *rest).sample("test", 0).columns for labelled in (False, True)
    )
    hidden = seen.hidden
    assert 30 < hidden.sum() < len(seen) - 30
    assert seen.visibility[hidden].isna().all()
    assert not seen.asked[hidden].any()
    assert seen.visibility[~hidden].equals(told.visibility[~hidden])
    whole = told.x_A.between(2, 17) & told.y_A.between(2, 17)
    of_strontium = told[whole & told.strength.between(0.99, 1)]
    below, beside = (of_strontium.visibility[hidden[of_strontium.index] == each] for each in (True, False))
    assert min(len(below), len(beside)) > 5
    assert below.median() == pytest.approx(beside.max(), rel=0.1)  # the overlayer's edge adds background to others
    assert told.asked[hidden].sum() > 0.8 * hidden.sum()


def test_targets_say_nothing_around_what_an_image_does_not_show(small_factory):
    network = build("atomsegnet_unet", 0.1, 0)
    sample = small_factory.sample("test", 0)
    hidden = ignored(sample)
    assert hidden.any()
    for task, silent in (("localise", hidden), ("segment", hidden), ("denoise", np.zeros_like(hidden))):
        assert np.array_equal(np.isnan(network.target(sample, task)[0]), silent), task


def test_a_crystal_takes_the_arrangements_that_suit_it(small_factory):
    """A film of one element is never polar, and a factory of it is not refused for a recipe with others."""
    arrangements = {"polar": Polar(), "empty": Empty()}
    recipe = replaced(small_factory.recipe, arrangements=("polar", "empty"))
    films = [each for each in small_factory.materials if each.material == "Si"]
    factory = Factory(recipe, arrangements, small_factory.imaging, films, 64)
    assert {factory.sample("train", i).parameters["arrangement"] for i in range(8)} == {"empty"}
    with pytest.raises(InputError, match=r"arrangements\.polar: Si has one element"):
        Factory(replaced(recipe, arrangements=("polar",)), arrangements, small_factory.imaging, films, 64)


def test_a_bound_is_of_the_columns_that_its_own_image_shows(small_factory):
    """A higher dose shows more of one scene."""
    for number in range(8):
        sample = small_factory.sample("test", number)
        if sample.parameters["shot_noise_alone"]:
            assert np.array_equal(sample.columns.crlb_pm.notna(), sample.columns.asked)
