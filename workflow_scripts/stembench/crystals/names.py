"""Names of materials: that of a CIF, or `Name#2` for the second crystal in `Name.cif`."""

from collections.abc import Collection, Mapping


def cif_and_phase(material: str) -> tuple[str, int | None]:
    """Return the name of the CIF that holds a material, and which of its crystals that is, if the name says it."""
    cif, _, phase = material.partition("#")
    return cif, int(phase) if phase else None


def zones_of(material: str, materials: Mapping[str, Collection[str]]) -> Collection[str]:
    """Return the zone axes of a material, none without its CIF; a crystal not listed itself has those of its CIF."""
    cif, _ = cif_and_phase(material)
    if material in materials or material == cif:
        return materials.get(material, ())
    return next((zones for name, zones in materials.items() if cif_and_phase(name)[0] == cif), ())
