"""Reading crystal structures from CIF files, by gemmi."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import gemmi
import numpy as np
from gemmi.cif import Block, Table, as_number, as_string, read_string
from scipy.spatial import cKDTree

from stembench.errors import InputError

#: Limits of what is read: bytes in the file, atoms and symmetry operations in the cell, lattice constants and
#: distance between lattice planes [A], coordinates [cells], mean square displacement [A^2], atomic number.
MAX_BYTES, MAX_ATOMS, MAX_OPERATIONS = 20_000_000, 20_000, 192
LENGTHS_A, MIN_HEIGHT_A, MAX_COORDINATE = (1.5, 1000), 1, 1000
MAX_U_A2, MAX_Z = 1, 98
#: Atoms closer than this share a place [A]; their occupancies add up to 1 within the tolerance at most.
SAME_PLACE_A, OCCUPANCY_TOLERANCE, MAX_SHARING = 0.5, 0.02, 64
#: Images of an atom closer than this are one atom, on a special position [A].
SAME_ATOM_A = 0.1
#: Relative misfit allowed between the cell and its symmetry.
CELL_TOLERANCE = 0.02

_OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_HALL = ("_space_group_name_Hall", "_symmetry_space_group_name_Hall")
_HERMANN_MAUGUIN = ("_space_group_name_H-M_alt", "_symmetry_space_group_name_H-M")
_NUMBER = ("_space_group_IT_number", "_symmetry_Int_Tables_number")
_SYMMETRY, _CELL, _SITE = ("_space_group", "_symmetry"), ("_cell_length_", "_cell_angle_"), "_atom_site_"
_SITE_TAGS = "fract_x fract_y fract_z ?label ?type_symbol ?occupancy ?U_iso_or_equiv ?B_iso_or_equiv ?calc_flag".split()
_ANISOTROPIC_TAGS = "label {0}_11 {0}_22 {0}_33 {0}_12 {0}_13 {0}_23"
_SYMBOL = re.compile(r"\d*[A-Za-z]{1,2}[\d.+-]*")
_IDENTITY = gemmi.Op("x,y,z")
_B_PER_U = 8 * np.pi**2


@dataclass(frozen=True)
class Crystal:
    """A crystal in its CIF's own setting.

    Attributes
    ----------
    cell : ndarray, shape (3, 3)
        Lattice vectors a, b, c as rows [A].
    centring : ndarray, shape (n, 3)
        Lattice translations inside the cell as fractions of it, (0, 0, 0) among them.
    elements : tuple of str
        Element of each atom in the cell.
    positions : ndarray, shape (atoms, 3)
        Fractional coordinates.
    occupancies, thermal_b : ndarray, shape (atoms,)
        Site occupancy, and isotropic B [A^2] (0 where the CIF gives none).
    """

    cell: np.ndarray
    centring: np.ndarray
    elements: tuple[str, ...]
    positions: np.ndarray
    occupancies: np.ndarray
    thermal_b: np.ndarray


class _Site(NamedTuple):
    name: str
    element: str
    position: list[float]
    occupancy: float
    thermal_b: float


def read_crystal(path: str | Path) -> Crystal:
    """Read the first data block of a CIF that holds atoms.

    Symmetry is taken from the operations, else from the Hall symbol, the Hermann-Mauguin name or the number of the
    space group; a CIF that says nothing of symmetry lists its whole cell (P 1). Where a name leaves the origin open,
    that choice is taken which gives the CIF's formula, or the fewer atoms. Dummy atoms, empty sites and hydrogen of
    unknown position are left out; atoms beside a special position are put onto it.

    Parameters
    ----------
    path : str or Path
        A CIF.

    Returns
    -------
    Crystal
        Lattice vectors `cell`, shape (3, 3) [A]; fractional coordinates `positions`, shape (atoms, 3), with `elements`,
        `occupancies` and `thermal_b` [A^2] of the atoms.

    Raises
    ------
    InputError
        If the file cannot be parsed or does not describe a crystal; the message names file, reason and remedy.
    """
    try:
        return _crystal(_block_with_atoms(Path(path)))
    except InputError as error:
        raise InputError(f"{path}: {' '.join(str(error).split())}") from None


def _block_with_atoms(path: Path) -> Block:
    try:
        if not path.is_file():
            raise InputError("no regular file; give the path of a CIF")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror}); give yourself the right to read it") from None
    if len(content) > MAX_BYTES:
        raise InputError(f"longer than {MAX_BYTES / 1e6:g} MB; leave only the crystal's data block in it")
    try:
        document = read_string(content.decode("utf-8-sig", errors="replace"), check_level=0)
    except (RuntimeError, ValueError) as error:
        where = str(error).removeprefix("string:")[:200]
        raise InputError(f"no readable CIF (line {where}); correct that line, or unpack or replace the file") from None
    block = next((block for block in document if len(block.find(_SITE, _SITE_TAGS))), None)
    if block is None:
        raise InputError("no atoms with fractional coordinates; give _atom_site_fract_x, _y and _z or remove the file")
    return block


def _crystal(block: Block) -> Crystal:
    tags = Counter(_tags(block))
    repeated = [tag for tag in tags if tags[tag] > 1 and tag.startswith((*_SYMMETRY, *_CELL, _SITE))]
    if repeated:
        raise InputError(f"{repeated[0]} is given more than once; leave one of them")
    cell, formula = _cell(block), _formula(block)
    sites = _sites(block, cell, formula)
    crystals, refusals = [], []
    for operations in _groups(block, cell, any(tag.startswith(_SYMMETRY) for tag in tags)):
        try:
            crystals.append(_expanded(cell, sites, operations))
        except InputError as error:
            refusals.append(error)
    if not crystals:
        raise refusals[-1]
    fitting = [crystal for crystal in crystals if _agrees(crystal, formula)] or crystals
    fitting.sort(key=lambda crystal: len(crystal.elements))
    if len(fitting) > 1 and len(fitting[0].elements) == len(fitting[1].elements):
        raise InputError(f"two origin choices fit; give {_OPERATIONS[0]}, or end the space group's name with :1 or :2")
    return fitting[0]


def _tags(block: Block) -> Iterator[str]:
    item: Any  # gemmi types a pair of a tag and its value as an object
    for item in block:
        if item.pair:
            yield item.pair[0].lower()
        elif item.loop:
            yield from (tag.lower() for tag in item.loop.tags)


def _text(block: Block, *tags: str) -> str:
    """The first of the tags that has a value, else an empty string."""
    return next(filter(None, (as_string(block.find_value(tag) or "") for tag in tags)), "")


def _cell(block: Block) -> gemmi.UnitCell:
    lengths = [as_number(_text(block, _CELL[0] + axis)) for axis in "abc"]
    angles = [as_number(as_string(block.find_value(_CELL[1] + at) or "90")) for at in ("alpha", "beta", "gamma")]
    if all(LENGTHS_A[0] <= length <= LENGTHS_A[1] for length in lengths) and all(0 < angle < 180 for angle in angles):
        cell = gemmi.UnitCell(*lengths, *angles)
        if cell.volume > 0 and max(cell.reciprocal().parameters[:3]) < 1 / MIN_HEIGHT_A:
            return cell
    limits = "{:g} to {:g} A".format(*LENGTHS_A)
    raise InputError(
        f"no usable unit cell; give _cell_length_a, _b, _c ({limits}) and _cell_angle_alpha, _beta, _gamma"
    )


def _formula(block: Block) -> dict[str, float]:
    """Number of atoms of each element by the CIF's formula, empty if it has no plain one."""
    words = _text(block, "_chemical_formula_sum").split(maxsplit=99)
    parts = [part for word in words if (part := re.fullmatch(r"([A-Za-z]{1,2})([\d.]*)", word))]
    return {part[1].capitalize(): as_number(part[2], 1) for part in parts} if len(parts) == len(words) else {}


