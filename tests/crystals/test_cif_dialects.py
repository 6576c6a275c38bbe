"""CIFs of every kind hold the crystal that the same file holds in plain words."""

import re

import ase.io
import gemmi
import numpy as np
import pytest
from stembench.crystals.cif import read_crystal
from stembench.crystals.cif.blocks import Block
from stembench.crystals.cif.symmetry import space_groups
from stembench.errors import InputError

MATERIALS = ("SrTiO3", "Si", "LiCoO2", "TiO2", "ReS2", "Co3O4", "MoS2")


def write(folder, content, name="test.cif"):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def assert_same_crystal(found, expected):
    assert sorted(found.elements) == sorted(expected.elements)
    np.testing.assert_allclose(found.cell, expected.cell, atol=1e-3)
    for element, position, occupancy in zip(expected.elements, expected.positions, expected.occupancies):
        apart = found.positions - position
        near = np.linalg.norm((apart - np.round(apart)) @ found.cell, axis=1) < 0.01
        near &= (np.array(found.elements) == element) & np.isclose(found.occupancies, occupancy)
        assert near.sum() == 1


def simple(crystal, symmetry="_space_group_name_H-M_alt 'P 1'\n", sites=None, coordinates="fract"):
    """A plain CIF of all atoms of a cell."""
    cell = gemmi.UnitCell(*np.linalg.norm(crystal.cell, axis=1), *angles(crystal.cell))
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines = [f"_cell_{name} {value:.6f}" for name, value in zip(names, cell.parameters)]
    header = [
        f"_atom_site_{tag}" for tag in ("label", "type_symbol", *(f"{coordinates}_{x}" for x in "xyz"), "occupancy")
    ]
    rows = sites or [
        f"{element}{i} {element} {x:.6f} {y:.6f} {z:.6f} {occupancy:g}"
        for i, (element, (x, y, z), occupancy) in enumerate(
            zip(crystal.elements, crystal.positions, crystal.occupancies)
        )
    ]
    return "\n".join(["data_x", *lines]) + "\n" + symmetry + "\n".join(["loop_", *header, *rows]) + "\n"


def angles(cell):
    lengths = np.linalg.norm(cell, axis=1)
    pairs = ((1, 2), (0, 2), (0, 1))
    return [np.degrees(np.arccos(cell[i] @ cell[j] / lengths[i] / lengths[j])) for i, j in pairs]


def dotted(text):
    for category in (
        "space_group_symop",
        "symmetry_equiv",
        "atom_site_aniso",
        "atom_site",
        "space_group",
        "symmetry",
        "cell",
    ):
        text = re.sub(rf"(?m)^(\s*)_{category}_", rf"\1_{category}.", text)
    return text


def unquoted_names(text):
    return re.sub(r"(?m)^(_\S*name_H-M\S*\s+)'([^']*)'", r"\1\2", text)


def open_names(text):
    return re.sub(r"(?m)^(_\S*name_H-M\S*\s+'[^']*)'", r"\1", text)


def spaced_operations(text):
    return re.sub(r"(?m)^ *'?([xyz0-9+/-]+),([xyz0-9+/-]+),([xyz0-9+/-]+)'?$", r"\1, \2, \3", text)


def with_junk(text):
    return text + "_publ_author_name Müller's\nloop_\n_a\n_b\n1 2 3\n_c 'O'Neil'\n_d [1\n2]\n"


