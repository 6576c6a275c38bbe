"""The crystal that a CIF describes: its cell filled with atoms."""

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import gemmi
import numpy as np
from scipy.spatial import cKDTree

from stembench.crystals.cif.blocks import Block, read_blocks
from stembench.crystals.cif.sites import MAX_ATOMS, OCCUPANCY_TOLERANCE, Site, formula_of, sites_of, too_many_atoms
from stembench.crystals.cif.symmetry import OPERATIONS, SYMMETRY, Group, space_groups
from stembench.crystals.cif.thermal import with_displacements
from stembench.crystals.shared_sites import SAME_SITE_A
from stembench.errors import InputError, in_short

#: Limits of what is read: lattice constants and distance between lattice planes [A].
LENGTHS_A, MIN_HEIGHT_A = (1.5, 1000), 1
#: Atoms that share a site, at most.
MAX_SHARING = 64
#: Images of an atom closer than this are one atom, on a special position [A].
SAME_ATOM_A = 0.1
#: Relative misfit allowed between the cell and its symmetry.
CELL_TOLERANCE = 0.02

_LENGTHS, _ANGLES = (
    ("_cell_length_a", "_cell_length_b", "_cell_length_c"),
    ("_cell_angle_alpha", "_cell_angle_beta", "_cell_angle_gamma"),
)


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
        Site occupancy, and isotropic B [A^2]; `remarks` say where the CIF gives none and one is assumed.
    remarks : tuple of str
        Sentences on what was assumed in reading the CIF.
    """

    cell: np.ndarray
    centring: np.ndarray
    elements: tuple[str, ...]
    positions: np.ndarray
    occupancies: np.ndarray
    thermal_b: np.ndarray
    remarks: tuple[str, ...] = ()


def read_crystal(path: str | Path, phase: int | None = None) -> Crystal:
    """Read a crystal from a CIF.

    Symmetry is taken from the operations, else from the Hall symbol, the Hermann-Mauguin name or the number of the
    space group; a CIF that says nothing of symmetry lists its whole cell (P 1). Where a name leaves the origin open,
    that choice is taken which gives the CIF's formula, or the fewer atoms; where it leaves the unique axis open, the
    angles of the cell choose. A magnetic CIF gives the nuclear structure. Dummy atoms, empty sites and hydrogen of
    unknown position are left out; atoms beside a special position are put onto it.

    Parameters
    ----------
    path : str or Path
        A CIF.
    phase : int, optional
        Number of the crystal, from 1, in a CIF that holds several: data blocks with atoms are counted.

    Returns
    -------
    Crystal
        Lattice vectors `cell`, shape (3, 3) [A]; fractional coordinates `positions`, shape (atoms, 3), with `elements`,
        `occupancies` and `thermal_b` [A^2] of the atoms; `remarks`, sentences on what was assumed.

    Raises
    ------
    InputError
        If the file cannot be parsed or does not describe a crystal, or it describes several and `phase` names none of
        them; the message names file, reason and remedy.
    """
    try:
        blocks, mended = read_blocks(Path(path))
        block = _chosen([block for block in blocks if block.coordinates], phase, Path(path).stem)
        return _crystal(block, ["quotes or lines that break the rules of CIF were mended"] if mended else [])
    except InputError as error:
        raise InputError(f"{path}: {' '.join(str(error).split())}") from None


def _chosen(blocks: list[Block], phase: int | None, name: str) -> Block:
    if not blocks:
        raise InputError("no atoms with coordinates; give _atom_site_fract_x, _y and _z or remove the file")
    if phase is None and len(blocks) == 1:
        return blocks[0]
    if phase is not None and 1 <= phase <= len(blocks):
        return blocks[phase - 1]
    named = in_short("; ".join(f"{name}#{i} is {_described(block)}" for i, block in enumerate(blocks, 1)))
    if phase is None:
        raise InputError(
            f"it holds {len(blocks)} crystals: {named}; write one of these as the material (structures.zones, "
            "images.csv), or phase=1 in Python"
        )
    raise InputError(f"there is no crystal {name}#{phase} in it: {named}; write one of these")


def _described(block: Block) -> str:
    symbols = block.values.get("_atom_site_type_symbol") or block.values.get("_atom_site_label") or []
    elements = dict.fromkeys(re.sub(r"\d.*", "", symbol) for symbol in symbols[:99])
    formula = block.text("_chemical_formula_sum") or " ".join(elements)
    return f"{in_short(block.name, 40) or 'nameless'} ({in_short(formula, 40)})"


def _crystal(block: Block, remarks: list[str]) -> Crystal:
    repeated = [tag for tag in block.conflicts if tag.lower().startswith((*SYMMETRY, "_cell", "_atom_site"))]
    if repeated:
        raise InputError(f"{repeated[0]} is given more than once; leave one of them")
    cell, formula = _cell(block), formula_of(block)
    sites, of_displacements = with_displacements(sites_of(block, cell, formula, remarks))
    crystals, refusals = [], []
    for group in space_groups(block, cell):
        try:
            crystals.append(_expanded(cell, sites, group, remarks))
        except InputError as error:
            refusals.append(error)
    if not crystals:
        raise refusals[-1]
    fitting = [crystal for crystal in crystals if _agrees(crystal, formula)] or crystals
    fitting.sort(key=lambda crystal: len(crystal.elements))
    if len(fitting) > 1 and len(fitting[0].elements) == len(fitting[1].elements):
        raise InputError(f"two origin choices fit; give {OPERATIONS}, or end the space group's name with :1 or :2")
    return replace(fitting[0], remarks=(*fitting[0].remarks, *of_displacements))


def _cell(block: Block) -> gemmi.UnitCell:
    lengths = [block.number(tag) for tag in _LENGTHS]
    angles = [block.number(tag) if tag in block.values else 90 for tag in _ANGLES]
    if all(LENGTHS_A[0] <= length <= LENGTHS_A[1] for length in lengths) and all(0 < angle < 180 for angle in angles):
        cell = gemmi.UnitCell(*lengths, *angles)
        if cell.volume > 0 and max(cell.reciprocal().parameters[:3]) < 1 / MIN_HEIGHT_A:
            return cell
    limits = "{:g} to {:g} A".format(*LENGTHS_A)
    raise InputError(
        f"no usable unit cell; give _cell_length_a, _b, _c ({limits}) and _cell_angle_alpha, _beta, _gamma"
    )


def _agrees(crystal: Crystal, formula: dict[str, float]) -> bool:
    """Whether the crystal has the formula's composition, within 5%."""
    found: dict[str, float] = defaultdict(float)
    for element, occupancy in zip(crystal.elements, crystal.occupancies):
        found[element] += occupancy
    ratios = [formula.get(element, 0) / found[element] for element in found]
    return found.keys() == formula.keys() and min(ratios) > 0.95 * max(ratios)


