from dataclasses import replace

import numpy as np
from stembench.crystals.specimen import crystal_slab
from stembench.crystals.symmetry import equivalent_points


def orbits(projection, grid, lattice=None):
    lattice = projection.lattice if lattice is None else lattice
    slab = crystal_slab(projection, (30.0, 30.0), 0.0, np.zeros(2), 0.0, projection.period)
    return equivalent_points(slab, lattice, grid)


def test_a_square_of_fourfold_columns_needs_an_eighth_of_its_points(projection_of):
    first = orbits(projection_of("SrTiO3", "001"), (12, 12))
    assert len(np.unique(first)) == 7 * 8 // 2  # 0 <= y <= x <= 1/2 in steps of 1/12
    assert len(np.unique(orbits(projection_of("SrTiO3", "001"), (12, 10)))) == 7 * 6  # no diagonal mirror


def test_a_monolayer_has_its_threefold_axis(projection_of):
    first = orbits(projection_of("MoS2", "001"), (12, 12))
    sizes = np.bincount(np.unique(first, return_inverse=True)[1])
    assert set(sizes) <= {1, 3, 6}
    assert (sizes == 1).sum() == 3  # Mo, S2 and the hollow


def test_heights_are_kept(projection_of):
    """Rutile along c has a fourfold screw axis: turned by it, the columns begin half a period higher."""
    projection = projection_of("TiO2", "001")
    slab = crystal_slab(projection, (30.0, 30.0), 0.0, np.zeros(2), 0.0, projection.period)
    flattened = replace(slab, positions=slab.positions * [1, 1, 0])
    counts = [len(np.unique(equivalent_points(each, projection.lattice, (12, 12)))) for each in (slab, flattened)]
    assert counts[0] > 1.5 * counts[1]


def test_what_is_equivalent_has_equal_surroundings(projection_of):
    projection, grid = projection_of("TiO2", "001"), (12, 12)
    slab = crystal_slab(projection, (40.0, 40.0), 0.0, np.zeros(2), 0.0, projection.period)
    first = equivalent_points(slab, projection.lattice, grid)
    origin = 4 * projection.lattice.sum(axis=0)
    for number in range(0, 144, 5):
        distances = []
        for point in (number, first[number]):
            at = origin + np.array([point % 12 / 12, point // 12 / 12]) @ projection.lattice
            apart = np.hypot(*(slab.positions[:, :2] - at).T)
            near = apart < 8
            seen = zip(apart[near].round(3), slab.numbers[near], slab.positions[near, 2].round(3))
            distances.append(sorted(seen))
        assert np.allclose(*distances, atol=2e-3)
    assert len(np.unique(first)) < 50
