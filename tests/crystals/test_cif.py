import numpy as np
import pytest
from stembench.crystals.cif import read_crystal
from stembench.errors import InputError

CELL = """data_test
_cell_length_a 4
_cell_length_b 4
_cell_length_c 4
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'P 1'
"""
SITES = """loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""


def written(folder, text):
    path = folder / "test.cif"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("material", "atoms", "density"),
    [("Pt", 4, 21.4), ("NiO", 8, 6.81), ("SrTiO3", 5, 5.12), ("Si", 8, 2.33), ("TiO2", 6, 4.25)],
)
def test_shipped_structures_have_their_known_density(repository, material, atoms, density):
    from ase.data import atomic_masses, atomic_numbers

    crystal = read_crystal(repository / "structures" / f"{material}.cif")
    assert len(crystal.elements) == atoms
    mass = sum(atomic_masses[atomic_numbers[e]] * o for e, o in zip(crystal.elements, crystal.occupancies))
    assert mass * 1.66054 / np.linalg.det(crystal.cell) == pytest.approx(density, rel=0.01)


def test_standard_uncertainties_and_charges_are_understood(tmp_path):
    text = CELL.replace("_cell_length_a 4", "_cell_length_a 4.0010(3)") + SITES + "Ti1 Ti4+ 0.25(1) 0 0 0.5\n"
    crystal = read_crystal(written(tmp_path, text))
    assert crystal.elements == ("Ti",)
    assert crystal.cell[0, 0] == pytest.approx(4.001)
    assert crystal.positions[0, 0] == pytest.approx(0.25)
    assert crystal.occupancies[0] == 0.5


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("this is no CIF", "not a readable CIF"),
        (CELL, "no atoms"),
        (CELL + SITES + "X1 Xx 0 0 0 1\n", "no known element"),
        (CELL + SITES + "Ti1 Ti 0 0 0 1.5\n", "occupancy"),
        (CELL + SITES + "Ti1 Ti ? 0 0 1\n", "coordinates"),
        (CELL.replace("_cell_length_a 4\n", "") + SITES + "Ti1 Ti 0 0 0 1\n", "unit cell"),
    ],
)
def test_what_cannot_be_used_is_refused_naming_the_file(tmp_path, text, part):
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=part) as refused:
        read_crystal(path)
    assert str(path) in str(refused.value)
