"""Thermal displacements of atoms of which a CIF gives none."""

import numpy as np

from stembench.crystals.cif.sites import Site

#: Isotropic B of elemental crystals at 280 K, by Peng, Ren, Dudarev & Whelan, Acta Cryst. A 52, 456 (1996), table 1,
#: rounded [A^2].
ELEMENTAL_B_A2 = {
    **{"Li": 4.60, "Be": 0.40, "C": 0.14, "Na": 6.36, "Mg": 1.73, "Al": 0.75, "Si": 0.46, "K": 10.24, "Ca": 1.91},
    **{"Sc": 0.71, "Ti": 0.49, "V": 0.55, "Cr": 0.24, "Fe": 0.31, "Ni": 0.34, "Cu": 0.53, "Zn": 1.09, "Ge": 0.57},
    **{"Rb": 12.60, "Sr": 3.62, "Y": 0.82, "Zr": 0.54, "Nb": 0.43, "Mo": 0.21, "Pd": 0.43, "Ag": 0.70, "Sn": 1.08},
    **{"Cs": 16.77, "Ba": 2.93, "La": 1.77, "Tb": 0.97, "Ho": 0.80, "Ta": 0.31, "W": 0.15, "Pt": 0.36, "Au": 0.59},
    **{"Pb": 2.03, "Th": 0.70},
}
#: B of other atoms, a usual one of inorganic crystals at room temperature [A^2].
USUAL_B_A2 = 0.5
#: Soft elements, such as alkali metals, vibrate far less in compounds than by themselves: above this [A^2] the value
#: of the element's own crystal holds for that crystal alone.
_LARGEST_IN_COMPOUNDS_A2 = 1.0


def with_displacements(sites: list[Site]) -> tuple[list[Site], tuple[str, ...]]:
    """Give a B to all sites that have none (NaN), since no atom is at rest; the remark says what was assumed."""
    elements = {site.element for site in sites}
    assumed = {
        element: _default_b(element, alone=len(elements) == 1)
        for element in sorted({site.element for site in sites if np.isnan(site.thermal_b)})
    }
    if not assumed:
        return sites, ()
    values = ", ".join(f"B({element}) = {b:g}" for element, b in assumed.items())
    known = [site._replace(thermal_b=assumed[site.element]) if np.isnan(site.thermal_b) else site for site in sites]
    return known, (f"no displacements are given for some or all atoms: {values} A^2 (room temperature) assumed",)


def _default_b(element: str, alone: bool) -> float:
    own = ELEMENTAL_B_A2.get(element, USUAL_B_A2)
    return own if alone or own <= _LARGEST_IN_COMPOUNDS_A2 else USUAL_B_A2
