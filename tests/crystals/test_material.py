import numpy as np
import pytest
from ase.build import bulk, fcc111, graphene, mx2
from stembench.crystals.cif import Crystal
from stembench.crystals.material import Material, vacuum
from stembench.crystals.projection import project_structure


def projected(atoms, zone=(0, 0, 1)):
    ones = np.ones(len(atoms))
    cell, symbols = np.array(atoms.cell), tuple(atoms.get_chemical_symbols())
    return project_structure(Crystal(cell, np.zeros((1, 3)), symbols, atoms.get_scaled_positions(), ones, ones), zone)


def in_vacuum(atoms, height):
    atoms.center(vacuum=height / 2, axis=2)
    return atoms


@pytest.mark.parametrize("height", [9.0, 15.0, 30.0])
@pytest.mark.parametrize("make", [graphene, mx2, lambda: fcc111("Pt", (1, 1, 4))])
def test_a_layer_is_found_by_its_vacuum(make, height):
    projection = projected(in_vacuum(make(), height))
    assert vacuum(projection) == pytest.approx(height, abs=1e-3)
    material = Material.of("mine", "001", projection)
    assert material.single_layer
    assert material.filled(100.0) == projection.period
    assert material.thickness(100.0) == pytest.approx(projection.period - height + 3.35, abs=1e-3)


def test_a_layer_cut_by_its_cell_is_found():
    atoms = mx2()
    atoms = in_vacuum(atoms, 15.0)
    atoms.positions[:, 2] -= atoms.positions[0, 2]
    atoms.wrap()
    heights = [atom["height_A"] for column in projected(atoms).columns for atom in column["atoms"]]
    assert np.ptp(heights) > 15
    whole = Material.of("mine", "001", projected(atoms)).projection
    assert np.ptp([atom["height_A"] for column in whole.columns for atom in column["atoms"]]) < 3.5


@pytest.mark.parametrize("zone", [(0, 0, 1), (1, 1, 0), (1, 1, 1), (9, 8, 7), (1, 2, 9)])
def test_a_crystal_is_no_layer_along_any_zone_axis(zone):
    assert vacuum(projected(bulk("Cu"), zone)) == 0
    assert vacuum(projected(bulk("ZnO", "wurtzite", a=3.25, c=5.2), zone)) == 0
    assert not Material.of("Cu", "001", projected(bulk("Cu"), zone)).single_layer


def test_layers_of_a_crystal_are_no_single_layers(projection_of):
    assert vacuum(projection_of("LiCoO2", "001")) == 0
    assert vacuum(projected(in_vacuum(mx2(), 3.0))) == 0


@pytest.mark.parametrize("name", ["graphene", "amorphous_graphene", "MoS2", "WS2", "ReS2"])
def test_layers_that_ship_have_their_vacuum(projection_of, name):
    assert vacuum(projection_of(name, "001")) > 15


def test_a_layer_seen_from_its_side_is_no_single_layer():
    assert vacuum(projected(in_vacuum(mx2(), 15.0), (1, 0, 0))) == 0
