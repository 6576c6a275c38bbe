from dataclasses import dataclass, field

import gemmi
import numpy as np
import pytest
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers
from ase.neighborlist import neighbor_list
from stembench.crystals.cif import read_crystal

DALTON_PER_A3 = 1.66054  # in g/cm^3


@dataclass(frozen=True)
class Known:
    """What is known of a material: g/cm^3, or atoms/nm^2 of a sheet, and its shortest bonds [A]."""

    atoms: int
    density: float | None = None
    areal: float | None = None
    bonds: dict[str, float] = field(default_factory=dict)


#: Handbook densities where there are any, else those of other determinations than the one in the file.
KNOWN = {
    "Au": Known(4, density=19.30, bonds={"Au-Au": 2.884}),
    "Co3O4": Known(56, density=6.11, bonds={"Co-O": 1.92, "Co-Co": 2.86}),
    "CuS2": Known(12, density=4.37, bonds={"Cu-S": 2.45, "S-S": 2.03}),
    "DyScO3": Known(20, density=6.90, bonds={"Sc-O": 2.09, "Dy-O": 2.25}),
    "LiCoO2": Known(12, density=5.06, bonds={"Co-O": 1.92, "Li-O": 2.09}),
    "MoS2": Known(3, areal=34.67, bonds={"Mo-S": 2.41}),  # a = 3.161 A
    "NiO": Known(8, density=6.81, bonds={"Ni-O": 2.09}),
    "Pt": Known(4, density=21.45, bonds={"Pt-Pt": 2.775}),
    "PtFe": Known(2, density=15.07, bonds={"Pt-Fe": 2.68, "Pt-Pt": 2.72}),
    "ReO3": Known(
        4, density=7.37, bonds={"Re-O": 1.87}
    ),  # a = 3.7504 A; handbooks print 6.9, which no cell agrees with
    "ReS2": Known(12, areal=33.50, bonds={"Re-Re": 2.69, "Re-S": 2.31}),  # 6.352, 6.446 A, 118.97 deg
    "Si": Known(8, density=2.329, bonds={"Si-Si": 2.352}),
    "SrTiO3": Known(5, density=5.11, bonds={"Ti-O": 1.95, "Sr-O": 2.76}),
    "TiO2": Known(6, density=4.25, bonds={"Ti-O": 1.95}),
    "WS2": Known(3, areal=35.05, bonds={"W-S": 2.40}),  # a = 3.144 A
    "amorphous_graphene": Known(576, areal=38.2),
    "graphene": Known(2, areal=38.2, bonds={"C-C": 1.42}),
}


@pytest.fixture(scope="module")
def atoms_of(repository):
    def read(material: str) -> Atoms:
        crystal = read_crystal(repository / "structures" / f"{material}.cif")
        assert np.all(crystal.occupancies == 1)
        return Atoms(crystal.elements, scaled_positions=crystal.positions, cell=crystal.cell, pbc=True)

    return read


def test_every_shipped_structure_is_compared_with_what_is_known_of_it(repository):
    assert {path.stem for path in (repository / "structures").glob("*.cif")} == set(KNOWN)


@pytest.mark.parametrize("material", KNOWN)
def test_structures_have_their_known_density(atoms_of, material):
    atoms, known = atoms_of(material), KNOWN[material]
    assert len(atoms) == known.atoms
    if known.areal is None:
        mass = sum(atomic_masses[atomic_numbers[element]] for element in atoms.symbols)
        assert mass * DALTON_PER_A3 / atoms.cell.volume == pytest.approx(known.density, rel=0.015)
    else:
        area = np.linalg.norm(np.cross(atoms.cell[0], atoms.cell[1]))
        assert 100 * len(atoms) / area == pytest.approx(known.areal, rel=0.015)


@pytest.mark.parametrize(
    ("material", "bond", "length"), [(name, *bond) for name, known in KNOWN.items() for bond in known.bonds.items()]
)
def test_shortest_bonds_have_their_known_length(atoms_of, material, bond, length):
    distances = neighbor_list("d", atoms_of(material), {tuple(bond.split("-")): length + 0.5})
    assert distances.min() == pytest.approx(length, abs=0.03)


@pytest.mark.parametrize("material", KNOWN)
def test_no_two_atoms_are_closer_than_a_bond(atoms_of, material):
    shortest = min(KNOWN[material].bonds.values(), default=1.25)
    assert len(neighbor_list("d", atoms_of(material), shortest - 0.03)) == 0


@pytest.mark.parametrize("material", KNOWN)
def test_structures_cite_their_source_by_title_and_year(repository, material):
    block = gemmi.cif.read(str(repository / "structures" / f"{material}.cif")).sole_block()
    citations = block.find("_citation_", ["title", "year"])
    assert len(citations) > 0
    for title, year in citations:
        assert len(gemmi.cif.as_string(title)) > 10
        assert 1900 < int(year) < 2100


@pytest.mark.parametrize("material", ["graphene", "MoS2", "WS2", "ReS2", "amorphous_graphene"])
def test_sheets_lie_in_the_middle_of_a_vacuum_that_001_crosses_at_right_angles(atoms_of, material):
    atoms = atoms_of(material)
    assert atoms.cell[:2] @ atoms.cell[2] == pytest.approx(0)
    heights = atoms.positions[:, 2]
    assert heights.min() + heights.max() == pytest.approx(atoms.cell[2, 2], abs=0.01)
    assert heights.max() - heights.min() < 4


def test_columns_of_lithium_cobalt_oxide_along_010_are_of_one_element_each(projection_of):
    columns = projection_of("LiCoO2", "010").columns
    assert sorted("".join(atom["element"] for atom in column["atoms"]) for column in columns) == ["Co", "Li", "O", "O"]


def test_rows_of_dysprosium_in_its_scandate_along_110_are_shifted_to_and_fro(projection_of):
    projection = projection_of("DyScO3", "110")
    pseudocubic, doubled = projection.lattice
    assert pseudocubic == pytest.approx([3.95, 0], abs=0.02)
    assert doubled == pytest.approx([0, 7.90], abs=0.02)
    places = {"Dy": [], "Sc": [], "O": []}
    for column in projection.columns:
        places[column["atoms"][0]["element"]].append((column["x_A"], column["y_A"]))
    scandium, dysprosium = np.array(places["Sc"]), np.array(places["Dy"])
    shifts = (dysprosium[:, 0] - scandium[0, 0]) % 3.94 - 1.97  # 0 in a cubic perovskite
    rows = np.round((dysprosium[:, 1] - scandium[:, 1].min()) / 7.90, 2)
    assert set(rows) == {0.25, 0.75}
    assert np.abs(shifts).min() > 0.1
    assert len(set(np.sign(shifts[rows == 0.25]))) == len(set(np.sign(shifts[rows == 0.75]))) == 1
    assert np.sign(shifts[rows == 0.25][0]) != np.sign(shifts[rows == 0.75][0])
