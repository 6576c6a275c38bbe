import gzip
import os
import time
from collections import Counter

import ase.io
import gemmi
import numpy as np
import pytest
from ase import units
from ase.data import atomic_masses, atomic_numbers
from ase.spacegroup import crystal as ase_crystal
from stembench.crystals.cif import read_crystal
from stembench.crystals.cif.blocks import MAX_BYTES
from stembench.crystals.cif.sites import MAX_ATOMS
from stembench.errors import InputError

CUBIC = (4, 4, 4, 90, 90, 90)
HEXAGONAL = (4, 4, 10, 90, 90, 120)
RHOMBOHEDRAL = (5, 5, 5, 55, 55, 55)
MONOCLINIC = (5, 6, 7, 90, 105, 90)
TRICLINIC = (5, 6, 7, 80, 95, 110)
P1 = "_space_group_name_H-M_alt 'P 1'\n"
COLUMNS = "label type_symbol fract_x fract_y fract_z occupancy"


def block(symmetry=P1, sites="Ti1 Ti 0 0 0 1", cell=CUBIC, columns=COLUMNS, extra=""):
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lattice = "".join(f"_cell_{name} {value}\n" for name, value in zip(names, cell))
    header = "".join(f"_atom_site_{column}\n" for column in columns.split())
    return f"data_test\n{lattice}{symmetry}{extra}loop_\n{header}{sites}\n"


def operations(hall_or_list, tag="_space_group_symop_operation_xyz"):
    if isinstance(hall_or_list, str):
        hall_or_list = [operation.triplet() for operation in gemmi.symops_from_hall(hall_or_list)]
    return f"loop_\n{tag}\n" + "".join(f"'{operation}'\n" for operation in hall_or_list)


def hermann_mauguin(name):
    return f"_symmetry_space_group_name_H-M '{name}'\n"


def number(n):
    return f"_space_group_IT_number {n}\n"


def written(folder, content):
    path = folder / "test.cif"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(folder, content):
    return read_crystal(written(folder, content))


