import numpy as np
import pytest
from scipy.spatial import cKDTree
from stembench.crystals.facets import facets_of
from stembench.crystals.particles import (
    distances_from_rim,
    facet_normals,
    faceted_particle,
    random_particle,
    wedge,
)
from stembench.crystals.specimen import columns_of, crystal_slab

CENTRE = np.array([30.0, 30.0])


def test_octahedron_and_cube_facets_are_as_many_as_the_solids_have(projection_of):
    projection = projection_of("Pt", "110")
    octahedron, cube = facet_normals(projection, (1, 1, 1), 0.3), facet_normals(projection, (1, 0, 0), 0.3)
    assert (len(octahedron), len(cube)) == (8, 6)
    assert np.abs(octahedron @ cube.T) == pytest.approx(1 / np.sqrt(3))
    assert np.sort(cube @ cube[0]) == pytest.approx([-1, 0, 0, 0, 0, 1], abs=1e-9)


@pytest.mark.parametrize("zone", ["001", "110", "123"])
def test_a_cube_of_platinum_holds_its_volume_in_atoms_along_every_zone_axis(projection_of, zone):
    """The facets follow the crystal: whatever the zone, the cube is cut along its {100} planes."""
    projection = projection_of("Pt", zone)
    normals = facet_normals(projection, (1, 0, 0), 0.7)
    edge = 8.25 * 3.9231  # between planes of atoms, so that no facet cuts through one
    cube = faceted_particle(projection, [(normals, np.full(6, edge / 2))], CENTRE, 0.7, np.zeros(2))
    assert len(cube) == pytest.approx(4 * 8.25**3, rel=0.12)
    assert cube.positions[:, 2].min() == pytest.approx(0, abs=1e-9)
    assert cube.positions[:, :2].mean(axis=0) == pytest.approx(CENTRE, abs=1.0)
    neighbours = cKDTree(cube.positions).query_ball_point(cube.positions, 2.9, return_length=True) - 1
    assert neighbours.max() == 12
    assert {4, 5, 8} & set(neighbours)  # corners, edges and faces of {100} planes


def test_the_columns_of_a_random_particle_taper_towards_its_rim(projection_of):
    rng = np.random.default_rng(3)
    projection = projection_of("Pt", "110")
    particle = random_particle(projection, facets_of(projection), 30.0, 1.0, 0.1, CENTRE, 0.0, np.zeros(2), rng)
    columns = columns_of(particle, np.ones(len(particle)))
    radius = np.hypot(columns["x_A"] - CENTRE[0], columns["y_A"] - CENTRE[1])
    inner, outer = radius < np.quantile(radius, 0.3), radius > np.quantile(radius, 0.8)
    assert columns["strength"][outer].mean() < 0.6 * columns["strength"][inner].mean()


def test_each_particle_has_a_shape_of_its_own(projection_of):
    projection = projection_of("Pt", "110")
    families = facets_of(projection)
    sizes = {
        len(
            random_particle(projection, families, 25.0, 1.0, 0.2, CENTRE, 0.0, np.zeros(2), np.random.default_rng(seed))
        )
        for seed in (0, 0, 1, 2)
    }
    assert len(sizes) == 3


def test_a_wedge_thins_linearly_to_nothing(projection_of):
    slab = crystal_slab(projection_of("Si", "110"), (60.0, 60.0), 0.0, np.zeros(2), 0.0, 80.0)
    thinned = wedge(slab, (60.0, 60.0), (0.0, 80.0), 0.0)
    columns = columns_of(thinned, np.ones(len(thinned)))
    fitted = np.polyfit(columns["x_A"], columns["atoms"], 1)
    assert fitted[0] == pytest.approx(80 / 60 / 3.84, rel=0.03)  # one atom each a / sqrt(2) along [110]


def test_a_column_of_a_disc_is_as_far_from_the_rim_as_the_radius_is_from_its_own():
    angles = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    rim = 20 * np.column_stack([np.cos(angles), np.sin(angles)])
    inside = np.array([[0.0, 0.0], [15.0, 0.0], [0.0, -17.0]])
    distances = distances_from_rim(np.concatenate([rim, inside]) + CENTRE)
    assert distances[:-3] == pytest.approx(0, abs=1e-6)
    assert distances[-3:] == pytest.approx([20, 5, 3], abs=0.01)


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_columns_in_a_row_are_all_rim(number):
    assert distances_from_rim(np.outer(np.arange(number), [1.0, 2.0])) == pytest.approx(0, abs=1e-6)
