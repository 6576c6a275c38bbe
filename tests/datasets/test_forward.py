from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.fft import dctn
from scipy.ndimage import map_coordinates
from stembench.config import Condition, Dataset, Imaging, Multislice, PhysicalNoise
from stembench.datasets.factory import Factory
from stembench.datasets.forward import MultisliceModel
from stembench.datasets.labels import SMALL, circular_mask
from stembench.imaging.conditions import detectors_of, probe_of
from stembench.imaging.multislice import simulate_tile

pytestmark = pytest.mark.slow

NAME = "soft"
CONDITION = Condition(
    energy_keV=200,
    semiangle_mrad=15,
    source_size_A=0.8,
    detectors_mrad=((40.0, 45.0), (7.5, 15.0)),
    segmented_mrad=(3.0, 18.0),
)
IMAGING = Imaging(conditions={NAME: CONDITION})
SETTINGS = Multislice(conditions=(NAME,), sampling_A=0.18, slice_A=2.0, cell_A=20.0)


@pytest.fixture(scope="module")
def tiles(small_factory):
    return {
        (each.material, each.zone, NAME): simulate_tile(
            each.projection,
            probe_of(CONDITION),
            detectors_of(CONDITION),
            (each.projection.period, 2 * each.projection.period),
            cell_width=20.0,
            sampling=0.18,
            slice_thickness=2.0,
            phonons=0,
            seed=0,
            segmented=CONDITION.segmented_mrad,
        )
        for each in small_factory.materials
    }


def multislice_factory(small_factory, tiles, mode, arrangement, image_px, pixel_size):
    recipe = Dataset(
        forward_model="multislice",
        conditions=(NAME,),
        mode=mode,
        arrangements=(arrangement,),
        pixel_size_A=(pixel_size, pixel_size),
        thickness_A=(3.0, 9.0),
        background=0.0,
        noise=PhysicalNoise(shot_noise_alone=1.0, drift_A=(0, 0), shear_deg=(0, 0), jitter_A=(0, 0), pickup_A=(0, 0)),
    )
    forward = MultisliceModel(mode, IMAGING, SETTINGS, 0, tiles)
    rest = (small_factory.arrangements, IMAGING, small_factory.materials, image_px)
    linear = recipe.model_copy(update={"forward_model": "linear"})
    return Factory(recipe, *rest, forward=forward), Factory(linear, *rest)


def test_a_multislice_recipe_is_not_drawn_by_the_linear_model(small_factory):
    recipe = Dataset(forward_model="multislice")
    with pytest.raises(ValueError, match="needs its forward model"):
        Factory(recipe, small_factory.arrangements, IMAGING, small_factory.materials, 64)


def test_a_thin_crystal_looks_alike_in_both_models(small_factory, tiles):
    factory, linear = multislice_factory(small_factory, tiles, "ADF", "periodic", 48, 0.15)
    sample, other = factory.sample("test", 0), linear.sample("test", 0)
    images = [each.images["noBackgroundnoNoise"].ravel() for each in (sample, other)]
    assert np.corrcoef(images)[0, 1] > 0.95
    places = ["x_A", "y_A", "resolved", "hidden"]
    pd.testing.assert_frame_equal(sample.columns[places], other.columns[places])
    assert sample.columns.crlb_pm.isna().all()  # it would be that of another probe
    held = tiles[sample.parameters["material"], sample.parameters["zone"], NAME].thicknesses
    assert sample.parameters["thickness_A"] in held


@pytest.mark.parametrize("mode", ["ADF", "ABF", "iDPC"])
def test_columns_of_a_crystal_are_as_strong_as_its_tile_shows_them(small_factory, tiles, mode):
    factory, _ = multislice_factory(small_factory, tiles, mode, "periodic", 48, 0.15)
    plan = factory.plan("test", 0)
    columns, image = factory.columns(plan), factory.rendered(plan).images["noBackgroundnoNoise"]
    inside = columns[columns[["x_A", "y_A"]].apply(lambda at: at.between(0.6, 6.4)).all(axis=1)]
    at = map_coordinates(image, inside[["y_A", "x_A"]].to_numpy().T / 0.15, order=3)
    shown = image.max() - at if mode == "ABF" else at - image.min()
    assert inside.strength.to_numpy() == pytest.approx(shown / np.ptp(image), abs=0.03)


