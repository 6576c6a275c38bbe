"""The space group of a CIF: its operations, however the file gives them."""

import re
from typing import NamedTuple

import gemmi

from stembench.crystals.cif.blocks import Block
from stembench.errors import InputError, in_short

MAX_OPERATIONS = 192
#: Tags of the space group begin with one of these.
SYMMETRY = ("_space_group", "_symmetry")
#: What a message asks for.
OPERATIONS = "_space_group_symop_operation_xyz"

_OPERATIONS = (OPERATIONS, "_symmetry_equiv_pos_as_xyz")
_MAGNETIC = ("_space_group_symop_magn_operation_xyz", "_space_group_symop_magn_centering_xyz")
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_NAMES = (
    *("_space_group_name_h-m_alt", "_symmetry_space_group_name_h-m"),
    *("_space_group_name_h-m_full", "_symmetry_space_group_name_h-m_full", "_space_group_name_h-m_ref"),
)
_NUMBER = ("_space_group_it_number", "_symmetry_int_tables_number")
_BNS, _BNS_TRANSFORM = "_space_group_magn_name_bns", "_space_group_magn_transform_bns_pp_abc"
_REFERENCE, _TRANSFORM = "_space_group_reference_setting", "_space_group_transform_pp_abc"
_SETTING = ("_symmetry_space_group_setting", "_space_group_setting")
_UNCHANGED = re.compile(r"a,b,c(;0,0,0)?")
_IDENTITY = gemmi.Op("x,y,z")

#: Words and letters behind a name that choose origin, axes or unique axis; other words in brackets are left away.
_ORIGIN = re.compile(r"origin(?: choice| at)?\s*:?\s*([12])|[\s:(]O\s*([12])\)?$|:\s*([12])$", re.IGNORECASE)
_AXES = re.compile(r"(hexagonal|rhombohedral)(?: axes)?|:\s*([HR])$", re.IGNORECASE)
_UNIQUE = re.compile(r"unique axis\s*:?\s*([abc])|:\s*-?([abc])[123]?$", re.IGNORECASE)
_REMARK = re.compile(r"\s*[(\[](?=[^)\]]*[A-Za-z]{3}).*$")
_ICSD_ORIGIN = {"S": "1", "Z": "2"}
_MONOCLINIC = re.compile(r"([abcfip])(2(?:1)?(?:/[abcdemn])?|[abcdmn])", re.IGNORECASE)


class Group(NamedTuple):
    """Operations of a space group, and what was assumed in reading it (empty: nothing)."""

    operations: list[gemmi.Op]
    assumed: tuple[str, ...] = ()


def space_groups(block: Block, cell: gemmi.UnitCell) -> list[Group]:
    """Return the space group of a block, once for each origin choice that its name leaves open.

    Operations count before names, and names before numbers. A block that says nothing of symmetry lists its whole cell.

    Raises
    ------
    InputError
        If the block gives a symmetry that is not understood.
    """
    listed = _listed_operations(block)
    if listed and _is_group(listed):
        return [Group(listed)]
    if magnetic := _magnetic_operations(block):
        return [Group(magnetic, ("the magnetic symmetry is read without time reversal, as that of the atoms",))]
    groups = [group for group in _named_groups(block, cell) if set(group.operations).issuperset(listed)]
    if groups:
        return groups
    if any(tag.startswith(SYMMETRY) for tag in block.values):
        raise InputError(f"its symmetry is not understood; give a whole space group in {OPERATIONS}")
    return [Group([_IDENTITY], ("the file gives no symmetry: its atoms are taken as all atoms of the cell (P 1)",))]


def _is_group(operations: list[gemmi.Op]) -> bool:
    return {one * other for one in operations for other in operations} == set(operations)


def _listed_operations(block: Block) -> list[gemmi.Op]:
    column = next((block.values[tag] for tag in _OPERATIONS if any(block.values.get(tag, []))), [])
    return _operations(column) or _operations(re.sub(r"\s*,\s*", ",", " ".join(column)).split())


def _operations(triplets: list[str]) -> list[gemmi.Op]:
    """Operations by their triplets, the identity first; none if one cannot be read."""
    if not 0 < len(triplets) <= MAX_OPERATIONS:
        return []
    try:
        read = [gemmi.parse_triplet(text.strip("'\" "), "x").wrap() for text in triplets]
    except (RuntimeError, ValueError):
        return []
    return list(dict.fromkeys([_IDENTITY, *read]))


def _magnetic_operations(block: Block) -> list[gemmi.Op]:
    """Operations of a magnetic space group on the atoms: time reversal, behind the third comma, left away."""
    operations, centrings = (
        _operations([",".join(text.split(",")[:3]) for text in block.values.get(tag, [])]) for tag in _MAGNETIC
    )
    products = dict.fromkeys((one * other).wrap() for other in centrings or [_IDENTITY] for one in operations)
    whole = list(products)
    return whole if len(whole) <= MAX_OPERATIONS and _is_group(whole) else []


def _named_groups(block: Block, cell: gemmi.UnitCell) -> list[Group]:
    if hall := _hall_operations(block.text(*_HALL)):
        return [Group(hall)]
    reference = []
    if _UNCHANGED.fullmatch(block.text(_TRANSFORM).replace(" ", "") or "a,b,c"):
        reference = _hall_operations(re.sub(r"^\s*\d+\s*:", "", block.text(_REFERENCE)))
    setting = block.text(*_SETTING)
    for tag in _NAMES:
        if groups := _by_name(block.text(tag), cell, setting if setting in ("1", "2") else ""):
            chosen = [group for group in groups if set(group.operations) == set(reference)]
            return [_checked(group, block) for group in chosen or groups]
    if reference:
        return [Group(reference)]
    if not block.text(*_NAMES):
        return _by_bns_name(block, cell) or _by_number(block.number(*_NUMBER), cell)
    return []