DIALECTS = {
    "CIF core 3": dotted,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR": lambda text: text.replace("\n", "\r"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16 of other order": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "Latin-1": lambda text: (text + "# \xb0\n_a M\xfcller\n").encode("latin-1"),
    "non-ASCII without quotes": lambda text: text + "_exptl_temperature 293±2\n",
    "minus of a typesetter": lambda text: text.replace(" -0.", " \u22120."),
    "no-break spaces": lambda text: text.replace(" ", "\xa0"),
    "end of a DOS file": lambda text: text + "\x1a",
    "names without quotes": unquoted_names,
    "names with an open quote": open_names,
    "operations without quotes": spaced_operations,
    "broken things of no matter": with_junk,
    "no data_ line": lambda text: re.sub(r"(?m)^data_.*$", "", text),
    "a block name with spaces": lambda text: re.sub(r"(?m)^data_.*$", "data_my own crystal", text),
    "text field with an indented end": lambda text: text + "_x\n;abc\n ;\n_y 1\n",
    "text field without an end": lambda text: re.sub(r"(?m)^(data_.*)$", "\\1\n_x\n;\nabc def\n", text),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("material", MATERIALS)
def test_a_crystal_is_the_same_in_every_dialect(tmp_path, repository, material, dialect):
    path = repository / "structures" / f"{material}.cif"
    content = DIALECTS[dialect](path.read_text(encoding="utf-8"))
    assert_same_crystal(read_crystal(write(tmp_path, content)), read_crystal(path))


READ_BY_ASE = (
    *("names without quotes", "names with an open quote", "operations without quotes"),
    *("a block name with spaces", "text field with an indented end", "Latin-1", "non-ASCII without quotes"),
)


@pytest.mark.parametrize("dialect", READ_BY_ASE)
@pytest.mark.parametrize("material", ["SrTiO3", "TiO2", "ReS2"])
def test_illegal_files_hold_the_atoms_that_ase_reads(tmp_path, repository, material, dialect):
    text = (repository / "structures" / f"{material}.cif").read_text(encoding="utf-8")
    path = write(tmp_path, DIALECTS[dialect](text))
    with np.errstate(all="ignore"):
        expected = ase.io.read(path, format="cif")
    found = read_crystal(path)
    assert sorted(found.elements) == sorted(expected.get_chemical_symbols())
    for element, position in zip(expected.get_chemical_symbols(), expected.get_scaled_positions()):
        apart = found.positions - position
        near = np.linalg.norm((apart - np.round(apart)) @ found.cell, axis=1) < 0.02
        assert np.sum(near & (np.array(found.elements) == element)) == 1


@pytest.mark.parametrize("material", MATERIALS)
def test_cartesian_coordinates_are_those_of_the_cell(tmp_path, repository, material):
    crystal = read_crystal(repository / "structures" / f"{material}.cif")
    cartesian = [
        f"{e}{i} {e} {x:.6f} {y:.6f} {z:.6f} {o:g}"
        for i, (e, (x, y, z), o) in enumerate(
            zip(crystal.elements, crystal.positions @ crystal.cell, crystal.occupancies)
        )
    ]
    found = read_crystal(write(tmp_path, simple(crystal, sites=cartesian, coordinates="Cartn")))
    assert_same_crystal(found, crystal)
    assert "Cartesian coordinates are read with x along a" in found.remarks[0]


@pytest.mark.parametrize(
    "tags",
    [
        ("_atom_sites_Cartn_tran_matrix_{}{}", "_atom_sites_Cartn_tran_vector_{}"),
        ("_atom_sites_Cartn_transform.mat_{}{}", "_atom_sites_Cartn_transform.vec_{}"),
        ("_atom_sites.Cartn_transf_matrix[{}][{}]", "_atom_sites.Cartn_transf_vector[{}]"),
    ],
)
def test_the_matrix_of_cartesian_axes_is_applied(tmp_path, repository, tags):
    crystal = read_crystal(repository / "structures" / "ReS2.cif")
    turn, shift = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0], np.array([1.0, -2.0, 0.5])
    rows = [
        f"{e}{i} {e} {x:.6f} {y:.6f} {z:.6f} {o:g}"
        for i, (e, (x, y, z), o) in enumerate(
            zip(crystal.elements, crystal.positions @ crystal.cell @ turn.T + shift, crystal.occupancies)
        )
    ]
    matrix = turn @ crystal.cell.T
    given = "".join(f"{tags[0].format(i + 1, j + 1)} {matrix[i, j]:.8f}\n" for i in range(3) for j in range(3))
    given += "".join(f"{tags[1].format(i + 1)} {shift[i]}\n" for i in range(3))
    found = read_crystal(write(tmp_path, simple(crystal, "_space_group_name_H-M_alt 'P 1'\n" + given, rows, "Cartn")))
    assert_same_crystal(found, crystal)
    assert not any("Cartesian" in remark for remark in found.remarks)


