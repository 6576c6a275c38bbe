"""The atoms that a CIF lists: elements, fractional coordinates, occupancies and displacements."""

import re
from collections import Counter
from typing import NamedTuple

import gemmi
import numpy as np

from stembench.crystals.cif.blocks import CARTESIAN, Block, number
from stembench.errors import InputError

MAX_ATOMS, MAX_COORDINATE = 20_000, 1000
MAX_U_A2, MAX_Z = 1, 98
#: Occupancies of a place add up to 1 within this at most.
OCCUPANCY_TOLERANCE = 0.02

_FURTHER = [
    f"_atom_site_{tag}" for tag in "label type_symbol occupancy u_iso_or_equiv b_iso_or_equiv calc_flag".split()
]
_ANISOTROPIC = "label {0}_11 {0}_22 {0}_33 {0}_12 {0}_13 {0}_23"
_SYMBOL = re.compile(r"\d*[A-Za-z]{1,2}[\d.+-]*")
#: A group of atoms of which only the heavy one is seen.
_HYDRIDE = re.compile(r"H2O|[CNO]H\d?")
#: An element of a mixed site with its share before or behind it, and its charge.
_PART = re.compile(
    r"(?P<before>\d*\.\d+|1)?\s*\*?\s*(?P<element>[A-Z][a-z]?)"
    r"(?:\d[+-](?![\d.])|[+-]\d(?![\d.]))?(?P<behind>\d*\.\d+)?(?P<separator>[\s,;/&:+]*)"
)
_NUMBERING = re.compile(r"(?<![\d.])\d+(?![\d.])")
#: Matrix and shift from fractions to orthogonal axes [A] in the dictionaries, and the inverse; indices from 1.
_TO_CARTESIAN = (
    ("_atom_sites_cartn_tran_matrix_{}{}", "_atom_sites_cartn_tran_vector_{}"),
    ("_atom_sites_cartn_transform_matrix_{}{}", "_atom_sites_cartn_transform_vector_{}"),
    ("_atom_sites_cartn_transform_mat_{}{}", "_atom_sites_cartn_transform_vec_{}"),
    ("_atom_sites_cartn_transf_matrix[{}][{}]", "_atom_sites_cartn_transf_vector[{}]"),
)
_TO_FRACTIONS = tuple(
    (matrix.replace("cartn", "fract"), vector.replace("cartn", "fract")) for matrix, vector in _TO_CARTESIAN
)
_AXES = "_atom_sites_cartn_transform_axes"
_USUAL_AXES = re.compile(r"\ba\b.{0,40}\bx\b|\bx\b.{0,40}\ba\b", re.IGNORECASE | re.DOTALL)
_B_PER_U = 8 * np.pi**2
_LONGEST_SYMBOL = 200


class Site(NamedTuple):
    """An atom of the asymmetric unit: `thermal_b` in A^2, NaN if not given; the position in fractions of the cell."""

    name: str
    element: str
    position: list[float]
    occupancy: float
    thermal_b: float


def formula_of(block: Block) -> dict[str, float]:
    """Number of atoms of each element by the CIF's formula, empty if it has no plain one."""
    words = block.text("_chemical_formula_sum").split(maxsplit=99)
    parts = [part for word in words if (part := re.fullmatch(r"([A-Za-z]{1,2})([\d.]*)", word))]
    if len(parts) != len(words):
        return {}
    return {part[1].capitalize(): gemmi.cif.as_number(part[2], 1) for part in parts}