def _expanded(cell: gemmi.UnitCell, sites: list[Site], group: Group, remarks: list[str]) -> Crystal:
    """The whole cell's atoms."""
    operations = group.operations
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
            raise too_many_atoms()
    index = np.repeat(np.arange(len(sites)), [len(orbit) for orbit in orbits])
    crystal = Crystal(
        cell=vectors,
        centring=translations[np.all(rotations == np.eye(3), axis=(1, 2))] % 1,
        elements=tuple(sites[i].element for i in index),
        positions=np.concatenate(orbits),
        occupancies=np.array([site.occupancy for site in sites])[index],
        thermal_b=np.array([site.thermal_b for site in sites])[index],
        remarks=(*remarks, *group.assumed),
    )
    _refuse_crowded_places(crystal, [sites[i].name for i in index])
    return crystal


def _orbit(site: Site, rotations: np.ndarray, translations: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Positions of a site's images, a site beside a special position moved onto it first.

    `gemmi.SmallStructure.get_all_unit_cell_sites` would merge the halves of a site split by less than 0.4 A, leave
    sites beside special positions there, and take tabulated space groups alone.
    """
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
    _, near = cKDTree(boxed, boxsize=lengths).query(boxed, nearest, distance_upper_bound=skew * SAME_SITE_A)
    shifts = _shortest(crystal.positions[near % atoms] - crystal.positions[:, None])  # none is found: number `atoms`
    sharing = (near < atoms) & (np.linalg.norm(shifts @ crystal.cell, axis=2) < SAME_SITE_A)
    totals = np.sum(crystal.occupancies[near % atoms], axis=1, where=sharing)
    worst = np.argmax(totals)
    if totals[worst] > 1 + OCCUPANCY_TOLERANCE:
        who = ", ".join(sorted({names[i] for i in near[worst][sharing[worst]]})[:5])
        reason = f"total occupancy {totals[worst]:.3g} within {SAME_SITE_A} A at {who}"
        raise InputError(f"{reason}; correct occupancies or coordinates, or remove what is listed twice")
