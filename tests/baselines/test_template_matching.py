import numpy as np
import pytest
from scipy.spatial import cKDTree
from stembench.baselines.finders import FINDERS
from stembench.baselines.template_matching import matched_columns
from stembench.crystals.field import CrystalField
from stembench.crystals.projection import Projection, Scatterers
from stembench.imaging.linear import linear_image, strength_of
from stembench.imaging.probe import Probe
from stembench.localisation.peaks import PeakSettings

PIXEL_SIZE, SHAPE = 0.12, (120, 140)
PROBE = Probe(200e3, 24, 0.9)


def shown(projection, rotation_deg, offset, stretch=1.0):
    """A clean image of a crystal, its columns inside, and their sites; a stretch lengthens x."""
    extent = (SHAPE[0] * PIXEL_SIZE, SHAPE[1] * PIXEL_SIZE)
    scatterers = Scatterers.of(projection, lambda element: strength_of(element, 1.7))
    field = CrystalField.of(projection, scatterers, extent, np.deg2rad(rotation_deg), np.array(offset), PROBE.reach)
    points, centres = field.points * [stretch, 1], field.centres * [stretch, 1]
    image = linear_image(points, field.strengths, field.thermal_b, PROBE, SHAPE, PIXEL_SIZE)
    inside = np.all((centres >= 0) & (centres <= PIXEL_SIZE * (np.array(SHAPE[::-1]) - 1)), axis=1)
    return image / image.max(), centres[inside], field.sites[inside]


def found_in(image, projection):
    settings = PeakSettings(0.0, 0.0, 0.3, relative=False)
    return FINDERS.load("template_matching").find(image, PIXEL_SIZE, settings, projection)[0]


def errors_px(found, true):
    return cKDTree(found).query(true)[0] / PIXEL_SIZE


@pytest.mark.parametrize(("rotation_deg", "offset"), [(0, (0.3, 1.0)), (17.3, (1.9, 0.6)), (80, (3.1, 2.2))])
def test_rotation_and_offset_of_strontium_titanate_are_found(projection_of, rotation_deg, offset):
    projection = projection_of("SrTiO3", "001")
    image, columns, sites = shown(projection, rotation_deg, offset)
    elements = [{atom["element"] for atom in projection.columns[site]["atoms"]} for site in sites]
    bright = columns[[each != {"O"} for each in elements]]
    found = found_in(image, projection)
    assert len(found) == pytest.approx(len(bright), abs=2)
    assert errors_px(found, bright).max() < 0.2


def test_weak_columns_are_reported_when_asked_for(projection_of):
    projection = projection_of("SrTiO3", "001")
    image, columns, _ = shown(projection, 30, (1.0, 2.0))
    assert errors_px(matched_columns(image, PIXEL_SIZE, projection, weakest=0.0)[0], columns).max() < 0.2


def test_a_lattice_is_not_taken_for_its_mirror_image():
    sites = [(0.4, 0.9), (1.8, 1.3), (3.0, 3.1)]
    columns = tuple(
        {"x_A": x, "y_A": y, "atoms": [{"element": e, "occupancy": 1.0, "x_A": x, "y_A": y, "B_A2": 0.3}]}
        for (x, y), e in zip(sites, ("Pt", "Sr", "Ti"))
    )
    projection = Projection(np.array([[4.0, 0.0], [1.2, 5.0]]), np.zeros(2), 4.0, columns, np.eye(3), np.eye(3))
    image, true, _ = shown(projection, 213, (1.0, 2.0))
    found, _ = matched_columns(image, PIXEL_SIZE, projection, weakest=0.0)
    assert errors_px(found, true).max() < 0.3
    mirrored, _ = matched_columns(image[::-1], PIXEL_SIZE, projection, weakest=0.0)
    assert np.median(errors_px(mirrored, true * [1, -1] + [0, PIXEL_SIZE * (SHAPE[0] - 1)])) > 0.5


def test_a_lattice_that_a_drifting_scan_stretched_is_followed(projection_of):
    image, true, _ = shown(projection_of("Si", "110"), 40, (1.0, 2.0), stretch=1.02)
    assert errors_px(found_in(image, projection_of("Si", "110")), true).max() < 0.3


def test_a_few_electrons_a_pixel_and_a_background_are_enough(projection_of):
    image, true, _ = shown(projection_of("Si", "110"), 65, (1.0, 2.0))
    ramp = np.linspace(0, 2, SHAPE[1])
    counts = np.random.default_rng(0).poisson(1.0 * (image + ramp))
    assert errors_px(found_in(counts, projection_of("Si", "110")), true).max() < 1


def test_columns_are_reported_where_the_image_shows_them(projection_of):
    image, true, _ = shown(projection_of("Si", "110"), 25, (1.0, 2.0))
    image[:, 70:] = 0.0
    counts = np.random.default_rng(0).poisson(30 * image + 3)
    found = found_in(counts, projection_of("Si", "110"))
    edge = 70 * PIXEL_SIZE
    assert errors_px(found, true[true[:, 0] < edge - 1]).max() < 0.5
    assert found[:, 0].max() < edge + 3


def test_the_wrong_structure_matches_worse_than_the_right_one(projection_of):
    image, _, _ = shown(projection_of("Si", "110"), 25, (1.0, 2.0))
    right, wrong = (
        matched_columns(image, PIXEL_SIZE, projection_of(*name))[1] for name in (("Si", "110"), ("SrTiO3", "001"))
    )
    assert right.min() > 0.8
    assert np.median(wrong) < 0.7


def test_an_empty_image_holds_no_columns(projection_of):
    assert found_in(np.zeros(SHAPE), projection_of("Si", "110")).shape == (0, 2)