def test_cartesian_axes_in_unknown_words_are_refused_for_an_oblique_cell(tmp_path, repository):
    crystal = read_crystal(repository / "structures" / "ReS2.cif")
    text = simple(crystal, "_space_group_name_H-M_alt 'P 1'\n_atom_sites_Cartn_transform_axes 'c along z'\n")
    with pytest.raises(InputError, match="axes of Cartesian coordinates are not understood; give"):
        read_crystal(write(tmp_path, text.replace("_fract_", "_Cartn_")))


@pytest.mark.parametrize("column", ["_space_group_symop_operation_xyz", "_atom_site_label"])
@pytest.mark.parametrize("loop", ["", "oop_", "\n;oop_"])
def test_a_loop_without_its_beginning_is_no_single_value(tmp_path, repository, column, loop):
    text = (repository / "structures" / "SrTiO3.cif").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="no readable CIF"):
        read_crystal(write(tmp_path, text.replace(f"loop_\n{column}", f"{loop}\n{column}")))


@pytest.mark.parametrize("quoted", ["'{}", "{}'", "{}", '"{}'])
def test_operations_with_spaces_and_an_open_quote_are_read(tmp_path, repository, quoted):
    path = repository / "structures" / "SrTiO3.cif"
    text = path.read_text(encoding="utf-8").replace("'-z,-x,y'", quoted.format("- z, -x, y"))
    assert_same_crystal(read_crystal(write(tmp_path, text)), read_crystal(path))


CUBIC, TETRAGONAL = (20, 20, 20, 90, 90, 90), (20, 20, 30, 90, 90, 90)
ORTHORHOMBIC, HEXAGONAL = (20, 25, 30, 90, 90, 90), (20, 20, 30, 90, 90, 120)
AXIS_B, AXIS_C, AXIS_A = (20, 25, 30, 90, 101, 90), (20, 25, 30, 90, 90, 101), (20, 25, 30, 101, 90, 90)


def with_name(name, cell, tag="_symmetry_space_group_name_H-M", extra=""):
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lattice = "".join(f"_cell_{n} {value}\n" for n, value in zip(names, cell))
    columns = "".join(f"_atom_site_{tag}\n" for tag in ("label", "fract_x", "fract_y", "fract_z"))
    quoted = f'{tag} "{name}"\n' if name else ""
    return f"data_x\n{lattice}{quoted}{extra}loop_\n{columns}Ti1 .11 .31 .37\n"


