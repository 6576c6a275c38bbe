"""Which materials there are, and along which zone axes they are seen."""

import re
from collections.abc import Sequence
from pathlib import Path

from stembench.config import MATERIAL_PATTERN, Config
from stembench.errors import InputError


def find_materials(folder: str | Path, config: Config) -> dict[str, tuple[str, ...]]:
    """Zone axes of each material, every CIF in a folder being one.

    Raises
    ------
    InputError
        If there is no CIF, one has a name that cannot be a wildcard, or the config names a material without one.
    """
    names = sorted(path.stem for path in Path(folder).glob("*.cif"))
    for path in sorted(Path(folder).glob("*")):
        if path.suffix != ".cif" and path.suffix.lower() == ".cif":
            raise InputError(f"{path}: rename it to {path.stem}.cif, the ending in small letters")
    if not names:
        raise InputError(f"{folder}/ holds no .cif file; put at least one structure there")
    for name in names:
        if not re.fullmatch(MATERIAL_PATTERN, name):
            raise InputError(f"{folder}/{name}.cif: rename it, to letters, digits and any of _ . + - ( ) alone")
    structures, compared, default = config.structures, config.multislice.compared, Config()
    # What the default configuration says of a structure that a user has taken out is not her mistake.
    shipped = {*default.structures.zones, *default.structures.held_out, *default.multislice.compared}
    shipped |= set(default.structures.single_layers)
    named: dict[str, Sequence[str]] = {f"structures.zones.{name}": [name] for name in structures.zones}
    named |= {"structures.held_out": structures.held_out, "structures.single_layers": structures.single_layers}
    named |= {"multislice.compared": tuple(compared)}
    missing = [(key, name) for key, materials in named.items() for name in materials if name not in shipped]
    for key, recipe in config.recipes.items():
        if isinstance(recipe.materials, tuple) and _materials(default, key) != recipe.materials:
            missing += [(f"{key}.materials", name) for name in recipe.materials]
    for key, dataset in config.simulated.items():
        if dataset.materials == "all" and not set(names) - set(structures.held_out):
            raise InputError(f"datasets.{key}.materials: all of {folder}/ is in structures.held_out; name some here")
    missing = [(key, name) for key, name in missing if name not in names]
    if missing:
        lines = [f"{key}: there is no {folder}/{name}.cif; add it or take {name!r} out" for key, name in missing]
        raise InputError("\n".join(lines))
    materials = {name: tuple(structures.zones.get(name, structures.default_zones)) for name in names}
    if config.instrument and config.instrument.zones:
        shown = config.instrument.materials
        axes = {zone for name in (names if shown == "all" else shown) for zone in materials[name]}
        if not axes & set(config.instrument.zones):
            asked = ", ".join(config.instrument.zones)
            raise InputError(f"instrument.zones: {asked} is none of its materials' ({', '.join(sorted(axes))})")
    for name, zones in compared.items():
        for zone in zones if name in materials else ():
            if zone not in materials[name]:
                raise InputError(
                    f"multislice.compared.{name}: {zone!r} is none of its zones in structures; add it there"
                )
    return materials


def _materials(config: Config, key: str) -> object:
    """What a recipe says of its materials, if there is one."""
    return config.recipes[key].materials if key in config.recipes else None
