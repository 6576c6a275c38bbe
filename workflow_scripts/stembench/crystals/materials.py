"""Which materials there are, and along which zone axes they are seen."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from stembench.config import CIF_PATTERN, Config
from stembench.crystals.names import cif_and_phase
from stembench.errors import InputError


def find_materials(folder: str | Path, config: Config) -> dict[str, tuple[str, ...]]:
    """Return the zone axes of each material, every CIF in a folder being one; without a CIF there is none.

    Of a CIF that holds several crystals, those that the configuration names (`Name#2`) take the place of `Name`.

    Raises
    ------
    InputError
        If a CIF has a name that cannot be a wildcard, the config names a material without one, or its `held_out` leaves
        none to train on.
    """
    names = sorted(path.stem for path in Path(folder).glob("*.cif"))
    for path in sorted(Path(folder).glob("*")):
        if path.suffix != ".cif" and path.suffix.lower() == ".cif":
            raise InputError(f"{path}: rename it to {path.stem}.cif, the ending in small letters")
    for name in names:
        if not re.fullmatch(CIF_PATTERN, name):
            raise InputError(f"{folder}/{name}.cif: rename it, to letters, digits and any of _ . + - ( ) alone")
    structures, compared, default = config.structures, config.multislice.compared, Config()
    # What the default configuration says of a structure that a user has taken out is not the user's mistake.
    shipped = {*default.structures.zones, *default.structures.held_out, *default.multislice.compared}
    shipped |= set(default.structures.single_layers)
    named: dict[str, Sequence[str]] = {f"structures.zones.{name}": [name] for name in structures.zones}
    named |= {"structures.held_out": structures.held_out, "structures.single_layers": structures.single_layers}
    named |= {"multislice.compared": tuple(compared)}
    names = _with_phases(names, {*(name for group in named.values() for name in group), *_of_recipes(config)})
    missing = [(key, name) for key, materials in named.items() for name in materials if name not in shipped]
    if names and structures.held_out != default.structures.held_out and not set(names) - set(structures.held_out):
        raise InputError(f"structures.held_out: it names all of {folder}/; leave a material to train on")
    missing = [(key, name) for key, name in missing if name not in names]
    if missing:
        lines = [
            f"{key}: there is no {folder}/{cif_and_phase(name)[0]}.cif; add this file, or remove {name!r}"
            for key, name in missing
        ]
        raise InputError("\n".join(lines))
    materials = {name: tuple(structures.zones.get(name, structures.default_zones)) for name in names}
    for name, zones in compared.items():
        if name not in materials or zones == default.multislice.compared.get(name):
            continue  # a view that ships and is not there is left out of the figure
        for zone in zones:
            if zone not in materials[name]:
                raise InputError(
                    f"multislice.compared.{name}: {zone!r} is none of its zones in structures; add it there"
                )
    return materials


def _with_phases(cifs: Sequence[str], named: Collection[str]) -> list[str]:
    phases = {name for name in named if name not in cifs and cif_and_phase(name)[0] in cifs}
    replaced = {cif_and_phase(name)[0] for name in phases} - set(named)
    return sorted({*cifs, *phases} - replaced)


def _of_recipes(config: Config) -> list[str]:
    return [
        name for recipe in config.recipes.values() if isinstance(recipe.materials, tuple) for name in recipe.materials
    ]


def check_zones(config: Config, materials: Mapping[str, Sequence[str]]) -> None:
    """Check that every recipe of images has materials, and zone axes along which they are seen.

    A recipe that shows what the one of its name in the default configuration shows is not looked at: where
    `structures/` holds other crystals, it is left out.

    Parameters
    ----------
    config : Config
        Its datasets, test sets of `generalisation` and the dataset of an instrument are checked.
    materials : mapping of str to sequence of str
        Zone axes of each material, from `find_materials`.

    Raises
    ------
    InputError
        If a recipe names a material without a CIF, a zone axis that none of its materials has, or a material that is
        seen along none of its zone axes.
    """
    default = Config().recipes
    held_out = [name for name in materials if name in config.structures.held_out]
    wrong = []
    for key, recipe in config.recipes.items():
        if key in default and (recipe.materials, recipe.zones) == (default[key].materials, default[key].zones):
            continue
        if isinstance(recipe.materials, tuple):
            wrong += [
                f"{key}.materials: there is no structures/{cif_and_phase(name)[0]}.cif; add this file, or "
                f"remove {name!r}"
                for name in recipe.materials
                if name not in materials
            ]
            shown = [name for name in recipe.materials if name in materials]
        else:
            shown = [name for name in materials if (name in held_out) == (recipe.materials == "held_out")]
        if not recipe.zones or not shown:
            continue
        axes = "; ".join(f"{name}: {', '.join(materials[name])}" for name in shown)
        remedy = f"({axes}); take one of these, or add the zone axis to structures.zones"
        absent = [zone for zone in recipe.zones if not any(zone in materials[name] for name in shown)]
        wrong += [f"{key}.zones: {zone} is none of its materials' {remedy}" for zone in absent]
        if isinstance(recipe.materials, tuple) and not absent:
            wrong += [
                f"{key}.zones: {name}, which {key}.materials names, is seen along none of these {remedy}"
                for name in shown
                if not set(recipe.zones) & set(materials[name])
            ]
    if wrong:
        raise InputError("\n".join(wrong))