@pytest.mark.parametrize(
    ("name", "cell", "group"),
    [
        ("P 21/m 21/m 2/n (origin choice 2)", ORTHORHOMBIC, "P m m n:2"),
        ("P 21/m 21/m 2/n (origin choice 1)", ORTHORHOMBIC, "P m m n:1"),
        ("P m m n O2", ORTHORHOMBIC, "P m m n:2"),
        ("P m m n (O1)", ORTHORHOMBIC, "P m m n:1"),
        ("P 21 21 2 (a)", ORTHORHOMBIC, "P 21212(a)"),
        ("P m m n [origin 1]", ORTHORHOMBIC, "P m m n:1"),
        ("P n m a (origin choice 1)", ORTHORHOMBIC, "P n m a"),
        ("F d -3 m S", CUBIC, "F d -3 m:1"),
        ("F d -3 m Z", CUBIC, "F d -3 m:2"),
        ("Fd-3mZ", CUBIC, "F d -3 m:2"),
        ("F 41/d -3 2/m (origin choice 2)", CUBIC, "F d -3 m:2"),
        ("F 4/m -3 2/m", CUBIC, "F m -3 m"),
        ("F M 3 M", CUBIC, "F m -3 m"),
        ("Fm3-m", CUBIC, "F m -3 m"),
        ("Fm\\bar{3}m", CUBIC, "F m -3 m"),
        ("P 2/m -3", CUBIC, "P m -3"),
        ("I41/amdS", TETRAGONAL, "I 41/a m d:1"),
        ("I 41/a 2/m 2/d (origin choice 2)", TETRAGONAL, "I 41/a m d:2"),
        ("P 4/n b m :2", TETRAGONAL, "P 4/n b m:2"),
        ("P6_{3}/mmc", HEXAGONAL, "P 63/m m c"),
        ("P 63/m 2/m 2/c", HEXAGONAL, "P 63/m m c"),
        ("P 6~3~/m m c", HEXAGONAL, "P 63/m m c"),
        ("R -3 2/m (hexagonal axes)", HEXAGONAL, "R -3 m:H"),
        ("R -3 m (rhombohedral axes)", (20, 20, 20, 55, 55, 55), "R -3 m:R"),
        ("R-3mH", HEXAGONAL, "R -3 m:H"),
        ("R -3 2/m", (20, 20, 20, 55, 55, 55), "R -3 m:R"),
        ("P 2/m", AXIS_B, "P 1 2/m 1"),
        ("P 2/m", AXIS_C, "P 1 1 2/m"),
        ("P2/m", AXIS_A, "P 2/m 1 1"),
        ("P 21/b", AXIS_C, "P 1 1 21/b"),
        ("B 2/m", AXIS_C, "B 1 1 2/m"),
        ("P m", AXIS_C, "P 1 1 m"),
        ("C 2/c", AXIS_B, "C 1 2/c 1"),
        ("P 21/n", AXIS_C, "P 1 1 21/n"),
        ("P 2/m (unique axis c)", ORTHORHOMBIC, "P 1 1 2/m"),
        ("C 1 2/c 1 (unique axis b, cell choice 1)", AXIS_B, "C 1 2/c 1"),
        ("P 2/m", ORTHORHOMBIC, "P 1 2/m 1"),
    ],
)
def test_a_name_in_words_is_its_space_group(tmp_path, name, cell, group):
    found = read_crystal(write(tmp_path, with_name(name, cell)))
    listed = f"_space_group_IT_number {gemmi.SpaceGroup(group).number}\nloop_\n_space_group_symop_operation_xyz\n"
    listed += "".join(f"'{operation.triplet()}'\n" for operation in gemmi.SpaceGroup(group).operations())
    path = write(tmp_path, with_name("", cell, extra=listed))
    assert_same_crystal(found, read_crystal(path))
    with np.errstate(all="ignore"):
        assert len(ase.io.read(path, format="cif")) == len(found.elements)


@pytest.mark.parametrize("written", [gemmi.SpaceGroup.xhm, lambda group: group.xhm().replace(" ", "")])
def test_the_name_of_every_tabulated_setting_is_its_operations(tmp_path, written):
    cells = {
        **{"triclinic": (20, 25, 30, 80, 85, 95), "orthorhombic": ORTHORHOMBIC, "tetragonal": TETRAGONAL},
        **{"trigonal": HEXAGONAL, "hexagonal": HEXAGONAL, "cubic": CUBIC},
    }
    for group in gemmi.spacegroup_table():
        cell = cells.get(group.crystal_system_str())
        if cell is None:
            cell = (AXIS_A, AXIS_B, AXIS_C)[next(i for i, part in enumerate(group.hm.split()[1:]) if part != "1")]
        if group.ext == "R":
            cell = (20, 20, 20, 55, 55, 55)
        named = space_groups(Block.of("", [("_space_group_name_H-M_alt", [written(group)])]), gemmi.UnitCell(*cell))
        assert [set(each.operations) for each in named] == [set(group.operations())], group.xhm()


@pytest.mark.parametrize("number", [3, 6, 10, 11])
def test_a_number_has_its_unique_axis_by_the_cell(tmp_path, number):
    by_cell = {
        axis: read_crystal(write(tmp_path, with_name("", cell, extra=f"_symmetry_Int_Tables_number {number}\n")))
        for axis, cell in zip("abc", (AXIS_A, AXIS_B, AXIS_C))
    }
    name = gemmi.find_spacegroup_by_number(number).hm.split()[2]
    for axis, cell in zip("abc", (AXIS_A, AXIS_B, AXIS_C)):
        symbol = " ".join(["P", *(name if each == axis else "1" for each in "abc")])
        assert_same_crystal(by_cell[axis], read_crystal(write(tmp_path, with_name(symbol, cell))))
    assert "unique axis is c" in by_cell["c"].remarks[0]