def _agrees(crystal: Crystal, formula: dict[str, float]) -> bool:
    """Whether the crystal has the formula's composition, within 5%."""
    found: dict[str, float] = defaultdict(float)
    for element, occupancy in zip(crystal.elements, crystal.occupancies):
        found[element] += occupancy
    ratios = [formula.get(element, 0) / found[element] for element in found]
    return found.keys() == formula.keys() and min(ratios) > 0.95 * max(ratios)


def _sites(block: Block, cell: gemmi.UnitCell, formula: dict[str, float]) -> list[_Site]:
    equivalent_u = _equivalent_u(block, cell)
    sites = []
    for row in _rows(block, _SITE, _SITE_TAGS):
        *fractions, label, symbol, occ, u_iso, b_iso, flag = (as_string(row.get(i) or "") for i in range(len(row)))
        name = f"atom {label[:40] or row.row_index + 1}"
        occupancy = _number(occ, f"occupancy of {name}", 1)
        if flag == "dum" or occupancy == 0:
            continue
        if not 0 < occupancy <= 1 + OCCUPANCY_TOLERANCE:
            raise InputError(f"{name} has occupancy {occupancy:g}; it must lie between 0 and 1")
        element = _element(symbol, {}) if symbol else _element(label, formula)
        if not element or (symbol and not _SYMBOL.fullmatch(symbol)):
            raise InputError(f"{name} is of no known element; correct its _atom_site_type_symbol")
        if element == "H" and not all(fractions):
            continue
        position = [_number(fraction, f"coordinate of {name}") for fraction in fractions]
        if max(map(abs, position)) > MAX_COORDINATE:
            raise InputError(f"{name} lies {max(map(abs, position)):g} cells away; give fractions of the cell")
        given = _number(u_iso, f"U of {name}", np.nan), _number(b_iso, f"B of {name}", np.nan) / _B_PER_U
        u = next(u for u in (*given, equivalent_u.get(label, 0.0)) if not np.isnan(u))
        if u > MAX_U_A2:
            raise InputError(f"{name} has U = {u:g} A^2, above {MAX_U_A2}; correct it, or name its tag B if it is B")
        sites.append(_Site(name, element, position, min(occupancy, 1), _B_PER_U * max(u, 0)))
    if not sites:
        raise InputError("only dummy atoms and empty sites; give the atoms or remove the file")
    return sites