def refusal(folder, content):
    path = written(folder, content)
    with pytest.raises(InputError) as refused:
        read_crystal(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "; " in message
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def assert_same_atoms(found, elements, positions, tolerance_a=0.02):
    """Both lists hold the same atoms modulo the lattice, in whatever order."""
    assert Counter(found.elements) == Counter(elements)
    apart = found.positions[:, None] - np.asarray(positions)
    near = np.linalg.norm((apart - np.round(apart)) @ found.cell, axis=2) < tolerance_a
    same = near & (np.array(found.elements)[:, None] == np.asarray(elements))
    assert np.all(same.sum(axis=0) == 1)
    assert np.all(same.sum(axis=1) == 1)


def assert_as_by_ase(found, path):
    with np.errstate(all="ignore"):
        expected = ase.io.read(path, format="cif")
    np.testing.assert_allclose(found.cell, expected.cell, atol=1e-6)
    assert_same_atoms(found, expected.get_chemical_symbols(), expected.get_scaled_positions())


SYMMETRIES = {
    "operations": (operations("-P 4 2 3"), CUBIC, "Ti1 Ti 0 0 0 1\nO1 O 0.5 0 0 1", 4, 1),
    "operations, old tag": (operations("-F 4 2 3", "_symmetry_equiv_pos_as_xyz"), CUBIC, "Pt1 Pt 0 0 0 1", 4, 4),
    "operations, not tabulated": (operations(["x,y,z", "x+1/2,y,z"]), CUBIC, "Ti1 Ti 0 0 0 1", 2, 2),
    "operations in decimals and capitals": (operations(["X,Y,Z", "0.5-X, -Y, Z+.5"]), CUBIC, "Ti1 Ti .1 .2 .3 1", 2, 1),
    "operations without the identity": (operations(["-x,-y,-z"]), TRICLINIC, "Ti1 Ti .1 .2 .3 1", 2, 1),
    "operations against the name": (operations(["x,y,z"]) + hermann_mauguin("F m -3 m"), CUBIC, "Pt1 Pt 0 0 0 1", 1, 1),
    "operations cut short": (
        operations(["x,y,z", "-x,y+1/2,-z+1/2", "-x,-y,-z"]) + hermann_mauguin("P 1 21/c 1"),
        MONOCLINIC,
        "Ti1 Ti .1 .2 .3 1",
        4,
        1,
    ),
    "Hall": ("_space_group_name_Hall '-F 4 2 3'\n", CUBIC, "Ni1 Ni 0 0 0 1\nO1 O 0.5 0.5 0.5 1", 8, 4),
    "Hall, old tag": ("_symmetry_space_group_name_Hall 'P 2yb'\n", MONOCLINIC, "Ti1 Ti .1 .2 .3 1", 2, 1),
    "Hall of a free axis": ("_space_group_name_Hall 'C 2y (x+1/8,y,z)'\n", MONOCLINIC, "Ti1 Ti .1 .2 .3 1", 4, 2),
    "number": (number(225), CUBIC, "Pt1 Pt 0 0 0 1", 4, 4),
    "number of a rhombohedral group, hexagonal cell": (number(166), HEXAGONAL, "Bi1 Bi 0 0 0.1 1", 6, 3),
    "number of a rhombohedral group, rhombohedral cell": (number(166), RHOMBOHEDRAL, "Bi1 Bi .1 .1 .1 1", 2, 1),
    "name": (hermann_mauguin("P 63/m m c"), HEXAGONAL, "Zn1 Zn 0.3333 0.6667 0.25 1", 2, 1),
    "name, short": (hermann_mauguin("P6_3/mmc"), HEXAGONAL, "Zn1 Zn 0.3333 0.6667 0.25 1", 2, 1),
    "name, old": (hermann_mauguin("Pm3m"), CUBIC, "Ti1 Ti 0.5 0.5 0.5 1", 1, 1),
    "name, unique axis left out": (hermann_mauguin("P2(1)/c"), MONOCLINIC, "Ti1 Ti .1 .2 .3 1", 4, 1),
    "P 1 21/n 1": (hermann_mauguin("P 1 21/n 1"), MONOCLINIC, "Ti1 Ti .1 .2 .3 1", 4, 1),
    "C 1 2/c 1": (hermann_mauguin("C 1 2/c 1"), MONOCLINIC, "Ti1 Ti 0 .2 .25 1", 4, 2),
    "I 1 2/a 1": (hermann_mauguin("I 1 2/a 1"), MONOCLINIC, "Ti1 Ti .1 .2 .3 1", 8, 2),
    "P b n m": (hermann_mauguin("P b n m"), (5, 6, 8, 90, 90, 90), "Ti1 Ti 0 .5 0 1\nO1 O .1 .4 .25 1", 8, 1),
    "R by hexagonal cell": (hermann_mauguin("R -3 m"), HEXAGONAL, "Bi1 Bi 0 0 0 1", 3, 3),
    "R by rhombohedral cell": (hermann_mauguin("R -3 m"), RHOMBOHEDRAL, "Bi1 Bi 0 0 0 1", 1, 1),
    "R :H": (hermann_mauguin("R -3 m :H"), HEXAGONAL, "Bi1 Bi 0 0 0 1", 3, 3),
    "R :R": (hermann_mauguin("R -3 m :R"), RHOMBOHEDRAL, "Bi1 Bi 0 0 0 1", 1, 1),
    "R 3, general place": (hermann_mauguin("R 3 :H"), HEXAGONAL, "Bi1 Bi .1 .3 .2 1", 9, 3),
    "origin choice 1": (hermann_mauguin("F d -3 m :1"), CUBIC, "Si1 Si 0 0 0 1", 8, 4),
    "origin choice 2": (hermann_mauguin("F d -3 m:2"), CUBIC, "Si1 Si .125 .125 .125 1", 8, 4),
    "origin by the atoms, choice 1": (hermann_mauguin("F d -3 m"), CUBIC, "Si1 Si 0 0 0 1", 8, 4),
    "origin by the atoms, choice 2": (number(227), CUBIC, "Si1 Si .125 .125 .125 1", 8, 4),
    "origin by overlap": (
        hermann_mauguin("F d -3 m"),
        (8.08, 8.08, 8.08, 90, 90, 90),
        "Mg1 Mg .125 .125 .125 1\nAl1 Al .5 .5 .5 1\nO1 O .2625 .2625 .2625 1",
        56,
        4,
    ),
    "origin by formula": (
        hermann_mauguin("F d -3 m") + "_chemical_formula_sum 'Mg Cu2'\n",
        (7, 7, 7, 90, 90, 90),
        "Mg1 Mg 0 0 0 1\nCu1 Cu .625 .625 .625 1",
        24,
        4,
    ),
    "nothing": ("", TRICLINIC, "Ti1 Ti .1 .2 .3 1\nO1 O .6 .2 .3 1", 2, 1),
}


@pytest.mark.parametrize("given", SYMMETRIES)
def test_the_cell_is_filled_however_symmetry_is_given(tmp_path, given):
    symmetry, cell, sites, atoms, centring = SYMMETRIES[given]
    crystal = read(tmp_path, block(symmetry, sites, cell))
    assert len(crystal.elements) == atoms
    assert len(crystal.centring) == centring
    for translation in crystal.centring:  # every centring translation takes the atoms to themselves
        assert_same_atoms(crystal, crystal.elements, crystal.positions + translation)


@pytest.mark.parametrize("given", ["operations against the name", "name", "nothing"])
def test_atoms_are_those_that_ase_reads(tmp_path, given):
    symmetry, cell, sites, _, _ = SYMMETRIES[given]
    path = written(tmp_path, block(symmetry, sites, cell))
    assert_as_by_ase(read_crystal(path), path)


@pytest.mark.parametrize(
    ("name", "group", "cell", "site"),
    [
        ("P 1 21/n 1", 14, MONOCLINIC, "Ti1 Ti .1 .2 .3 1"),
        ("I 1 2/a 1", 15, MONOCLINIC, "Ti1 Ti .1 .2 .3 1"),
        ("P b n m", 62, (5, 6, 8, 90, 90, 90), "Ti1 Ti 0 .5 0 1"),
        ("R -3 m :R", 166, RHOMBOHEDRAL, "Bi1 Bi .1 .1 .1 1"),
        ("R 3 :H", 146, HEXAGONAL, "Bi1 Bi .1 .3 .2 1"),
        ("F d -3 m :1", 227, CUBIC, "Si1 Si 0 0 0 1"),
    ],
)
def test_names_give_the_atoms_that_ase_reads_by_operations(tmp_path, name, group, cell, site):
    named = read(tmp_path, block(hermann_mauguin(name), site, cell))
    listed = operations([operation.triplet() for operation in gemmi.SpaceGroup(name).operations()])
    path = written(tmp_path, block(listed + number(group), site, cell))
    assert_as_by_ase(named, path)
    assert_as_by_ase(read_crystal(path), path)


def test_shipped_structures_are_as_ase_reads_them(repository):
    for path in (repository / "structures").glob("*.cif"):
        crystal = read_crystal(path)
        if np.all(crystal.occupancies == 1):
            assert_as_by_ase(crystal, path)


@pytest.mark.parametrize(
    ("group", "setting", "name", "cell", "sites"),
    [
        (136, 1, "P 42/m n m", (4.59, 4.59, 2.96, 90, 90, 90), [("Ti", 0, 0, 0), ("O", 0.305, 0.305, 0)]),
        (141, 1, "I 41/a m d :1", (3.78, 3.78, 9.51, 90, 90, 90), [("Ti", 0, 0, 0), ("O", 0, 0, 0.208)]),
        (227, 2, "F d -3 m :2", (8, 8, 8, 90, 90, 90), [("Al", 0.5, 0.5, 0.5), ("O", 0.262, 0.262, 0.262)]),
        (167, 1, "R -3 c :H", (4.76, 4.76, 13, 90, 90, 120), [("Al", 0, 0, 0.352), ("O", 0.306, 0, 0.25)]),
        (62, 1, "P n m a", (5.4, 7.6, 5.3, 90, 90, 90), [("Ca", 0.036, 0.25, 0.993), ("Ti", 0, 0, 0.5)]),
        (2, 1, "P -1", TRICLINIC, [("Re", 0.1, 0.2, 0.3), ("S", 0.4, 0.9, 0.7)]),
    ],
)
def test_names_and_operations_give_the_crystal_that_ase_builds(tmp_path, group, setting, name, cell, sites):
    expected = ase_crystal(
        [s[0] for s in sites], [s[1:] for s in sites], spacegroup=group, setting=setting, cellpar=cell
    )
    rows = "\n".join(f"{s[0]}1 {s[0]} {s[1]} {s[2]} {s[3]} 1" for s in sites)
    listed = operations([op.triplet() for op in gemmi.SpaceGroup(name).operations()])
    for symmetry in (hermann_mauguin(name), listed, f"_space_group_name_Hall '{gemmi.SpaceGroup(name).hall}'\n"):
        crystal = read(tmp_path, block(symmetry, rows, cell))
        assert_same_atoms(crystal, expected.get_chemical_symbols(), expected.get_scaled_positions())


@pytest.mark.parametrize("x", ["0.333", "0.3333", "0.33333(2)", "0.333333333", "0.33"])
def test_a_rounded_special_position_is_one_atom_on_its_axis(tmp_path, x):
    y = {"0.333": "0.6667", "0.3333": "0.66666"}.get(x, "0.66666667")
    crystal = read(tmp_path, block(hermann_mauguin("P 63/m m c"), f"Zn1 Zn {x} {y} 0.25 1", HEXAGONAL))
    assert_same_atoms(crystal, ["Zn", "Zn"], [[1 / 3, 2 / 3, 1 / 4], [2 / 3, 1 / 3, 3 / 4]], tolerance_a=1e-6)


def test_split_sites_stay_apart(tmp_path):
    mirror = operations(["x,y,z", "-x,y,z"])
    assert len(read(tmp_path, block(mirror, "Pb1 Pb 0.04 0 0 0.5")).elements) == 2
    assert read(tmp_path, block(mirror, "Pb1 Pb 0.004 0 0 0.5")).positions == pytest.approx(np.zeros((1, 3)))
    assert "total occupancy 1.8" in refusal(tmp_path, block(mirror, "Pb1 Pb 0.04 0 0 0.9"))


@pytest.mark.parametrize(
    ("label", "element"),
    zip(
        "Ti4+ O2- Fe1A O1_2 Wat1 D1 Cs C Co1 CA1 OH1 Nb SI2 OG1 Dy1 U".split(),
        "Ti O Fe O O H Cs C Co Ca O Nb Si O Dy U".split(),
    ),
)
def test_elements_come_from_labels_where_no_type_is_given(tmp_path, label, element):
    columns = COLUMNS.replace("type_symbol ", "")
    assert read(tmp_path, block(sites=f"{label} 0 0 0 1", columns=columns)).elements == (element,)
    assert read(tmp_path, block(sites=f"{label} ? 0 0 0 1")).elements == (element,)


@pytest.mark.parametrize(
    ("label", "formula", "element"),
    [
        ("CO1", "C Ca O3", "C"),
        ("CO1", "Co O", "Co"),
        ("Ow1", "H2 O", "O"),
        ("CA1", "C2 H4 O2", "C"),
        ("OH", "CaCO3", "O"),
    ],
)
def test_the_formula_tells_ambiguous_labels_apart(tmp_path, label, formula, element):
    formula = f"_chemical_formula_sum '{formula}'\n"
    columns = COLUMNS.replace("type_symbol ", "")
    assert read(tmp_path, block(sites=f"{label} 0 0 0 1", columns=columns, extra=formula)).elements == (element,)


@pytest.mark.parametrize(
    ("symbol", "element"),
    [
        ("Ti4+", "Ti"),
        ("O2-", "O"),
        ("Zr+4", "Zr"),
        ("FE", "Fe"),
        ("D", "H"),
        ("OH", "O"),
        ("7Li", "Li"),
        ("Fe2.5+", "Fe"),
    ],
)
def test_types_may_carry_charges_and_isotopes(tmp_path, symbol, element):
    assert read(tmp_path, block(sites=f"Cu1 {symbol} 0 0 0 1")).elements == (element,)


def test_standard_uncertainties_are_understood(tmp_path):
    crystal = read(tmp_path, block(cell=("4.0010(3)", *CUBIC[1:]), sites="Ti1 Ti4+ 0.25(1) 0 0 0.5000(5)"))
    assert crystal.cell[0, 0] == pytest.approx(4.001)
    assert crystal.positions[0, 0] == pytest.approx(0.25)
    assert crystal.occupancies[0] == 0.5


@pytest.mark.parametrize("occupancy", ["1", "1.0000(5)", "?", ".", "1.015(20)"])
def test_an_atom_is_there_unless_its_occupancy_says_less(tmp_path, occupancy):
    assert read(tmp_path, block(sites=f"Ti1 Ti 0 0 0 {occupancy}")).occupancies == (1,)


def test_an_absent_occupancy_is_one(tmp_path):
    columns = COLUMNS.replace(" occupancy", "")
    assert read(tmp_path, block(sites="Ti1 Ti 0 0 0", columns=columns)).occupancies == (1,)


def test_ions_share_a_place(tmp_path):
    sites = "Fe1 Fe 0 0 0 0.3\nCo1 Co 0 0 0 0.33\nNi1 Ni 0.01 0 0 0.38"
    crystal = read(tmp_path, block(sites=sites))
    assert dict(zip(crystal.elements, crystal.occupancies)) == {"Fe": 0.3, "Co": 0.33, "Ni": 0.38}


def test_dummies_empty_sites_and_lost_hydrogen_are_left_out(tmp_path):
    sites = "Ti1 Ti 0 0 0 1 d\nX1 X .1 .1 .1 1 dum\nO1 O .5 0 0 0 d\nH1 H ? ? ? 1 d"
    assert read(tmp_path, block(sites=sites, columns=COLUMNS + " calc_flag")).elements == ("Ti",)


def anisotropic(kind, tensor):
    tags = "".join(
        f"_atom_site_aniso_{tag}\n" for tag in ["label", *(f"{kind}_{ij}" for ij in (11, 22, 33, 12, 13, 23))]
    )
    return f"\nloop_\n{tags}Ti1 {tensor}"


#: U of titanium by itself, which is assumed where a CIF gives none [A^2].
UNKNOWN_U = 0.49 / (8 * np.pi**2)


@pytest.mark.parametrize(
    ("cell", "column", "value", "extra", "u"),
    [
        (CUBIC, "U_iso_or_equiv", "0.0050(2)", "", 0.005),
        (CUBIC, "B_iso_or_equiv", "0.4", "", 0.4 / (8 * np.pi**2)),
        (CUBIC, "U_iso_or_equiv", "-0.002", "", UNKNOWN_U),
        (CUBIC, "U_iso_or_equiv", "0", "", UNKNOWN_U),
        (CUBIC, "U_iso_or_equiv", "?", "", UNKNOWN_U),
        (CUBIC, "B_iso_or_equiv", ".", "", UNKNOWN_U),
        (CUBIC, "U_iso_or_equiv", "?", anisotropic("U", "0.01 0.02 0.03 0 0 0"), 0.02),
        (CUBIC, "U_iso_or_equiv", "0.005", anisotropic("U", "0.01 0.02 0.03 0 0 0"), 0.005),
        (CUBIC, "U_iso_or_equiv", "?", anisotropic("U", "0.01 0.02 ? 0 0 0"), UNKNOWN_U),
        (CUBIC, "U_iso_or_equiv", "?", anisotropic("B", "0.3 0.6 0.9 0 0 0"), 0.6 / (8 * np.pi**2)),
        (HEXAGONAL, "U_iso_or_equiv", "?", anisotropic("U", "0.01 0.01 0.01 0.005 0 0"), 0.01),
        (MONOCLINIC, "U_iso_or_equiv", "?", anisotropic("U", "0.01 0.02 0.03 0 0.004 0"), None),
        (TRICLINIC, "U_iso_or_equiv", "?", anisotropic("U", "0.01 0.02 0.03 0.001 0.002 0.003"), None),
    ],
)
def test_displacements_come_as_isotropic_b(tmp_path, cell, column, value, extra, u):
    crystal = read(tmp_path, block(cell=cell, columns=f"{COLUMNS} {column}", sites=f"Ti1 Ti 0 0 0 1 {value}{extra}"))
    if u is None:  # U_eq = 1/3 sum_ij U_ij a*_i a*_j a_i.a_j
        u11, u22, u33, u12, u13, u23 = (float(part) for part in extra.split()[-6:])
        tensor = np.array([[u11, u12, u13], [u12, u22, u23], [u13, u23, u33]])
        reciprocal = np.linalg.norm(np.linalg.inv(crystal.cell), axis=0)
        u = np.sum(tensor * np.outer(reciprocal, reciprocal) * (crystal.cell @ crystal.cell.T)) / 3
    assert crystal.thermal_b == pytest.approx([8 * np.pi**2 * u])
    assert any("B(Ti) = 0.49" in remark for remark in crystal.remarks) == (u == UNKNOWN_U)


def debye_b(element, temperature_K):
    """Isotropic B [A^2] of a crystal of one element in the Debye model (Willis & Pryor, 1975)."""
    x = np.linspace(1e-6, DEBYE_K[element] / temperature_K, 2000)
    phi = np.trapezoid(x / np.expm1(x), x) / x[-1]
    mass = atomic_masses[atomic_numbers[element]] * units._amu
    theta = DEBYE_K[element] * units._k
    return 6e20 * (2 * np.pi * units._hbar) ** 2 / (mass * theta) * (phi / x[-1] + 1 / 4)


#: Debye temperatures by C. Kittel, Introduction to Solid State Physics [K].
DEBYE_K = {"Al": 428, "Ti": 420, "Fe": 470, "Ni": 450, "Cu": 343, "Mo": 450, "Ag": 225, "Ta": 240, "W": 400}
DEBYE_K |= {"Pt": 240, "Au": 165, "Li": 344, "Na": 158}


@pytest.mark.parametrize("element", DEBYE_K)
def test_an_element_without_displacements_vibrates_as_the_debye_model_says(tmp_path, element):
    crystal = read(tmp_path, block(sites=f"{element}1 {element} 0 0 0 1"))
    assert crystal.thermal_b == pytest.approx([debye_b(element, 280)], rel=0.3)


def test_displacements_that_are_not_given_are_assumed_by_element_and_said(tmp_path):
    sites = "Sr1 Sr 0 0 0 1 ?\nTi1 Ti 0.5 0.5 0.5 1 0.004\nO1 O 0.5 0.5 0 1 0"
    crystal = read(tmp_path, block(columns=f"{COLUMNS} U_iso_or_equiv", sites=sites))
    # Strontium metal, 3.6 A^2, is far softer than its oxides.
    assert crystal.thermal_b == pytest.approx([0.5, 0.004 * 8 * np.pi**2, 0.5])
    assert "B(O) = 0.5, B(Sr) = 0.5 A^2 (room temperature) assumed" in crystal.remarks[-1]


TEXT = block(sites="Ti1 Ti 0 0 0 1\nO1 O 0.5 0 0 1")


@pytest.mark.parametrize(
    "content",
    [
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", "\r"),
        TEXT.replace(" ", "\t"),
        b"\xef\xbb\xbf" + TEXT.encode(),
        ("# \xc5ngstr\xf6m\n" + TEXT + "_publ_author_name 'M\xfcller'\n").encode("latin-1"),
        TEXT + "_publ_section_title\n;\nof several lines,\n_cell_length_a 5 and data_x among them\n;\n",
        "data_global\n_journal_year 2020\n" + TEXT,
        "global_\n_journal_year 2020\n" + TEXT,
        "data_powder\nloop_\n_pd_meas_2theta_scan\n1 2 3\n" + TEXT,
        TEXT.replace("_cell_", "_Cell_").replace("fract_x", "Fract_X"),
        TEXT + "_journal_year 2020\n_journal_year 2021\n",
        "\n".join(line for line in TEXT.splitlines() if "_cell_angle" not in line),
    ],
    ids="crlf cr tabs bom latin-1 text-field bibliography global powder capitals repeated no-angles".split(),
)
def test_files_from_the_wild_are_read(tmp_path, content):
    crystal = read(tmp_path, content)
    assert_same_atoms(crystal, ["Ti", "O"], [[0, 0, 0], [0.5, 0, 0]])
    assert crystal.cell == pytest.approx(4 * np.eye(3), abs=1e-9)


def test_one_atom_needs_no_loop(tmp_path):
    text = block().split("loop_")[0] + "_atom_site_label Cu1\n" + "".join(f"_atom_site_fract_{x} 0\n" for x in "xyz")
    assert read(tmp_path, text).elements == ("Cu",)


def without(text, part):
    return "\n".join(line for line in text.splitlines() if part not in line) + "\n"


CROWD = "\n".join(f"Ti{i} Ti 0 0 0 1" for i in range(15000))
REFUSED = {
    "no CIF": ("this is no CIF", "no readable CIF"),
    "empty": ("", "no atoms"),
    "binary": (bytes(range(256)) * 100, "no readable CIF"),
    "compressed": (gzip.compress(TEXT.encode()), "no readable CIF"),
    "too long": (b"data_a\n_x " + b"a" * MAX_BYTES, "20 MB"),
    "endless loop": ("data_a\nloop_\n_x\n" + "1 2 " * 1000000, "no atoms"),
    "many blocks": ("data_a\n" * 1000000, "no atoms"),
    "short loop": (TEXT + "0.5", "no readable CIF"),
    "a row with a value too many": (TEXT.replace("0.5 0 0 1", "0.5 0 0 1 1"), "no readable CIF"),
    "a row with a value too few, a line broken elsewhere": (
        TEXT.replace("0.5 0 0 1", "0.5 0 0") + "_x 'abc\n",
        "a row of the loop of _atom_site_label has 5 values for 6 tags",
    ),
    "no atoms": (TEXT.split("loop_")[0], "no atoms"),
    "a molecule by Cartesian coordinates": (without(TEXT, "_cell_").replace("fract_", "Cartn_"), "no usable unit cell"),
    "a coordinate's column missing": (TEXT.replace("fract_z", "other"), "no atoms"),
    "only dummies": (block(sites="Ti1 Ti 0 0 0 0"), "dummy"),
    "no cell": (without(TEXT, "_cell_length_a"), "no usable unit cell"),
    "molecule": (without(TEXT, "_cell_"), "no usable unit cell"),
    "unknown angle": (block(cell=(4, 4, 4, 90, "?", 90)), "no usable unit cell"),
    "cell of 1": (block(cell=(1, 1, 1, 90, 90, 90)), "no usable unit cell"),
    "negative cell": (block(cell=(4, -4, 4, 90, 90, 90)), "no usable unit cell"),
    "zero cell": (block(cell=(4, 0, 4, 90, 90, 90)), "no usable unit cell"),
    "huge cell": (block(cell=(4, 1e9, 4, 90, 90, 90)), "no usable unit cell"),
    "infinite cell": (block(cell=("inf", 4, 4, 90, 90, 90)), "no usable unit cell"),
    "flat cell": (block(cell=(4, 4, 4, 120, 120, 120)), "no usable unit cell"),
    "impossible cell": (block(cell=(4, 4, 4, 30, 30, 90)), "no usable unit cell"),
    "reflex angle": (block(cell=(4, 4, 4, 90, 90, 200)), "no usable unit cell"),
    "repeated cell": (TEXT + "_cell_length_a 5\n", "_cell_length_a is given more than once"),
    "unknown name": (block(hermann_mauguin("P 7 m")), "symmetry"),
    "unknown name despite number": (block(hermann_mauguin("P 7 m") + number(62)), "symmetry"),
    "no name": (block("_space_group_name_H-M_alt ?\n"), "symmetry"),
    "unknown number": (block(number(231)), "symmetry"),
    "only a system": (block("_symmetry_cell_setting cubic\n"), "symmetry"),
    "unreadable operations": (block(operations(["x,y,z", "x,y"])), "symmetry"),
    "superspace operations": (block(operations(["x1,x2,x3,x4"], "_space_group_ssg_operation")), "symmetry"),
    "operations that are no group": (block(operations(["x,y,z", "y,z,x"])), "symmetry"),
    "such operations against the name": (
        block(operations(["x,y,z", "y,z,x"]) + hermann_mauguin("P 1 21/c 1"), cell=MONOCLINIC),
        "symmetry",
    ),
    "too many operations": (block(operations(["x,y,z"] * 100000)), "symmetry"),
    "singular operation": (block(operations(["x,y,z", "x,y,0"])), "cell does not have"),
    "cell of another system": (block(hermann_mauguin("P m -3 m"), cell=HEXAGONAL), "cell does not have"),
    "setting of another cell": (block(hermann_mauguin("R -3 m :H"), cell=RHOMBOHEDRAL), "cell does not have"),
    "open origin": (
        block(hermann_mauguin("P n n n"), "Ti1 Ti .1 .2 .3 1", (7, 8, 9, 90, 90, 90)),
        "two origin choices",
    ),
    "unknown element": (block(sites="X1 Xx 0 0 0 1"), "X1 is of no known element"),
    "unknown label": (block(sites="Vac1 ? 0 0 0 1"), "Vac1 is of no known element"),
    "nameless": (block(sites="? ? 0 0 0 1"), "atom 1 is of no known element"),
    "a name over lines": (block(sites="\n;Vac\n1\n;\n? 0 0 0 1"), "atom Vac 1 is of no known element"),
    "two elements": (block(sites="M1 FeCo 0 0 0 1"), "M1 is of no known element"),
    "no coordinate": (block(sites="Ti1 Ti ? 0 0 1"), "coordinate of atom Ti1 is missing"),
    "word for a coordinate": (block(sites="Ti1 Ti x 0 0 1"), "coordinate of atom Ti1 is x"),
    "infinite coordinate": (block(sites="Ti1 Ti inf 0 0 1"), "coordinate of atom Ti1 is inf"),
    "NaN coordinate": (block(sites="Ti1 Ti nan 0 0 1"), "coordinate of atom Ti1 is nan"),
    "huge coordinate": (block(sites="Ti1 Ti 1e30 0 0 1"), "Ti1 lies 1e"),
    "occupancy above 1": (block(sites="Ti1 Ti 0 0 0 1.5"), "Ti1 has occupancy 1.5"),
    "negative occupancy": (block(sites="Ti1 Ti 0 0 0 -0.5"), "Ti1 has occupancy -0.5"),
    "word for an occupancy": (block(sites="Ti1 Ti 0 0 0 full"), "occupancy of atom Ti1 is full"),
    "total occupancy above 1": (
        block(sites="A1 Ti 0 0 0 .5\nB1 Zr 0 0 0 .5\nC1 Hf 0 0 0 .1"),
        "atom A1, atom B1, atom C1",
    ),
    "overlapping atoms": (block(sites="Ti1 Ti 0 0 0 1\nO1 O 0.1 0 0 1"), "total occupancy 2 within 0.5 A at atom O1"),
    "overlap across the border": (block(sites="Ti1 Ti 0.01 0 0 1\nO1 O 0.99 0 0 1"), "total occupancy 2"),
    "crowd": (block(sites=CROWD), "total occupancy"),
    "absurd displacement": (block(sites="Ti1 Ti 0 0 0 1 3", columns=COLUMNS + " U_iso_or_equiv"), "U = 3 A"),
    "too many sites": (block(sites="Ti1 Ti 0 0 0 1\n" * (MAX_ATOMS + 1)), "more than 20000 atoms"),
    "too many atoms": (
        block(
            hermann_mauguin("F m -3 m"), "\n".join(f"Ti{i} Ti .1 .2 .{i + 300} .1" for i in range(200)), (99, 99, 99)
        ),
        "more than 20000 atoms",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_soon_with_reason_and_remedy(tmp_path, case):
    content, part = REFUSED[case]
    start = time.process_time()
    assert part in refusal(tmp_path, content)
    assert time.process_time() - start < 10


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "endless", tmp_path / "absent"):
        with pytest.raises(InputError, match=f"{path}: no regular file; "):
            read_crystal(path)


def test_a_mutated_cif_is_read_or_refused(tmp_path, repository):
    random = np.random.default_rng(0)
    texts = [
        path.read_bytes() for path in sorted((repository / "structures").glob("*.cif")) if path.stat().st_size < 9999
    ]
    texts += [
        block(*SYMMETRIES[given][:1], SYMMETRIES[given][2], SYMMETRIES[given][1]).encode() for given in SYMMETRIES
    ]
    pieces = [
        b"",
        b"'",
        b"\n;",
        b"loop_\n",
        b"data_",
        b"-",
        b"9",
        b" ? ",
        b".",
        b"\xff",
        b"#",
        b"e9",
        b"(",
        b"\n",
        b"\0",
    ]
    outcomes = Counter()
    for _ in range(300):
        content = bytearray(texts[random.integers(len(texts))])
        for _ in range(random.integers(1, 5)):
            at = random.integers(len(content))
            content[at : at + random.integers(4)] = pieces[random.integers(len(pieces))]
        path, start = written(tmp_path, bytes(content)), time.process_time()
        try:
            crystal = read_crystal(path)
            assert np.all(np.isfinite(crystal.positions))
            assert len(crystal.elements) == len(crystal.positions) == len(crystal.thermal_b)
            outcomes["read"] += 1
        except InputError:
            outcomes["refused"] += 1
        assert time.process_time() - start < 2
    assert min(outcomes["read"], outcomes["refused"]) > 30