@pytest.mark.parametrize("name", ["P 21/c", "C 2/m"])
def test_a_setting_that_the_cell_contradicts_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="symmetry is not understood; give"):
        read_crystal(write(tmp_path, with_name(name, AXIS_C)))


@pytest.mark.parametrize(
    "given",
    [
        "_space_group_name_H-M_ref 'F m -3 m'\n",
        "_space_group.name_H-M_alt 'F m -3 m'\n",
        "_symmetry.space_group_name_H-M 'F m -3 m'\n",
        "_space_group.IT_number 225\n",
        "_space_group.reference_setting '225:-F 4 2 3'\n_space_group.transform_Pp_abc 'a,b,c;0,0,0'\n",
        "_space_group.name_Hall '-F 4 2 3'\n",
    ],
)
def test_the_space_group_is_found_under_its_newer_tags(tmp_path, given):
    found = read_crystal(write(tmp_path, with_name("", CUBIC, extra=given)))
    assert_same_crystal(found, read_crystal(write(tmp_path, with_name("F m -3 m", CUBIC))))


def test_a_number_of_another_group_is_said(tmp_path):
    crystal = read_crystal(write(tmp_path, with_name("F m -3 m", CUBIC, extra="_space_group_IT_number 221\n")))
    assert "its number, 221, is that of another" in crystal.remarks[0]


def test_magnetic_symmetry_gives_the_nuclear_structure(tmp_path):
    magnetic = (
        "_space_group_magn.name_BNS 'C_a c'\nloop_\n_space_group_symop_magn_operation.id\n"
        "_space_group_symop_magn_operation.xyz\n1 x,y,z,+1\n2 -x,-y,z+1/2,-1\nloop_\n"
        "_space_group_symop_magn_centering.id\n_space_group_symop_magn_centering.xyz\n1 x,y,z,+1\n2 x+1/2,y+1/2,z,-1\n"
    )
    found = read_crystal(write(tmp_path, with_name("", ORTHORHOMBIC, extra=magnetic)))
    listed = "loop_\n_space_group_symop_operation_xyz\n" + "".join(
        f"{operation}\n" for operation in ("x,y,z", "-x,-y,z+1/2", "x+1/2,y+1/2,z", "-x+1/2,-y+1/2,z+1/2")
    )
    assert_same_crystal(found, read_crystal(write(tmp_path, with_name("", ORTHORHOMBIC, extra=listed))))
    assert "without time reversal" in found.remarks[0]
    assert len(found.centring) == 2


def test_a_magnetic_name_gives_the_nuclear_structure_unless_it_has_anti_translations(tmp_path):
    name = "_space_group_magn.name_BNS \"P n' m a'\"\n"
    found = read_crystal(write(tmp_path, with_name("", ORTHORHOMBIC, extra=name)))
    assert_same_crystal(found, read_crystal(write(tmp_path, with_name("P n m a", ORTHORHOMBIC))))
    with pytest.raises(InputError, match="symmetry is not understood; give"):
        read_crystal(write(tmp_path, with_name("", ORTHORHOMBIC, extra="_space_group_magn.name_BNS 'P_a n m a'\n")))


def with_symbol(symbol, occupancy="1", label="M1", formula="", further=""):
    text = with_name("P 1", CUBIC, extra=f"_chemical_formula_sum '{formula}'\n" if formula else "")
    text = text.replace("_atom_site_label\n", "_atom_site_label\n_atom_site_type_symbol\n_atom_site_occupancy\n")
    return text.replace("Ti1 ", f"{label} {symbol} {occupancy} ") + further