def _rows(block: Block, prefix: str, tags: list[str]) -> Table:
    table = block.find(prefix, tags)
    if len(table) > MAX_ATOMS:
        raise _too_many_atoms()
    return table


def _number(text: str, what: str, default: float | None = None) -> float:
    if not text and default is not None:
        return default
    if np.isnan(number := as_number(text)):
        raise InputError(f"{what} is {text[:40] or 'missing'}; give a number")
    return number


def _element(text: str, formula: dict[str, float]) -> str:
    """The element a symbol or label begins with, if possible one of the formula; `Wat` is the oxygen of water."""
    letters = re.match(r"\d*(([A-Za-z])([A-Za-z]?))", "O" if text.lower().startswith("wat") else text)
    if not letters:
        return ""
    elements = [gemmi.Element(letters[i]) for i in (1, 2)]
    pair, single = (element.name if 0 < element.atomic_number <= MAX_Z else "" for element in elements)
    by_letters = pair or ("" if letters[3].islower() else single)
    element = next((element for element in (pair, single) if element in formula), by_letters)
    return "H" if element == "D" else element


def _equivalent_u(block: Block, cell: gemmi.UnitCell) -> dict[str, float]:
    """Isotropic equivalent of each label's anisotropic displacements [A^2]."""
    equivalent = {}
    for kind, scale in (("B", _B_PER_U), ("U", 1)):
        for row in _rows(block, "_atom_site_aniso_", _ANISOTROPIC_TAGS.format(kind).split()):
            tensor = gemmi.SMat33d(*(as_number(as_string(row[i])) / scale for i in range(1, 7)))
            if not np.isnan(u := cell.calculate_u_eq(tensor)):
                equivalent[row.str(0)] = u
    return equivalent


def _groups(block: Block, cell: gemmi.UnitCell, symmetry_given: bool) -> list[list[gemmi.Op]]:
    """Operations of the space group, once for each origin choice that its name leaves open."""
    listed = _listed_operations(block)
    if listed and {one * other for one in listed for other in listed} == set(listed):
        return [listed]
    groups = [group for group in _named_groups(block, cell) if set(group).issuperset(listed)]
    if not groups and symmetry_given:
        raise InputError(f"its symmetry is not understood; give a whole space group in {_OPERATIONS[0]}")
    return groups or [[_IDENTITY]]


def _listed_operations(block: Block) -> list[gemmi.Op]:
    column = next((list(found) for found in map(block.find_values, _OPERATIONS) if found), [])
    if not 0 < len(column) <= MAX_OPERATIONS:
        return []
    try:
        return list(dict.fromkeys([_IDENTITY, *(gemmi.parse_triplet(as_string(text), "x").wrap() for text in column)]))
    except (RuntimeError, ValueError):
        return []


