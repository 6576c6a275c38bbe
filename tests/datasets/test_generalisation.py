"""Each test set of generalisation shows what its name says."""

import numpy as np
import pytest
from stembench.config import Config
from stembench.crystals.material import Material
from stembench.datasets.factory import Factory
from stembench.datasets.forward import LinearModel
from stembench.noise.background import step

CONFIG = Config()
TESTSETS = CONFIG.generalisation.testsets
CRYSTALS = (("SrTiO3", "001"), ("Pt", "110"))


@pytest.fixture(scope="module")
def factory_of(projection_of):
    materials = [Material.of(*crystal, projection_of(*crystal)) for crystal in CRYSTALS]

    def made(name: str) -> Factory:
        recipe, model = TESTSETS[name], LinearModel("HAADF", CONFIG.imaging)
        return Factory(recipe, CONFIG.arrangements, CONFIG.imaging, materials, 96, forward=model)

    return made


@pytest.fixture(scope="module")
def plans_of(factory_of):
    return lambda name, number: [factory_of(name).plan("test", i) for i in range(number)]


@pytest.mark.parametrize("name", TESTSETS)
def test_every_recipe_draws_an_image_of_what_it_names(factory_of, name):
    sample = factory_of(name).sample("test", 0)
    assert 0 <= sample.images["image"].min() < sample.images["image"].max() <= 1
    assert sample.parameters["arrangement"] in TESTSETS[name].arrangements
    assert sample.parameters["condition"] in TESTSETS[name].conditions


def test_every_kind_of_common_object_is_a_test_set_of_its_own():
    own = {name for name in CONFIG.arrangements if name in TESTSETS and TESTSETS[name].arrangements == (name,)}
    rare = {"covered", "strained", "polar", "polar_vortex", "dislocation", "stacking_fault", "antiphase_boundary"}
    rare |= {"twin", "moire", "decahedron", "icosahedron", "lattice", "empty", "tilted"}
    assert own == set(CONFIG.arrangements) - rare


def test_the_background_steps_where_the_crystals_meet(plans_of):
    for plan in plans_of("background_steps", 6):
        drawn, frame = plan.parameters, plan.frame
        pixel_size, middle = frame.pixel_size, np.array([drawn["centre_x_A"], drawn["centre_y_A"]])
        normal = np.array([np.cos(drawn["interface_angle_rad"]), np.sin(drawn["interface_angle_rad"])])
        low, at, high = (
            plan.background[tuple(np.round((middle + d * normal) / pixel_size + frame.pad).astype(int)[::-1])]
            for d in (-10 * pixel_size, 0, 10 * pixel_size)
        )
        level = drawn["background_level"]
        assert (low, high) == pytest.approx((0, level), abs=0.01 * level + 1e-9)
        assert 0.2 * level < at < 0.8 * level


def test_steps_of_the_background_are_large():
    levels = TESTSETS["background_steps"].background
    assert levels >= 2 * CONFIG.datasets["physical"].background


def test_a_step_has_two_levels_and_one_edge():
    image = step((60, 90), 0.0, np.random.default_rng(0), np.array([40, 30]))
    assert image[:, :25].max() < 1e-3
    assert image[:, 55:].min() > 1 - 1e-3
    assert np.abs(np.diff(image, axis=1)).argmax(axis=1) == pytest.approx(40, abs=1)


def test_columns_of_the_wedge_are_as_strong_as_they_are_long(plans_of):
    for plan in plans_of("wedge", 3):
        columns, drawn = plan.scene.columns, plan.parameters
        along = columns["x_A"] * np.cos(drawn["wedge_azimuth_rad"]) + columns["y_A"] * np.sin(
            drawn["wedge_azimuth_rad"]
        )
        assert np.corrcoef(along, columns["atoms"])[0, 1] > 0.3
        assert columns["atoms"].max() > 1.5 * columns["atoms"].min()


def test_pixel_sizes_span_a_decade(plans_of):
    sizes = [plan.frame.pixel_size for plan in plans_of("pixel_sizes", 48)]
    assert min(sizes) < 0.05
    assert max(sizes) > 0.2
    assert 0.03 <= min(sizes) <= max(sizes) <= 0.3


@pytest.mark.parametrize("name", ["occluded", "occluded_by_crystal"])
def test_some_columns_are_hidden_and_some_are_not(factory_of, plans_of, name):
    hidden = np.concatenate([factory_of(name).columns(plan).hidden for plan in plans_of(name, 6)])
    assert 0.04 < hidden.mean() < 0.9


def test_aberrated_probes_and_the_halo_are_wider_than_the_clean_one(factory_of):
    clean = factory_of("multislice").probes["200keV_24mrad"]
    for name in ("aberrated", "halo"):
        for probe in factory_of(name).probes.values():
            assert probe.fwhm > 1.04 * clean.fwhm


def test_a_structure_of_the_dose_sweep_is_shown_from_a_third_of_a_count_to_three_hundred(factory_of):
    plans = [factory_of("dose_sweep").plan("test", i).parameters for i in range(7)]
    assert [plan["counts_per_px"] for plan in plans] == [0.3, 1, 3, 10, 30, 100, 300]
    assert len({plan["structure"] for plan in plans}) == 1


def test_columns_of_a_particle_are_told_how_far_inside_they_lie_and_others_are_not(factory_of):
    particle, crystal = (factory_of(name).sample("test", 1).columns for name in ("particle", "periodic"))
    assert particle.rim_A.notna().all()
    assert crystal.rim_A.isna().all()


def test_beyond_the_rim_of_a_particle_there_is_nothing(plans_of):
    plan = plans_of("particle", 1)[0]
    places = np.column_stack([plan.scene.columns["x_A"], plan.scene.columns["y_A"]])
    distance = plan.scene.columns["rim_A"]
    outermost = np.abs(places - places.mean(axis=0)).argmax(axis=0)
    assert distance[outermost] == pytest.approx(0, abs=1e-6)
    assert distance.max() > 3
