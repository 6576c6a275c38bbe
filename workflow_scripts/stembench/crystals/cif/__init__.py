"""Reading crystal structures from CIF files.

`text` makes plain text of bytes, `blocks` reads its data blocks with gemmi, `repair` those that break the rules;
`sites` gives the atoms, `thermal` the displacements of those without, `symmetry` the space group, and `crystal` the
filled cell.
"""

from stembench.crystals.cif.crystal import Crystal, read_crystal

__all__ = ["Crystal", "read_crystal"]
