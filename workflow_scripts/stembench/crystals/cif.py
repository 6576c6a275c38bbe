"""Reading crystal structures from CIF files, by gemmi."""

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from stembench.errors import InputError


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


def read_crystal(path: str | Path) -> Crystal:
    """Read the first data block of a CIF that holds atoms.

    Raises
    ------
    InputError
        If the file cannot be parsed or does not describe a crystal; the message names the file and the remedy.
    """
    path = Path(path)
    structure = _structure(path)
    sites = structure.get_all_unit_cell_sites()
    for site in structure.sites:
        fractions = site.fract.tolist()
        if not np.all(np.isfinite(fractions)):
            raise InputError(f"{path}: atom {site.label} has no coordinates; give its _atom_site_fract_x, _y and _z")
        if site.element.atomic_number == 0:
            raise InputError(f"{path}: atom {site.label} is of no known element; correct its _atom_site_type_symbol")
        if not 0 < site.occ <= 1:
            raise InputError(f"{path}: atom {site.label} has occupancy {site.occ:g}; it must lie in (0, 1]")
    return Crystal(
        cell=np.array(structure.cell.orth.mat.tolist()).T,
        centring=_centring(structure),
        elements=tuple("H" if site.element.name == "D" else site.element.name for site in sites),
        positions=np.array([site.fract.tolist() for site in sites]) % 1,
        occupancies=np.array([site.occ for site in sites]),
        thermal_b=np.array([8 * np.pi**2 * max(site.u_iso, 0) for site in sites]),
    )


def _structure(path: Path) -> gemmi.SmallStructure:
    try:
        blocks = list(gemmi.cif.read(str(path)))
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: not a readable CIF ({error}); correct or remove the file") from None
    structures = [gemmi.make_small_structure_from_block(block) for block in blocks]
    structures = [structure for structure in structures if structure.sites]
    if not structures:
        raise InputError(f"{path}: no atoms with fractional coordinates; add an _atom_site loop or remove the file")
    structure = structures[0]
    lengths = (structure.cell.a, structure.cell.b, structure.cell.c)
    if not structure.cell.is_crystal() or min(lengths) <= 0 or not structure.cell.volume > 0:
        raise InputError(f"{path}: no unit cell; give _cell_length_a, _b, _c and _cell_angle_alpha, _beta, _gamma")
    structure.determine_and_set_spacegroup("S.H2")
    if structure.spacegroup is None and not structure.symops:
        raise InputError(f"{path}: no symmetry; give _space_group_symop_operation_xyz or _space_group_name_H-M_alt")
    structure.setup_cell_images()
    return structure


def _centring(structure: gemmi.SmallStructure) -> np.ndarray:
    operations = structure.symops and gemmi.GroupOps([gemmi.Op(text) for text in structure.symops])
    operations = operations or structure.spacegroup.operations()
    return np.array(operations.cen_ops, float) / gemmi.Op.DEN
