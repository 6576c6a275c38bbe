"""CIFs written after public reports, from the folder that STEMBENCH_CASES names."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from stembench.crystals.cif import read_crystal
from stembench.crystals.projection import project_structure
from stembench.crystals.supercell import orthogonal_supercell
from stembench.errors import InputError

CASES = os.environ.get("STEMBENCH_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="STEMBENCH_CASES names no folder with files of others")


def case(name):
    return Path(CASES) / "cifs" / f"{name}.cif"


def test_a_composition_in_the_symbol_is_a_mixed_site():
    crystal = read_crystal(case("composition_in_symbol_Pauling"))
    assert list(zip(crystal.elements, crystal.occupancies)) == [("Nb", 0.8), ("Nb", 0.8), ("Zr", 0.2), ("Zr", 0.2)]


def test_the_unique_axis_is_c_by_the_cell():
    crystal = read_crystal(case("monoclinic_unique_axis_c_P2m"))
    expected = [[0, 0, 0], [0.3, 0.2, 0.5], [0.7, 0.8, 0.5]]
    assert crystal.elements == ("Zr", "O", "O")
    np.testing.assert_allclose(crystal.positions[np.lexsort(crystal.positions.T[::-1])], expected, atol=1e-9)
    assert "unique axis is c" in crystal.remarks[0]


def test_an_origin_choice_in_words_is_taken():
    crystal = read_crystal(case("origin_choice_in_words"))
    assert Counter(crystal.elements) == {"Fe": 2, "Al": 2}
    # P m m n, origin at the centre of symmetry: the second atom of each element is the inverse of the first.
    for element in ("Fe", "Al"):
        one, other = crystal.positions[np.array(crystal.elements) == element]
        np.testing.assert_allclose((one + other) % 1, 0, atol=1e-9)


def test_of_two_phases_one_is_asked_for():
    with pytest.raises(
        InputError, match=r"it holds 2 crystals: .*#1 is VESTA_phase_1 \(Pb Te\); .*#2 is .*; write one"
    ):
        read_crystal(case("two_phases_one_file_VESTA"))
    assert set(read_crystal(case("two_phases_one_file_VESTA"), phase=2).elements) == {"Au"}


def test_a_relaxed_cell_that_is_nearly_orthogonal_is_projected_and_has_a_multislice_cell():
    crystal = read_crystal(case("nearly_orthogonal_relaxed"))
    projection = project_structure(crystal, (0, 0, 1))
    assert len(projection.columns) == 4
    assert projection.period == pytest.approx(3.92)
    assert orthogonal_supercell(projection, 30).strain < 0.005