@pytest.mark.parametrize(
    ("symbol", "occupancy", "right"),
    [
        ("'0.8Nb + 0.2Zr'", "1", {"Nb": 0.8, "Zr": 0.2}),
        ("0.8Nb+0.2Zr", "0.5", {"Nb": 0.4, "Zr": 0.1}),
        ("Nb0.8Zr0.2", "1", {"Nb": 0.8, "Zr": 0.2}),
        ("'Nb0.8 Zr0.2'", "1", {"Nb": 0.8, "Zr": 0.2}),
        ("(Nb0.8Zr0.2)", "1", {"Nb": 0.8, "Zr": 0.2}),
        ("'0.5Fe3+ + 0.5Co2+'", "1", {"Fe": 0.5, "Co": 0.5}),
        ("'0.5Nb + 0.3Zr'", "1", {"Nb": 0.5, "Zr": 0.3}),
        ("'0.5Nb + 0.3Zr'", "0.8", {"Nb": 0.5, "Zr": 0.3}),
        ("'.3Fe, .3Co, .4Ni'", "1", {"Fe": 0.3, "Co": 0.3, "Ni": 0.4}),
        ("'0.615(5)Cu + 0.385(5)Al'", "1", {"Cu": 0.615, "Al": 0.385}),
        ("'0.5Fe<sup>3+</sup> + 0.5Co'", "1", {"Fe": 0.5, "Co": 0.5}),
        ("'0.6OH2 + 0.4F'", "1", {"O": 0.6, "F": 0.4}),
        ("'0.5Fe2+ + 0.25Fe3+ + 0.25Co'", "1", {"Fe": 0.75, "Co": 0.25}),
    ],
)
def test_a_composition_is_a_mixed_site(tmp_path, symbol, occupancy, right):
    crystal = read_crystal(write(tmp_path, with_symbol(symbol, occupancy)))
    assert dict(zip(crystal.elements, crystal.occupancies)) == pytest.approx(right)
    assert np.ptp(crystal.positions, axis=0) == pytest.approx(np.zeros(3))
    assert "atom M1 is read as a mixed site" in crystal.remarks[0]


@pytest.mark.parametrize("separator", [",", "/", " + ", ";"])
def test_shares_that_a_symbol_lacks_follow_from_the_formula(tmp_path, separator):
    symbol = f"'Nb{separator}Zr'"
    crystal = read_crystal(write(tmp_path, with_symbol(symbol, formula="Nb3 Zr1")))
    assert dict(zip(crystal.elements, crystal.occupancies)) == pytest.approx({"Nb": 0.75, "Zr": 0.25})
    for formula in ("", "Nb3 O1"):
        with pytest.raises(InputError, match="atom M1 mixes Nb and Zr in unknown shares; give a row for each element"):
            read_crystal(write(tmp_path, with_symbol(symbol, formula=formula)))
    with pytest.raises(InputError, match="unknown shares"):  # zirconium of a second site
        read_crystal(write(tmp_path, with_symbol(symbol, formula="Nb3 Zr1", further="Zr1 Zr 1 .6 .7 .8\n")))


def test_a_label_may_hold_the_composition(tmp_path):
    crystal = read_crystal(write(tmp_path, with_symbol("?", label="Nb0.8Zr0.2")))
    assert dict(zip(crystal.elements, crystal.occupancies)) == pytest.approx({"Nb": 0.8, "Zr": 0.2})
    crystal = read_crystal(write(tmp_path, with_symbol("?", label="Nb1/Zr1", formula="Nb4 Zr")))
    assert dict(zip(crystal.elements, crystal.occupancies)) == pytest.approx({"Nb": 0.8, "Zr": 0.2})


@pytest.mark.parametrize("symbol", ["Fe2+/Fe3+", "'0.655OH2 + 0.345OH'"])
def test_ions_and_groups_of_one_element_are_one_atom(tmp_path, symbol):
    crystal = read_crystal(write(tmp_path, with_symbol(symbol)))
    assert len(crystal.elements) == 1
    assert crystal.occupancies == pytest.approx([1])


@pytest.mark.parametrize("symbol", ["'0.8Nb + 0.3Zr'", "'0.5Nb + 0.3Zr'"])
def test_shares_that_contradict_the_occupancy_are_refused(tmp_path, symbol):
    with pytest.raises(InputError, match=r"the shares of atom M1 add up to .*; give a row for each element"):
        read_crystal(write(tmp_path, with_symbol(symbol, "0.6")))


@pytest.mark.parametrize(("symbol", "element"), [("OH2", "O"), ("H2O", "O"), ("NH4", "N")])
def test_hydrogen_of_a_group_is_left_out_and_said(tmp_path, symbol, element):
    crystal = read_crystal(write(tmp_path, with_symbol(symbol)))
    assert crystal.elements == (element,)
    assert symbol in crystal.remarks[0]


