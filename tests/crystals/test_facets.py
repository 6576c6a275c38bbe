import gemmi
import numpy as np
import pytest
from ase.build import bulk
from stembench.crystals.cif import Crystal, read_crystal
from stembench.crystals.facets import Symmetry, facets_of
from stembench.crystals.material import Material
from stembench.crystals.particles import facet_normals
from stembench.crystals.projection import project_structure


def projected(atoms, zone=(0, 0, 1)):
    ones = np.ones(len(atoms))
    cell, symbols = np.array(atoms.cell), tuple(atoms.get_chemical_symbols())
    return project_structure(Crystal(cell, np.zeros((1, 3)), symbols, atoms.get_scaled_positions(), ones, ones), zone)


def planes_of(projection, families):
    """Miller indices in the crystal's cell, smallest whole numbers, of each facet of each family."""
    found = []
    for family in families:
        indices = family.normals @ projection.frame @ projection.cell.T
        indices = indices / family.spacing
        whole = np.round(indices)
        assert indices == pytest.approx(whole, abs=0.02)
        found.append({tuple(np.abs(each // np.gcd.reduce(each))) for each in whole.astype(int)})
    return found


@pytest.mark.parametrize("name", ["Pt", "SrTiO3", "TiO2", "LiCoO2", "PtFe", "DyScO3", "Co3O4", "CuS2", "ReS2", "MoS2"])
@pytest.mark.parametrize("zone", [(0, 0, 1), (1, 1, 0), (1, 2, 3)])
def test_the_symmetry_that_is_found_is_the_laue_class_of_the_space_group(repository, name, zone):
    path = repository / "structures" / f"{name}.cif"
    block = gemmi.cif.read(str(path)).sole_block()
    number = int(block.find_value("_space_group_IT_number"))
    order = 2 * len({str(op.rot) for op in gemmi.find_spacegroup_by_number(number).operations().sym_ops})
    if gemmi.find_spacegroup_by_number(number).is_centrosymmetric():
        order //= 2
    projection = project_structure(read_crystal(path), zone)
    rotations = np.unique(np.round(Symmetry(projection).rotations, 4) + 0.0, axis=0)
    assert len(rotations) == order
    assert rotations @ rotations.swapaxes(1, 2) == pytest.approx(np.broadcast_to(np.eye(3), rotations.shape), abs=1e-3)


@pytest.mark.parametrize("cubic", [False, True])
def test_cubic_metals_have_the_facets_of_their_lattice_whatever_their_cell(cubic):
    for element, closing, truncating in (("Au", (1, 1, 1), (1, 0, 0)), ("Fe", (1, 1, 0), (1, 0, 0))):
        atoms = bulk(element, cubic=True)
        projection = projected(atoms if cubic else atoms * (2, 1, 1))
        first, second = facets_of(projection)
        assert len(first) == len(second) == 1
        normals = [family.normals @ projection.frame for family in (*first, *second)]
        for plane, found in zip((closing, truncating), normals):
            sorted_components = np.unique(np.round(np.sort(np.abs(found), axis=1), 4), axis=0)
            assert sorted_components == pytest.approx(np.sort(plane)[None] / np.linalg.norm(plane), abs=1e-3)
        assert [len(each) for each in normals] == [{"Au": 8, "Fe": 12}[element], 6]


def test_rutile_has_prisms_and_pyramids(projection_of):
    projection = projection_of("TiO2", "110")
    closing, truncating = facets_of(projection)
    assert planes_of(projection, closing) == [{(1, 1, 0)}, {(1, 0, 1), (0, 1, 1)}]
    assert planes_of(projection, truncating) == [{(1, 0, 0), (0, 1, 0)}]


def test_a_tetragonal_crystal_tells_its_axis_from_the_others(projection_of):
    projection = projection_of("PtFe", "110")
    assert len(facet_normals(projection, (0, 0, 1), 0.3)) == 2
    assert len(facet_normals(projection, (1, 0, 0), 0.3)) == 4
    assert len(facet_normals(projection, (1, 0, 1), 0.3)) == 8


def test_a_layered_crystal_is_cleaved_along_its_layers(projection_of):
    projection = projection_of("LiCoO2", "010")
    closing, _ = facets_of(projection)
    assert planes_of(projection, closing)[0] == {(0, 0, 1)}
    assert len(closing[1].normals) == 6  # a rhombohedron: three-fold, not six-fold


def test_a_flake_of_a_single_layer_has_edges_alone(projection_of):
    material = Material.of("MoS2", "001", projection_of("MoS2", "001"))
    closing, truncating = material.facets
    assert all(np.abs(family.normals[:, 2]).max() < 1e-6 for family in (*closing, *truncating))
    assert [len(family.normals) for family in (*closing, *truncating)] == [6, 6]


def test_a_crystal_without_symmetry_has_facets_in_pairs():
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.3, seed=0)
    closing, _ = facets_of(projected(atoms))
    assert {len(family.normals) for family in closing} == {2}
    assert np.linalg.matrix_rank(np.concatenate([family.normals for family in closing])) == 3