def _hall_operations(symbol: str) -> list[gemmi.Op]:
    try:
        return list(gemmi.symops_from_hall(symbol)) if symbol else []
    except (RuntimeError, ValueError):
        return []


def _by_number(number: float, cell: gemmi.UnitCell) -> list[Group]:
    if number not in range(1, 231):
        return []
    name = gemmi.find_spacegroup_by_number(int(number)).hm
    return _by_name(re.sub(r"^(\w) 1 (\S+) 1$", r"\1 \2", name), cell)


def _by_bns_name(block: Block, cell: gemmi.UnitCell) -> list[Group]:
    """The group of a magnetic one by its BNS name, unless it has anti-translations or another setting."""
    name, transform = block.text(_BNS), block.text(_BNS_TRANSFORM).replace(" ", "")
    if not name or "_" in name or not _UNCHANGED.fullmatch(transform or "a,b,c"):
        return []
    remark = "the magnetic symmetry is read by its name without time reversal, as that of the atoms"
    return [Group(each.operations, (*each.assumed, remark)) for each in _by_name(re.sub(r"['\"]|1'$", "", name), cell)]


def _checked(group: Group, block: Block) -> Group:
    """A group by its name, with a remark if the number in the file is that of another."""
    number = block.number(*_NUMBER)
    found = gemmi.find_spacegroup_by_ops(gemmi.GroupOps(group.operations))
    if number not in range(1, 231) or found is None or found.number == number:
        return group
    remark = f"the space group is read by its name, {in_short(block.text(*_NAMES), 40)}; its number, {number:g}, is "
    return Group(group.operations, (*group.assumed, f"{remark}that of another"))


def _by_name(name: str, cell: gemmi.UnitCell, setting: str = "") -> list[Group]:
    """Groups by a Hermann-Mauguin name, once for each origin choice that it leaves open."""
    name, origin, axes, unique = _parts(name)
    if not name:
        return []
    if short := _MONOCLINIC.fullmatch(name.replace(" ", "")):
        return _monoclinic(short[1].upper(), short[2].lower(), unique, cell)
    for symbol in dict.fromkeys([name, _without_axes(name)]):
        for suffix in (axes or origin or setting, ""):
            suffixed = f"{symbol}:{suffix}" if suffix else symbol
            found = [gemmi.find_spacegroup_by_name(suffixed, cell.alpha, cell.gamma, choice) for choice in "21"]
            if groups := {group.xhm(): group for group in found if group}:
                open_origin = len(groups) > 1
                return [
                    Group(list(group.operations()), (f"origin choice {group.ext} is taken",) if open_origin else ())
                    for group in groups.values()
                ]
    return []


def _parts(name: str) -> tuple[str, str, str, str]:
    """A name as tables have it, and the origin choice, axes (H or R) and unique axis that words behind it give."""
    name = re.sub(r"\\?(?:bar|overline)\s*\{?(\d)\}?", r"-\1", name.strip("'\" "))
    origin = _chosen(_ORIGIN, name)
    axes = _chosen(_AXES, name)[:1].upper()
    unique = _chosen(_UNIQUE, name).lower()
    for words in (_REMARK, _ORIGIN, _AXES, _UNIQUE):
        name = words.sub("", name).strip()
    if name.endswith(tuple(_ICSD_ORIGIN)):
        origin, name = origin or _ICSD_ORIGIN[name[-1]], name[:-1].strip(" :")
    name = re.sub(r"[_{}$~]|\((\d)\)", r"\1", name)
    name = re.sub(r"([1346])-(?!\d)", r"-\1", name)  # Fm3-m
    return name[:1].upper() + name[1:], origin, axes, unique


def _chosen(words: re.Pattern[str], name: str) -> str:
    found = words.search(name)
    return next(filter(None, found.groups())) if found else ""


def _without_axes(name: str) -> str:
    """The short symbol of a full one, such as P m m n of P 21/m 21/m 2/n; a plane across the main axis stays."""
    lattice, *parts = name.split() or [""]
    uniaxial = parts and parts[0][0] in "46" and not (len(parts) > 1 and parts[1].startswith("-3"))
    kept = [part if uniaxial and i == 0 else re.sub(r"^[2346]\d?/", "", part) for i, part in enumerate(parts)]
    return " ".join([lattice, *kept])


def _monoclinic(lattice: str, element: str, unique: str, cell: gemmi.UnitCell) -> list[Group]:
    """Group of a short symbol, such as P 2/m, its unique axis by the cell: b where all angles are 90 degrees."""
    leaning = dict(zip("abc", (abs(angle - 90) for angle in (cell.alpha, cell.beta, cell.gamma))))
    oblique = max("bca", key=leaning.__getitem__) if max(leaning.values()) > 0.01 else ""
    axis = unique or oblique or "b"
    symbol = " ".join([lattice, *(element if each == axis else "1" for each in "abc")])
    group = gemmi.find_spacegroup_by_name(symbol)
    if not group and not unique and not oblique:  # such as B 2/m, which only has the unique axis c
        found = gemmi.find_spacegroup_by_name(f"{lattice} {element}")
        group, symbol = found, found.hm if found else ""
    if not group:
        return []
    if unique or oblique == "b":
        return [Group(list(group.operations()))]
    axis = next(axis for axis, part in zip("abc", symbol.split()[1:]) if part != "1")
    why = "by the cell" if oblique else "since all angles are 90 degrees and the name is short"
    return [Group(list(group.operations()), (f"the unique axis is {axis}, as {symbol}, {why}",))]