@pytest.mark.parametrize(
    ("text", "value"), [("1/3", 1 / 3), ("-1/4", 0.75), ("0,25", 0.25), ("0.25(1", 0.25), (".5(2)", 0.5)]
)
def test_coordinates_may_be_ratios_or_have_a_comma(tmp_path, text, value):
    crystal = read_crystal(write(tmp_path, with_name("P 1", CUBIC).replace(".11", text)))
    assert crystal.positions[0, 0] == pytest.approx(value)


def test_a_lone_dot_is_zero_where_no_number_begins_with_zero(tmp_path):
    text = with_name("P 1", CUBIC).replace(".11 .31 .37", ". .5 .\nO1 .5 .25 .")
    crystal = read_crystal(write(tmp_path, text))
    np.testing.assert_allclose(crystal.positions, [[0, 0.5, 0], [0.5, 0.25, 0]])
    assert "lone dot are read as 0" in crystal.remarks[0]
    with pytest.raises(InputError, match="coordinate of atom Ti1 is missing"):
        read_crystal(write(tmp_path, text.replace(".25", "0.25")))


def test_anisotropic_displacements_in_other_units_are_left_out_and_said(tmp_path):
    tags = "".join(f"_atom_site_aniso_{tag}\n" for tag in "label U_11 U_22 U_33 U_12 U_13 U_23".split())
    crystal = read_crystal(write(tmp_path, with_name("P 1", CUBIC) + f"loop_\n{tags}Ti1 2.4 2.0 6.1 0 0 0\n"))
    assert crystal.thermal_b == pytest.approx([0.49])  # as where none is given
    assert "more than 1 A^2 are left out" in crystal.remarks[0]


def test_a_block_whose_atoms_are_all_unknown_is_no_crystal(tmp_path):
    empty = with_name("P 1", CUBIC).replace("data_x", "data_niggli").replace("Ti1 .11 .31 .37", "? ? ? ?")
    assert read_crystal(write(tmp_path, with_name("P 1", CUBIC) + empty)).elements == ("Ti",)


TWO = with_name("F m -3 m", CUBIC).replace("data_x", "data_one") + with_name("P 1", CUBIC).replace(
    "data_x", "data_global\n_a 1\ndata_two"
).replace("Ti1", "Au1")


def test_one_of_several_crystals_is_asked_for(tmp_path):
    path = write(tmp_path, TWO, "both.cif")
    with pytest.raises(InputError) as asked:
        read_crystal(path)
    for part in (
        f"{path}: it holds 2 crystals",
        "both#1 is one (Ti)",
        "both#2 is two (Au)",
        "; write one of these as the material",
    ):
        assert part in str(asked.value)
    assert set(read_crystal(path, phase=1).elements) == {"Ti"}
    assert read_crystal(path, phase=2).elements == ("Au",)
    for phase in (0, 3):
        with pytest.raises(InputError, match=f"there is no crystal both#{phase} in it: both#1 is .*; write one"):
            read_crystal(path, phase=phase)


def test_the_only_crystal_of_a_file_is_its_first(tmp_path):
    assert read_crystal(write(tmp_path, with_name("P 1", CUBIC)), phase=1).elements == ("Ti",)


def test_tags_that_are_given_twice_may_agree(tmp_path):
    text = with_name("P 1", CUBIC)
    assert read_crystal(write(tmp_path, text.replace("_cell_length_a 20", "_cell_length_a 20\n_cell.length_a 20")))
    with pytest.raises(InputError, match=r"_cell\.length_a is given more than once"):
        read_crystal(write(tmp_path, text.replace("_cell_length_a 20", "_cell_length_a 20\n_cell.length_a 5")))


def test_what_was_assumed_is_said(tmp_path, repository):
    assert "taken as all atoms of the cell" in read_crystal(write(tmp_path, with_name("", CUBIC))).remarks[0]
    assert "mended" in read_crystal(write(tmp_path, with_name("P 1", CUBIC) + "_x 'a\n")).remarks[0]
    for path in (repository / "structures").glob("*.cif"):
        assert read_crystal(path).remarks == (), path