def sites_of(block: Block, cell: gemmi.UnitCell, formula: dict[str, float], remarks: list[str]) -> list[Site]:
    """Return the atoms that a block lists; `remarks` receives what was assumed of them.

    Dummy atoms, empty sites and hydrogen of unknown position are left out. An atom of several elements gives a site for
    each. The B of an atom without a positive U or B is NaN.

    Raises
    ------
    InputError
        If an atom has no element or no usable number, or nothing is left.
    """
    table = block.coordinates
    rows = block.rows(table, _FURTHER)
    if len(rows) > MAX_ATOMS:
        raise too_many_atoms()
    to_fractions = _cartesian_axes(block, cell, remarks) if table == CARTESIAN else None
    equivalent_u = _equivalent_u(block, cell, remarks)
    rows = _without_dots(rows, remarks)
    symbols = [row[4] or row[3] for row in rows]
    sites = []
    for i, (*coordinates, label, symbol, occ, u_iso, b_iso, flag) in enumerate(rows):
        name = f"atom {' '.join(label.split())[:40] or i + 1}"
        occupancy = _number(occ, f"occupancy of {name}", 1)
        if flag == "dum" or occupancy == 0:
            continue
        if not 0 < occupancy <= 1 + OCCUPANCY_TOLERANCE:
            raise InputError(f"{name} has occupancy {occupancy:g}; it must lie between 0 and 1")
        elements = _elements(symbol, label, name, formula, symbols, min(occupancy, 1))
        if list(elements) == ["H"] and not all(coordinates):
            continue
        if _HYDRIDE.fullmatch(symbol):
            _remark(remarks, f"the hydrogen of {symbol}, whose place is unknown, is left out")
        position = [_number(text, f"coordinate of {name}") for text in coordinates]
        if to_fractions is not None:
            position = (to_fractions @ [*position, 1]).tolist()
        if max(map(abs, position)) > MAX_COORDINATE:
            raise InputError(f"{name} lies {max(map(abs, position)):g} cells away; give fractions of the cell")
        given = _number(u_iso, f"U of {name}", np.nan), _number(b_iso, f"B of {name}", np.nan) / _B_PER_U
        u = next((u for u in (*given, equivalent_u.get(label, np.nan)) if u > 0), np.nan)
        if u > MAX_U_A2:
            raise InputError(f"{name} has U = {u:g} A^2, above {MAX_U_A2}; correct it, or name its tag B if it is B")
        if len(elements) > 1:
            shares = ", ".join(f"{element} {share:.3g}" for element, share in elements.items())
            _remark(remarks, f"{name} is read as a mixed site: {shares}")
        sites += [Site(name, element, position, share, _B_PER_U * u) for element, share in elements.items()]
    if not sites:
        raise InputError("only dummy atoms and empty sites; give the atoms or remove the file")
    return sites


def _without_dots(rows: list[list[str]], remarks: list[str]) -> list[list[str]]:
    """Rows whose first three columns hold no lone dot: 0 for programs that write .5 for 0.5, else not known."""
    coordinates = [text for row in rows for text in row[:3]]
    if "." not in coordinates:
        return rows
    bare = any(re.match(r"-?\.\d", text) for text in coordinates)
    zero = "0" if bare and not any(re.match(r"-?0", text) for text in coordinates) else ""
    if zero:
        _remark(remarks, "coordinates that are a lone dot are read as 0, since no other coordinate begins with 0")
    return [[zero if text == "." else text for text in row[:3]] + row[3:] for row in rows]


def too_many_atoms() -> InputError:
    """Return the refusal of a cell with more atoms than `MAX_ATOMS`."""
    return InputError(f"more than {MAX_ATOMS} atoms in the cell; give a smaller cell")


def _remark(remarks: list[str], remark: str) -> None:
    if remark not in remarks:
        remarks.append(remark)


def _number(text: str, what: str, default: float | None = None) -> float:
    if not text and default is not None:
        return default
    if np.isnan(value := number(text)):
        raise InputError(f"{what} is {text[:40] or 'missing'}; give a number")
    return value


def _elements(
    symbol: str, label: str, name: str, formula: dict[str, float], symbols: list[str], occupancy: float
) -> dict[str, float]:
    """The elements of an atom, each with its occupancy."""
    if mixture := _mixture(symbol or _NUMBERING.sub("", label)):
        return _occupancies(mixture, name, formula, symbols, occupancy)
    element = _element(symbol, {}) if symbol else _element(label, formula)
    if hydride := _HYDRIDE.fullmatch(symbol):
        element = re.sub(r"H\d?", "", hydride[0])
    elif not element or (symbol and not _SYMBOL.fullmatch(symbol)):
        raise InputError(f"{name} is of no known element; correct its _atom_site_type_symbol")
    return {element: occupancy}


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


def _mixture(text: str) -> dict[str, float]:
    """Shares of the elements in a text such as 0.8Nb + 0.2Zr, Nb0.8Zr0.2 or Nb,Zr (NaN); else none."""
    text = re.sub(r"<[^<>]*>|\(\d*\)", "", text)  # marks of HTML, standard uncertainties
    text = re.sub(rf"({_HYDRIDE.pattern})(?![a-z])", lambda found: found[0].strip("H234"), text)
    text, at, parts, separated = text.strip("()[]{} "), 0, [], []
    if len(text) > _LONGEST_SYMBOL:
        return {}
    while at < len(text) and (part := _PART.match(text, at)):
        at = part.end()
        parts.append(part)
        separated.append(bool(part["separator"].strip()))
    elements = [_element(part["element"], {}) for part in parts]
    whole = at == len(text) and len(parts) > 1 and all(elements)
    if not whole or any(part["before"] and part["behind"] for part in parts):
        return {}
    shares = [float(part["before"] or part["behind"] or "nan") for part in parts]
    if np.isnan(shares).all() and all(separated[:-1]) and len(set(elements)) == 1:
        return {elements[0]: 1.0}  # ions of one element
    if not np.isnan(shares).any() or (np.isnan(shares).all() and all(separated[:-1])):
        return {element: sum(share for e, share in zip(elements, shares) if e == element) for element in elements}
    return {}