def _named_groups(block: Block, cell: gemmi.UnitCell) -> list[list[gemmi.Op]]:
    try:
        return [list(gemmi.symops_from_hall(_text(block, *_HALL)))]
    except (RuntimeError, ValueError):
        name, number = _text(block, *_HERMANN_MAUGUIN), as_number(_text(block, *_NUMBER))
    if not name and number in range(1, 231):
        name = gemmi.find_spacegroup_by_number(int(number)).hm
    name = re.sub(r"_|\((\d)\)", r"\1", name)
    found = [gemmi.find_spacegroup_by_name(name, cell.alpha, cell.gamma, choice) for choice in "21"]
    return [list(group.operations()) for group in {group.xhm(): group for group in found if group}.values()]


def _expanded(cell: gemmi.UnitCell, sites: list[_Site], operations: list[gemmi.Op]) -> Crystal:
    """The whole cell's atoms."""
    vectors = np.array(cell.orth.mat.tolist()).T
    rotations, translations = (np.array(part) / gemmi.Op.DEN for part in zip(*((op.rot, op.tran) for op in operations)))
    metric, lengths = vectors @ vectors.T, np.linalg.norm(vectors, axis=1)
    misfit = rotations.swapaxes(1, 2) @ metric @ rotations - metric
    if np.any(abs(misfit) > CELL_TOLERANCE * np.outer(lengths, lengths)):
        raise InputError("the cell does not have its space group's symmetry; correct the cell or the symmetry")
    orbits, atoms = [], 0
    for site in sites:
        orbits.append(_orbit(site, rotations, translations, vectors))
        atoms += len(orbits[-1])
        if atoms > MAX_ATOMS:
            raise _too_many_atoms()
    index = np.repeat(np.arange(len(sites)), [len(orbit) for orbit in orbits])
    crystal = Crystal(
        cell=vectors,
        centring=translations[np.all(rotations == np.eye(3), axis=(1, 2))] % 1,
        elements=tuple(sites[i].element for i in index),
        positions=np.concatenate(orbits),
        occupancies=np.array([site.occupancy for site in sites])[index],
        thermal_b=np.array([site.thermal_b for site in sites])[index],
    )
    _refuse_crowded_places(crystal, [sites[i].name for i in index])
    return crystal


def _orbit(site: _Site, rotations: np.ndarray, translations: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Positions of a site's images, a site beside a special position moved onto it first."""
    position = np.array(site.position)
    shifts = _shortest(rotations @ position + translations - position)
    near = np.linalg.norm(shifts @ vectors, axis=1) < SAME_ATOM_A
    images = rotations @ (position + shifts[near].mean(axis=0)) + translations
    distinct = []
    while len(images):
        distinct.append(images[0])
        apart = np.linalg.norm(_shortest(images - images[0]) @ vectors, axis=1)
        images = images[apart >= SAME_ATOM_A]
    return np.array(distinct) % 1 % 1


def _shortest(fractions: np.ndarray) -> np.ndarray:
    return fractions - np.round(fractions)


def _refuse_crowded_places(crystal: Crystal, names: list[str]) -> None:
    atoms, lengths = len(names), np.linalg.norm(crystal.cell, axis=1)
    skew = np.linalg.norm(np.linalg.inv(crystal.cell / lengths[:, None]), 2)
    boxed = crystal.positions * lengths % lengths
    nearest = range(1, 1 + min(atoms, MAX_SHARING))
    _, near = cKDTree(boxed, boxsize=lengths).query(boxed, nearest, distance_upper_bound=skew * SAME_PLACE_A)
    shifts = _shortest(crystal.positions[near % atoms] - crystal.positions[:, None])  # none is found: number `atoms`
    sharing = (near < atoms) & (np.linalg.norm(shifts @ crystal.cell, axis=2) < SAME_PLACE_A)
    totals = np.sum(crystal.occupancies[near % atoms], axis=1, where=sharing)
    worst = np.argmax(totals)
    if totals[worst] > 1 + OCCUPANCY_TOLERANCE:
        who = ", ".join(sorted({names[i] for i in near[worst][sharing[worst]]})[:5])
        reason = f"total occupancy {totals[worst]:.3g} within {SAME_PLACE_A} A at {who}"
        raise InputError(f"{reason}; correct occupancies or coordinates, or remove what is listed twice")


def _too_many_atoms() -> InputError:
    return InputError(f"more than {MAX_ATOMS} atoms in the cell; give a smaller cell")