@pytest.mark.parametrize("mode", ["ADF", "ABF"])
def test_columns_of_multislice_stand_out_by_the_likelihood_ratio_of_a_gaussian_fitted_to_each(
    small_factory, tiles, mode
):
    factory, _ = multislice_factory(small_factory, tiles, mode, "periodic", 96, 0.1)
    plan = factory.plan("test", 4)
    assert plan.parameters["counts_per_px"] == 100
    columns, drawn = factory.columns(plan), plan.parameters
    counts = drawn["counts_per_px"] * factory._ideal(plan).image
    y, x = np.mgrid[:96, :96] * 0.1
    inside = columns.x_A.between(2, 7.5) & columns.y_A.between(2, 7.5)
    known = columns[inside & (columns.strength > 0.3)]  # beside weaker ones a Gaussian alone does not fit
    assert len(known) > 2
    expected = []
    for column in known.itertuples():
        distance = np.hypot(x - column.x_A, y - column.y_A)
        near = distance < 1.25 * drawn["probe_fwhm_A"]
        profile = np.exp(-4 * np.log(2) * (distance[near] / drawn["probe_fwhm_A"]) ** 2)
        height, level = np.linalg.lstsq(np.column_stack([profile, np.ones(near.sum())]), counts[near], rcond=None)[0]
        added = height * profile
        expected.append(np.sqrt(2 * ((added + level) * np.log1p(added / level) - added).sum()))
    assert max(expected) > 5
    assert known.visibility.to_numpy() == pytest.approx(expected, rel=0.25)
    assert np.array_equal(columns.asked, columns.visibility >= 5)


def test_a_column_of_an_integrated_image_stands_out_as_a_matched_filter_finds_it_in_drawn_noise(small_factory, tiles):
    """Noise of mirrored images has its spectrum in cosines, of which each has a variance of its own."""
    factory, _ = multislice_factory(small_factory, tiles, "iDPC", "periodic", 48, 0.15)
    plan = factory.plan("test", 0)
    columns, ideal = factory.columns(plan), factory._ideal(plan)
    noise = [factory._noisy(plan, ideal, ideal.image, ideal.image[None])[0] - ideal.image for _ in range(300)]
    power = np.mean([dctn(each, norm="ortho") ** 2 for each in noise], axis=0)
    power[0, 0] = np.inf  # the mean of an image is not known
    column = columns.loc[np.hypot(columns.x_A - 3.5, columns.y_A - 3.5)[columns.visibility.notna()].idxmin()]
    y, x = np.mgrid[:48, :48] * 0.15 - np.array([column.y_A, column.x_A])[:, None, None]
    profile = np.exp(-4 * np.log(2) * (x**2 + y**2) / plan.probe.fwhm**2)
    row, place = round(column.y_A / 0.15), round(column.x_A / 0.15)
    reach = round(1.25 * plan.probe.fwhm / 0.15)
    near = ideal.clean[max(row - reach, 0) : row + reach + 1, max(place - reach, 0) : place + reach + 1]
    height = ideal.clean[row, place] - near.min()
    expected = height * np.sqrt((dctn(profile, norm="ortho") ** 2 / power).sum())
    assert column.visibility == pytest.approx(expected, rel=0.15)


def test_counts_are_those_of_the_simulated_fraction(small_factory, tiles):
    factory, _ = multislice_factory(small_factory, tiles, "ADF", "periodic", 48, 0.15)
    drawn = factory.sample("test", 3).parameters
    tile = tiles[drawn["material"], drawn["zone"], NAME]
    peak = drawn["counts_per_px"] / (drawn["dose_e_per_A2"] * drawn["pixel_size_A"] ** 2)
    assert 0.2 * tile.intensity[0].max() < peak < tile.intensity[0].max()


@pytest.mark.parametrize("mode", ["ADF", "ABF", "iDPC"])
def test_other_objects_are_scanned(small_factory, tiles, mode):
    factory, _ = multislice_factory(small_factory, tiles, mode, "random", 16, 0.3)
    sample = factory.sample("train", 0)
    clean = sample.images["noBackgroundnoNoise"]
    places, radius = sample.columns[["x_A", "y_A"]].to_numpy(), SMALL * sample.parameters["column_radius_A"]
    at_columns = circular_mask(places, clean.shape, 0.3, radius) > 0
    assert at_columns.any()
    assert (clean[at_columns].mean() > clean[~at_columns].mean()) == (mode != "ABF")


