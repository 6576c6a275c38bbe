import numpy as np
import pytest
from ase import Atoms
from hypothesis import assume, given, settings
from scipy.spatial import cKDTree
from stembench.crystals.cif import Crystal
from stembench.crystals.projection import project_structure
from stembench.crystals.supercell import (
    LARGEST_CLIMB,
    LARGEST_STRAIN,
    nearest_zone,
    orthogonal_supercell,
    supercell_along,
)
from stembench.errors import InputError
from test_projection import triclinic_crystals, zones


def crystal_of(cell, positions=((0, 0, 0),), elements=None) -> Crystal:
    ones = np.ones(len(positions))
    return Crystal(
        np.array(cell, float), np.zeros((1, 3)), elements or ("Cu",) * len(ones), np.array(positions, float), ones, ones
    )


def apart(one: np.ndarray, other: np.ndarray, box: np.ndarray) -> float:
    """Largest distance from a point of one set to the nearest of the other in a periodic box."""
    tree = cKDTree(np.mod(other + 1e-5, box), boxsize=box)
    return tree.query(np.mod(one + 1e-5, box))[0].max()


@settings(max_examples=40, deadline=None)
@given(triclinic_crystals(), zones)
def test_a_supercell_is_the_crystal_slightly_strained(crystal, zone):
    projection = project_structure(crystal, zone)
    try:
        cell = orthogonal_supercell(projection, 12.0, 40.0)
    except InputError:
        assume(False)
    stretches = np.linalg.svd(cell.deformation[:2, :2], compute_uv=False)
    assert cell.climb <= LARGEST_CLIMB + 1e-9
    assert cell.climb == pytest.approx(np.linalg.norm(cell.deformation[:2, 2]), abs=2e-9)
    assert abs(stretches - 1).max() <= LARGEST_STRAIN + 1e-9
    assert cell.strain == pytest.approx(abs(stretches - 1).max(), abs=2e-9)
    assert cell.edges.min() >= 12 - 1e-5
    assert cell.edges.max() <= 40 + 1e-5

    thickness = 2 * projection.period
    atoms = cell.atoms(projection, thickness)
    box = np.array([*cell.edges, thickness])
    density = len(crystal.elements) / np.linalg.det(crystal.cell)
    undeformed = box.prod() / np.linalg.det(cell.deformation)
    assert len(atoms) == pytest.approx(density * undeformed, rel=1e-6)
    assert np.all(atoms.positions >= 0)
    assert np.all(atoms.positions < box + 1e-6)

    # Heights are folded into the box after the deformation, which leaves the beam's own direction as it is.
    in_crystal = atoms.positions @ np.linalg.inv(cell.deformation) @ projection.frame @ np.linalg.inv(crystal.cell)
    assert apart(in_crystal % 1, crystal.positions, np.ones(3)) < 1e-3

    climbing = cell.tile @ np.column_stack([projection.lattice, projection.rise]) @ cell.deformation
    assert cell.tile @ np.linalg.inv(cell.indices) == pytest.approx(climbing[:, :2] / cell.edges, abs=1e-9)
    for period in climbing:
        assert apart(atoms.positions + period * [1, 1, 0], atoms.positions, box) < 0.05
    edges_in_tiles = cell.indices @ np.linalg.inv(cell.tile)
    assert edges_in_tiles == pytest.approx(np.round(edges_in_tiles), abs=1e-9)


def test_the_period_of_strontium_titanate_110_does_not_climb(projection_of):
    projection = projection_of("SrTiO3", "110")
    cell = orthogonal_supercell(projection, 19.5)
    lengths = np.linalg.norm(cell.tile @ projection.lattice, axis=1)
    assert sorted(lengths) == pytest.approx([3.905, 3.905 * np.sqrt(2)], abs=1e-3)
    assert cell.strain == 0
    assert sorted(cell.edges) == pytest.approx([19.525, 22.090], abs=1e-3)