def _occupancies(
    mixture: dict[str, float], name: str, formula: dict[str, float], symbols: list[str], occupancy: float
) -> dict[str, float]:
    """Occupancy of each element of a mixed site; shares that are not given follow from the formula."""
    if np.isnan(sum(mixture.values())):
        counts = Counter(part["element"] for text in symbols for part in _PART.finditer(text))
        if not all(element in formula and counts[element] == 1 for element in mixture):
            raise InputError(f"{name} mixes {' and '.join(mixture)} in unknown shares; give a row for each element")
        mixture = {element: formula[element] for element in mixture}
        mixture = {element: amount / sum(mixture.values()) for element, amount in mixture.items()}
    total = sum(mixture.values())
    if abs(total - 1) < OCCUPANCY_TOLERANCE:
        return {element: share * occupancy for element, share in mixture.items()}
    if total < 1 and (occupancy == 1 or abs(total - occupancy) < OCCUPANCY_TOLERANCE):
        return mixture  # the rest of the place is empty
    raise InputError(f"the shares of {name} add up to {total:.3g}; give a row for each element with its occupancy")


def _cartesian_axes(block: Block, cell: gemmi.UnitCell, remarks: list[str]) -> np.ndarray:
    """Matrix, shape (3, 4), from orthogonal coordinates [A] and 1 to fractions of the cell."""
    for tags, inverse in ((_TO_CARTESIAN, True), (_TO_FRACTIONS, False)):
        for matrix_tag, vector_tag in tags:
            matrix = np.array([[block.number(matrix_tag.format(i, j)) for j in (1, 2, 3)] for i in (1, 2, 3)])
            if np.isnan(matrix).any():
                continue
            shift = np.nan_to_num([block.number(vector_tag.format(i)) for i in (1, 2, 3)])
            tag = matrix_tag.format(1, 1)
            if not np.isfinite(matrix).all() or np.linalg.cond(matrix) > 1e6:
                raise InputError(f"the matrix {tag} ... has no inverse; correct or remove it")
            other = np.linalg.inv(matrix)
            to_fractions, vectors = (other, matrix) if inverse else (matrix, other)
            if not np.allclose(vectors.T @ vectors, _metric(cell), rtol=0.02, atol=0.1):
                raise InputError(f"the matrix {tag} ... is not that of the cell; correct or remove it")
            return np.column_stack([to_fractions, -to_fractions @ shift if inverse else shift])
    axes, orthogonal = block.text(_AXES), np.allclose(cell.parameters[3:], 90, atol=0.01)
    if axes and not orthogonal and not _USUAL_AXES.search(axes):
        matrix_tag = _TO_CARTESIAN[0][0].format(1, 1)
        raise InputError(f"its axes of Cartesian coordinates are not understood; give {matrix_tag} ...")
    if not axes:
        remarks.append("Cartesian coordinates are read with x along a and y in the plane of a and b")
    return np.column_stack([np.array(cell.frac.mat.tolist()), np.zeros(3)])


def _metric(cell: gemmi.UnitCell) -> np.ndarray:
    vectors = np.array(cell.orth.mat.tolist())
    return vectors.T @ vectors


def _equivalent_u(block: Block, cell: gemmi.UnitCell, remarks: list[str]) -> dict[str, float]:
    """Isotropic equivalent of each label's anisotropic displacements [A^2]."""
    equivalent = {}
    for kind, scale in (("b", _B_PER_U), ("u", 1)):
        rows = block.rows([f"_atom_site_aniso_{tag}" for tag in _ANISOTROPIC.format(kind).split()])
        if len(rows) > MAX_ATOMS:
            raise too_many_atoms()
        for label, *components in rows:
            tensor = gemmi.SMat33d(*(number(component) / scale for component in components))
            u = cell.calculate_u_eq(tensor)
            if u > MAX_U_A2:
                _remark(remarks, f"anisotropic displacements of more than {MAX_U_A2} A^2 are left out")
            elif not np.isnan(u):
                equivalent[label] = u
    return equivalent
