import numpy as np
import pytest
from scipy.spatial import cKDTree
from stembench.crystals.cif import read_crystal
from stembench.crystals.specimen import NO_COLUMN, atoms_alone, crystal_slab, together


@pytest.mark.parametrize(("material", "zone"), [("Si", "110"), ("SrTiO3", "110"), ("Pt", "111"), ("TiO2", "101")])
def test_a_slab_is_the_crystal_turned_to_its_zone_axis(repository, projection_of, material, zone):
    """Every atom of the slab lies on an atom of the crystal, and as many as the density says."""
    crystal, projection = read_crystal(repository / "structures" / f"{material}.cif"), projection_of(material, zone)
    turn, offset = 0.4, np.array([1.0, -2.0])
    slab = crystal_slab(projection, (30.0, 30.0), turn, offset, 5.0, 45.0)
    rotation = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    cartesian = (slab.positions - [*offset, 0]) @ rotation.T @ projection.frame
    fractions = cartesian @ np.linalg.inv(crystal.cell)
    apart = fractions[:, None] - crystal.positions
    distance = np.linalg.norm((apart - np.round(apart)) @ crystal.cell, axis=-1)
    assert distance.min(axis=1).max() < 1e-6
    elements = np.array(crystal.elements)[distance.argmin(axis=1)]
    from ase.data import chemical_symbols

    assert (elements == np.array(chemical_symbols)[slab.numbers]).all()
    assert cKDTree(slab.positions).query(slab.positions, k=2)[0][:, 1].min() > 1.5
    inside = np.all((slab.positions >= [0, 0, 0]) & (slab.positions < [30, 30, 45]), axis=1)
    expected = 30 * 30 * 45 * len(crystal.elements) / np.linalg.det(crystal.cell)
    assert inside.sum() == pytest.approx(expected, rel=0.04)


def test_parts_keep_their_columns(projection_of):
    slab = crystal_slab(projection_of("Pt", "001"), (8.0, 8.0), 0.0, np.zeros(2), 0.0, 4.0)
    both = together(slab, atoms_alone(np.zeros((3, 3)), 6), slab.moved(np.array([0.3, 0.0, 0.0])))
    number = slab.columns.max() + 1
    assert np.unique(both.columns[both.columns != NO_COLUMN]).tolist() == list(range(2 * number))
    assert (both.columns == NO_COLUMN).sum() == 3
