import numpy as np
import pytest
from stembench.crystals.amorphous import amorphous_graphene, bonded_neighbours, ring_sizes, write_sheet
from stembench.crystals.cif import read_crystal

#: Atoms of a hexagonal cell of 2.46 A side [1/A^2].
GRAPHENE_DENSITY = 2 / (2.46**2 * np.sqrt(3) / 2)


@pytest.fixture(scope="module")
def small_sheet():
    return amorphous_graphene(60, seed=3, trials=4)


@pytest.fixture(scope="module", params=["generated", "shipped"])
def sheet(request, repository):
    if request.param == "generated":
        return request.getfixturevalue("small_sheet")
    return read_crystal(repository / "structures" / "amorphous_graphene.cif")


def vectors(crystal):
    """From each atom to each other's nearest image [A], shape (atoms, atoms, 2); farther than any atom to itself."""
    fractions = crystal.positions[None, :, :2] - crystal.positions[:, None, :2]
    apart = (fractions - np.round(fractions)) * np.diag(crystal.cell)[:2]
    np.fill_diagonal(apart[..., 0], np.inf)
    return apart


def angles(crystal):
    """Between the bonds of each atom [deg], shape (atoms, 3)."""
    bonds = np.take_along_axis(vectors(crystal), bonded_neighbours(crystal)[:, :, None], axis=1)
    bonds /= np.linalg.norm(bonds, axis=2, keepdims=True)
    return np.degrees(np.arccos((bonds * bonds[:, [1, 2, 0]]).sum(axis=2)))


def test_every_atom_is_bonded_to_three_others(sheet):
    assert set(sheet.elements) == {"C"}
    distances = np.linalg.norm(vectors(sheet), axis=2)
    assert np.all((distances < 1.75).sum(axis=1) == 3)
    assert distances.min() > 1.2


def test_bonds_around_an_atom_lie_in_a_plane_and_bend_away_from_120_degrees(sheet):
    assert np.ptp(sheet.positions[:, 2]) == pytest.approx(0, abs=1e-9)
    bent = angles(sheet)
    assert bent.sum(axis=1) == pytest.approx(360)
    assert bent.std() > 5


def test_rings_have_six_atoms_on_average_and_five_to_eight_each(sheet):
    sizes = ring_sizes(bonded_neighbours(sheet))
    assert len(sizes) == len(sheet.elements) / 2
    assert np.mean(sizes) == 6
    assert {5, 7} <= set(sizes) <= {4, 5, 6, 7, 8}
    assert sizes.count(6) < 0.75 * len(sizes)


def test_sheet_is_about_as_dense_as_graphene(sheet):
    area = sheet.cell[0, 0] * sheet.cell[1, 1]
    assert len(sheet.elements) / area == pytest.approx(GRAPHENE_DENSITY, rel=0.05)


def test_shipped_sheet_remembers_no_direction_of_the_honeycomb(repository):
    crystal = read_crystal(repository / "structures" / "amorphous_graphene.cif")
    bonds = np.take_along_axis(vectors(crystal), bonded_neighbours(crystal)[:, :, None], axis=1)
    directions = np.arctan2(bonds[..., 1], bonds[..., 0])
    assert abs(np.exp(6j * directions).mean()) < 0.3


def test_a_seed_gives_the_same_sheet_and_another_seed_another(small_sheet):
    again, other = (amorphous_graphene(60, seed, trials=4) for seed in (3, 4))
    assert np.array_equal(again.positions, small_sheet.positions)
    assert np.array_equal(again.cell, small_sheet.cell)
    assert not np.allclose(other.positions, small_sheet.positions, atol=0.01)


def test_a_honeycomb_that_nothing_switches_stays_graphene():
    crystal = amorphous_graphene(60, seed=0, random_switches=0, trials=0)
    assert set(ring_sizes(bonded_neighbours(crystal))) == {6}
    distances = np.linalg.norm(vectors(crystal), axis=2)
    assert np.sort(distances, axis=1)[:, :3] == pytest.approx(1.42, abs=1e-3)


def test_a_sheet_read_from_its_cif_is_the_sheet_that_was_written(small_sheet, tmp_path):
    write_sheet(tmp_path / "sheet.cif", small_sheet, "a command")
    read = read_crystal(tmp_path / "sheet.cif")
    assert read.elements == small_sheet.elements
    assert read.positions == pytest.approx(small_sheet.positions, abs=1e-6)
    assert read.cell == pytest.approx(small_sheet.cell, abs=1e-5)
    assert "a command" in (tmp_path / "sheet.cif").read_text()