def test_noise_of_an_integrated_image_is_that_of_electrons_counted_in_quadrants(small_factory, tiles):
    """Its spectrum falls as 1 / k^2: the difference of two quadrants is white, and integration divides it by 2 pi k."""
    factory, _ = multislice_factory(small_factory, tiles, "iDPC", "periodic", 48, 0.15)
    plan = factory.plan("test", 3)
    ideal = factory.forward.image(plan.scene, plan.condition, plan.probe, plan.frame, plan.background, 0)
    inner = slice(plan.frame.pad, plan.frame.pad + 48)
    image = ideal.image[inner, inner]
    noise = [factory._noisy(plan, ideal, image, image[None])[0] - image for _ in range(40)]
    window = np.outer(np.hanning(48), np.hanning(48))
    power = np.mean([abs(np.fft.fft2(window * each)) ** 2 for each in noise], axis=0) / (window**2).sum()
    ky, kx = (np.fft.fftfreq(48, 0.15)[:, None], np.fft.fftfreq(48, 0.15))
    counts = plan.parameters["counts_per_px"]
    # Variances of A - C and B - D, in fractions of the beam; each takes half of the electrons.
    white = ideal.fraction**2 / (2 * counts)
    expected = white / (2 * np.pi * np.hypot(kx, ky) * ideal.segments.span + 1e-9) ** 2
    middle = (np.hypot(kx, ky) > 0.6) & (np.hypot(kx, ky) < 2.0)
    assert np.mean(power[middle] / expected[middle]) == pytest.approx(1, rel=0.1)


def test_an_integrated_image_of_a_crystal_reaches_from_0_to_1_by_all_of_its_source(small_factory, tiles):
    factory, _ = multislice_factory(small_factory, tiles, "iDPC", "periodic", 96, 0.1)
    plan = factory.plan("test", 0)
    probe = replace(plan.probe, source_tail=0.4, source_tail_size=3.0)
    clean = factory.forward.image(plan.scene, plan.condition, probe, plan.frame, plan.background, 0).clean
    assert [clean.min(), clean.max()] == pytest.approx([0, 1], abs=0.03)


def test_columns_of_a_tile_under_coma_are_where_it_shows_them(small_factory):
    """The probe of a tile turns with the crystal; its source has a tail."""
    skew = CONDITION.model_copy(
        update={"coma_A": 4000.0, "coma_angle_deg": 20.0, "source_tail": 0.2, "source_tail_A": 2}
    )
    imaging, crystal = Imaging(conditions={NAME: skew}), small_factory.materials[0]
    settings = {"cell_width": 24.0, "sampling": 0.18, "slice_thickness": 2.0, "phonons": 0, "seed": 0}
    period = (crystal.projection.period,)
    tile = simulate_tile(crystal.projection, probe_of(skew), detectors_of(skew), period, **settings)
    forward = MultisliceModel("ADF", imaging, SETTINGS, 0, {(crystal.material, crystal.zone, NAME): tile})
    recipe = Dataset(
        forward_model="multislice",
        conditions=(NAME,),
        mode="ADF",
        pixel_size_A=(0.05, 0.05),
        noise=PhysicalNoise(shot_noise_alone=1.0),
    )
    factory = Factory(recipe, small_factory.arrangements, imaging, [crystal], 200, forward=forward)
    plan = factory.plan("test", 0)
    columns, image = factory.columns(plan), factory.rendered(plan).images["noBackgroundnoNoise"]
    heavy = columns[(columns.strength > 0.95) & columns.x_A.between(1, 9) & columns.y_A.between(1, 9)]
    assert len(heavy)
    for column in heavy.itertuples():
        near = image[round(column.y_A / 0.05) - 12 :, round(column.x_A / 0.05) - 12 :][:25, :25]
        row, x = np.unravel_index(near.argmax(), near.shape)
        assert np.hypot(row - 12, x - 12) * 0.05 < 0.08  # and 0.19 A from the column itself
    assert np.hypot(columns.x_A - columns.ideal_x_A, columns.y_A - columns.ideal_y_A).min() > 0.15