def test_a_hexagonal_crystal_has_a_primitive_tile_in_a_rectangle():
    a = 3.2
    crystal = crystal_of(
        [[a, 0, 0], [-a / 2, a * np.sqrt(3) / 2, 0], [0, 0, 5.2]], [(1 / 3, 2 / 3, 0), (2 / 3, 1 / 3, 0.5)]
    )
    projection = project_structure(crystal, (0, 0, 1))
    cell = orthogonal_supercell(projection, 15.0)
    tile = cell.tile @ projection.lattice
    assert np.linalg.norm(tile, axis=1) == pytest.approx([a, a])
    assert abs(np.linalg.det(tile)) == pytest.approx(a**2 * np.sqrt(3) / 2)
    assert cell.strain == 0
    assert len(cell.atoms(projection, 10.4)) == pytest.approx(4 * np.prod(cell.edges) / abs(np.linalg.det(tile)))


def test_a_monoclinic_crystal_is_rectangular_across_its_axis_and_sheared_along_it():
    beta = np.deg2rad(99.0)
    crystal = crystal_of([[5.1, 0, 0], [0, 5.2, 0], [5.3 * np.cos(beta), 0, 5.3 * np.sin(beta)]])
    along_c = orthogonal_supercell(project_structure(crystal, (0, 0, 1)), 15.0)
    assert along_c.strain == 0
    assert 0 < along_c.climb <= LARGEST_CLIMB  # a climbs along c: no flat slab has its exact period
    along_b = orthogonal_supercell(project_structure(crystal, (0, 1, 0)), 15.0, 60.0)
    assert along_b.strain <= LARGEST_STRAIN


def test_every_site_is_in_the_box_once_where_atoms_lie_on_its_edges():
    projection = project_structure(crystal_of(4 * np.eye(3)), (0, 0, 1))
    atoms = orthogonal_supercell(projection, 16.0).atoms(projection, 8.0)
    lattice = {tuple(site) for site in np.round(atoms.positions, 6).tolist()}
    assert lattice == {(4.0 * i, 4.0 * j, 4.0 * k) for i in range(4) for j in range(4) for k in range(2)}
    assert len(set(atoms.columns)) == 16


def test_species_occupancies_and_thermal_parameters_go_along(projection_of):
    projection = projection_of("SrTiO3", "001")
    atoms = orthogonal_supercell(projection, 11.0).atoms(projection, 3.905)
    formula = Atoms(atoms.numbers).get_chemical_formula(empirical=True)
    assert formula == "O3SrTi"
    by_species = {a["element"]: a["B_A2"] for column in projection.columns for a in column["atoms"]}
    assert set(atoms.thermal_b[atoms.numbers == 38]) == {by_species["Sr"]}
    assert np.all(atoms.occupancies == 1)


TRICLINIC = crystal_of([[7.8, 0, 0], [2.8, 5.0, 0], [2.2, 2.9, 7.9]])


def test_a_refusal_names_the_nearest_zone_axis_that_works():
    asked = (0, 0, 1)
    with pytest.raises(InputError, match=r"no rectangular cell .* 0.5 %"):
        orthogonal_supercell(project_structure(TRICLINIC, asked), 15.0, 24.0)
    other = nearest_zone(TRICLINIC, asked, 15.0, 24.0)
    key = "".join(str(index).replace("-", "m") for index in other)
    with pytest.raises(InputError, match=rf"albite, zone axis 001: .* {key}, \d+\.\d degrees"):
        supercell_along("albite", TRICLINIC, asked, 15.0, 24.0)
    found = supercell_along("albite", TRICLINIC, other, 15.0, 24.0)
    assert found.strain <= LARGEST_STRAIN

    beams = np.array([asked, other]) @ TRICLINIC.cell
    angle = np.arccos(abs(beams[0] @ beams[1]) / np.prod(np.linalg.norm(beams, axis=1)))
    axis = range(-3, 4)
    for zone in [(u, v, w) for u in axis for v in axis for w in axis if any((u, v, w))]:
        beam = np.array(zone) @ TRICLINIC.cell
        if np.arccos(min(1, abs(beam @ beams[0]) / np.linalg.norm(beam) / np.linalg.norm(beams[0]))) < angle - 1e-6:
            with pytest.raises(InputError):
                orthogonal_supercell(project_structure(TRICLINIC, zone), 15.0, 24.0)


def test_where_no_zone_has_a_cell_the_refusal_says_so():
    with pytest.raises(InputError, match="ask for a wider cell"):
        supercell_along("albite", TRICLINIC, (0, 0, 1), 6.0, 6.01)
