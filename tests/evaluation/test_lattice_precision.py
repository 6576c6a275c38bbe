import numpy as np
import pytest
from stembench.errors import InputError
from stembench.evaluation.intervals import with_intervals
from stembench.evaluation.lattice_precision import lattice_vectors, spacing_metrics, spacing_sums, spacings
from stembench.imaging.linear import linear_image
from stembench.imaging.probe import Probe

PIXEL_SIZE = 0.1
SIZE = 256
EXTENT = (SIZE * PIXEL_SIZE, SIZE * PIXEL_SIZE)
RECTANGLE = np.array([[0.0, 2.75], [3.92, 0.0]])
PROBE = Probe(energy=200e3, semiangle=24.0, source_size=0.9)


def turned(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return RECTANGLE @ np.array([[c, s], [-s, c]])


SHEARED = RECTANGLE @ np.array([[1.0, 0.1], [0.0, 1.0]])


def crystal(vectors, basis=((0.0, 0.0),)):
    """Columns of the lattice in the image, basis in fractions of the vectors."""
    cells = np.stack(np.meshgrid(np.arange(-30, 31), np.arange(-30, 31)), -1).reshape(-1, 2)
    columns = np.concatenate([(cells + place) @ vectors for place in basis]) + 12.8
    return columns[np.all((columns > 0) & (columns < EXTENT[0]), axis=1)]


def image_of(columns, strengths=1.0):
    number = len(columns)
    strengths = np.broadcast_to(strengths, number)
    image = linear_image(columns, strengths, np.zeros(number), PROBE, (SIZE, SIZE), PIXEL_SIZE)
    return image + np.random.default_rng(0).normal(0, 0.1 * image.max(), image.shape)


def measured(columns, vectors):
    table = spacings(columns, vectors, EXTENT)
    return {
        axis: spacing_metrics(spacing_sums(part).sum().to_frame().T).iloc[0] for axis, part in table.groupby("axis")
    }


@pytest.mark.parametrize("vectors", [RECTANGLE, turned(20), turned(75), SHEARED], ids=str)
def test_the_two_shortest_vectors_are_read_from_the_image(vectors):
    found = lattice_vectors(image_of(crystal(vectors)), PIXEL_SIZE)
    directed = [vector * (1 if tuple(vector) > (0, 0) else -1) for vector in vectors]
    assert found == pytest.approx(np.array(directed), abs=0.03)


def test_a_second_sublattice_is_no_shorter_lattice():
    columns = crystal(RECTANGLE)
    others = columns + RECTANGLE[1] / 2
    image = image_of(np.concatenate([columns, others]), np.repeat([1.0, 0.5], len(columns)))
    assert np.linalg.norm(lattice_vectors(image, PIXEL_SIZE), axis=1) == pytest.approx([2.75, 3.92], abs=0.03)


def test_dumbbells_are_no_lattice_vector():
    basis = ((0.0, 0.0), (0.0, 1.36 / 3.92))
    found = lattice_vectors(image_of(crystal(RECTANGLE, basis)), PIXEL_SIZE)
    assert np.linalg.norm(found, axis=1) == pytest.approx([2.75, 3.92], abs=0.03)


def test_dark_columns_have_the_lattice_of_bright_ones():
    image = image_of(crystal(RECTANGLE))
    assert lattice_vectors(1 - image, PIXEL_SIZE) == pytest.approx(lattice_vectors(image, PIXEL_SIZE), abs=1e-6)


def test_an_image_without_a_lattice_names_the_key_and_the_remedy():
    with pytest.raises(InputError, match=r"single_crystal.*evaluation\.lab_testsets"):
        lattice_vectors(np.zeros((SIZE, SIZE)), PIXEL_SIZE)


@pytest.mark.parametrize("vectors", [RECTANGLE, turned(20), SHEARED], ids=str)
def test_the_sd_of_a_spacing_is_that_of_two_columns(vectors):
    rng, scatter = np.random.default_rng(0), 0.05
    sds = []
    for _ in range(40):
        columns = crystal(vectors)
        table = measured(columns + rng.normal(0, scatter, columns.shape), vectors)
        sds.append([table["a"].sd_pm, table["b"].sd_pm])
    assert np.mean(sds, axis=0) == pytest.approx(100 * scatter * np.sqrt(2), rel=0.03)


def test_a_perfect_lattice_has_its_spacings_and_no_sd():
    table = measured(crystal(turned(20)), turned(20))
    assert (table["a"].mean_pm, table["b"].mean_pm) == pytest.approx((275, 392))
    assert (table["a"].sd_pm, table["b"].sd_pm) == pytest.approx((0, 0), abs=1e-3)


def test_missing_columns_leave_out_their_spacings_alone():
    columns = crystal(RECTANGLE)
    inner = np.flatnonzero(np.all((columns > 5) & (columns < 20), axis=1))[0]
    left = spacings(np.delete(columns, inner, axis=0), RECTANGLE, EXTENT)
    assert len(left) == len(spacings(columns, RECTANGLE, EXTENT)) - 4
    assert left.groupby("axis").spacing_pm.mean().to_numpy() == pytest.approx([275, 392])


def test_columns_of_two_sublattices_are_not_linked_with_each_other():
    basis = ((0.0, 0.0), (0.0, 1.36 / 3.92))
    both = spacings(crystal(RECTANGLE, basis), RECTANGLE, EXTENT)
    assert both.groupby("axis").spacing_pm.std().max() < 1e-6
    assert len(both) == pytest.approx(2 * len(spacings(crystal(RECTANGLE), RECTANGLE, EXTENT)), rel=0.1)


def test_a_duplicate_makes_no_further_spacing():
    columns = crystal(RECTANGLE)
    twice = np.concatenate([columns, columns[100:101] + 0.05])
    assert len(spacings(twice, RECTANGLE, EXTENT)) == len(spacings(columns, RECTANGLE, EXTENT))


@pytest.mark.parametrize("number", [0, 1])
def test_none_or_one_column_has_no_spacing(number):
    assert spacings(np.ones((number, 2)), RECTANGLE, EXTENT).empty


def test_blocks_give_the_sd_an_interval():
    columns = crystal(RECTANGLE)
    columns = columns + np.random.default_rng(0).normal(0, 0.05, columns.shape)
    table = spacings(columns, RECTANGLE, EXTENT)
    along_a = table[table.axis == "a"]
    result = with_intervals(spacing_sums(along_a).rename(columns={"structure": "unit"}), spacing_metrics, 200)
    assert result["sd_pm"] == pytest.approx(along_a.spacing_pm.std())
    assert result["sd_pm_low"] < 100 * 0.05 * np.sqrt(2) < result["sd_pm_high"]
