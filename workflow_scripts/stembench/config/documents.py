"""Generate the reference of every key, and the JSON schema by which editors complete keys, from the models."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from textwrap import dedent, fill
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from stembench.config.base import MATERIAL_PATTERN, NAME_PATTERN, Section
from stembench.config.layers import is_tag, sections_of, settings_of
from stembench.config.tree import Config

_HEAD = """# Configuration

Every key with its type, unit and default. [`config/config.yaml`](../../config/config.yaml) is your file: write there
what you want to change, and nothing else.

- Your settings are laid over the defaults key by key: first `config.yaml`, then each file of `--configfile`, then
  `--config`. A list replaces the list below it.
- An entry with a new name, such as a dataset or a network, is added to those that ship.
- `null` removes an entry that ships: `studies: {ablation: null}`. Change the keys that name the entry as well; a
  message lists them.
- An entry that changes its kind keeps none of its other keys. The kind is `noise.recipe` of a dataset, `kind` of an
  arrangement, and `folder`, which makes a dataset of imported images.

`{name}` stands for a name of your choice. Set `required` keys in an entry of your own; a scale has them from its
parent. A range is two numbers, the lower one first. Editors that read
[`config/schema.json`](../../config/schema.json) complete the keys.
"""

#: A short example of each section.
EXAMPLES = {
    "scale": """
        scale: full
        """,
    "scales": """
        scale: mine
        scales:
          mine: {parent: full, train_images: 5000, epochs: 50}
        """,
    "structures": """
        structures:
          zones:
            SrTiO3: ["001", "110", "111"] # quoted
          held_out: [Au] # replaces the list that ships
        """,
    "imaging": """
        imaging:
          conditions:
            300keV_21mrad: {energy_keV: 300, semiangle_mrad: 21, source_size_A: 0.7}
        datasets:
          physical: {conditions: [300keV_21mrad]}
        """,
    "multislice": """
        multislice:
          conditions: [200keV_24mrad]
          thicknesses_A: [10, 20, 40]
        """,
    "arrangements": """
        arrangements:
          small_particle: {kind: particle, diameter_A: [10, 20]}
        datasets:
          particles: {arrangements: [small_particle], materials: [Au, Pt]}
        """,
    "lab": """
        lab:
          images:
            my_image: {file: my_image.dm4, pixel_size_A: 0.1, columns: my_image.csv}
        """,
    "calibration": """
        lab:
          images:
            my_scan: {file: my_scan.dm4}
        calibration:
          instruments:
            my_detector: [my_scan]
        """,
    "instrument": """
        instrument:
          from: images/
          materials: [SrTiO3]
        """,
    "datasets": """
        datasets:
          low_dose:
            materials: [Si, SrTiO3]
            noise: {recipe: physical, test_counts_per_px: [0.3, 1, 3]}
        """,
    "networks": """
        networks:
          sfin: {datasets: [physical, calibrated], recipes: {demo: {learning_rate: 0.002}}}
          faster_rcnn: null # removes an entry that ships
        """,
    "training": """
        training:
          devices: 2
          data: on_the_fly
        """,
    "evaluation": """
        evaluation:
          match_radius_A: 0.4
          detection_baselines: [smoothed_maxima, gaussian_fit]
        """,
    "generalisation": """
        generalisation:
          testsets:
            thick: {thickness_A: [200, 400]}
            wedge: {share: 0} # leaves this set out
        """,
    "apply": """
        apply:
          localise: workflow_scripts/stembench/weights/column_finder
          refine: false
        """,
    "studies": """
        studies:
          unets:
            variants:
              unet: {network: atomsegnet_unet}
              unetpp: {network: atomsegnet_unetpp}
        """,
}


class _Schema(GenerateJsonSchema):
    """Of content that is laid over the defaults: any key may be missing, and an entry may be null."""

    def default_schema(self, schema: Any) -> dict:
        """Leave out defaults of whole sections, which the reference shows."""
        described = super().default_schema(schema)
        return {key: value for key, value in described.items() if key != "default" or not isinstance(value, dict)}


def schema_json() -> str:
    """Return the JSON schema, as `config/schema.json` holds it."""
    return json.dumps(_of_layers(Config.model_json_schema(schema_generator=_Schema)), indent=1) + "\n"


def _of_layers(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_of_layers(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    loosened = {key: _of_layers(value) for key, value in schema.items() if key not in ("required", "discriminator")}
    if isinstance(kinds := loosened.get("oneOf"), list):  # which an entry without its kind may all be
        loosened["anyOf"] = kinds
        del loosened["oneOf"]
    for key in ("additionalProperties", "patternProperties"):
        if isinstance(entries := loosened.get(key), dict):
            loosened[key] = (
                _or_null(entries)
                if key == "additionalProperties"
                else {pattern: _or_null(one) for pattern, one in entries.items()}
            )
    return loosened


def _or_null(schema: dict) -> dict:
    return {"anyOf": [schema, {"type": "null"}]}


def reference() -> str:
    """Return the reference of every key in Markdown, as `docs/reference/configuration.md` holds it."""
    explained = dict[type[Section], str]()
    parts = [_HEAD]
    for name, field in Config.model_fields.items():
        parts += [f"## {name}", _wrapped(f"{field.description}."), f"```yaml\n{dedent(EXAMPLES[name]).strip()}\n```"]
        parts += _explained(name, field, explained) or [_table([(name, field)])]
        if entries := _entries(field.get_default()):
            shown = "\n".join(["```yaml", *_yaml({name: entries}), "```"])
            parts.append(f"<details>\n<summary>Entries that ship</summary>\n\n{shown}\n\n</details>")
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _explained(key: str, field: FieldInfo, explained: dict[type[Section], str]) -> list[str]:
    """Return the headings, sentences and tables of the sections under a key; each section is shown once."""
    inside = f"{key}.{{name}}" if get_origin(field.annotation) is dict else key
    parts, below = [], list[tuple[str, FieldInfo]]()
    sections = sections_of(field.annotation)
    for section in sections:
        if section in explained:
            parts.append(f"The keys are those of [`{explained[section]}`](#{_anchor(explained[section])}).")
            continue
        explained[section] = inside
        own = vars(section)["__annotations__"]
        fields = [(one.alias or name, one) for name, one in section.model_fields.items() if name in own]
        fields = [(name, one) for name, one in fields if len(sections) == 1 or not is_tag(one)]
        about = [_summary(section)] if "." in inside else []  # the others are described above
        if len(sections) > 1:
            about.insert(0, f"**{_kind(section)}.**")
        if parent := next((base for base in section.__bases__ if base in explained), None):
            about.append(f"The other keys are those of [`{explained[parent]}`](#{_anchor(explained[parent])}).")
        parts += [*([_wrapped(" ".join(about))] if about else []), *([_table(fields)] if fields else [])]
        below += [(f"{inside}.{name}", one) for name, one in fields if sections_of(one.annotation)]
    if parts and "." in inside:
        parts.insert(0, f"### {inside}")
    for name, one in below:
        parts += _explained(name, one, explained)
    return parts


def _anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "", heading.lower())


def _kind(section: type[Section]) -> str:
    """Return the key that tells this kind of section from the others."""
    for name, field in section.model_fields.items():
        if is_tag(field):
            return f"With `{name}: {field.default}`"
    return "With `folder`" if "folder" in section.model_fields else "Without `folder`"


def _summary(section: type[Section]) -> str:
    return str(section.__doc__).partition("\n\n")[0].strip()


def _table(fields: Sequence[tuple[str, FieldInfo]]) -> str:
    """Return a table of keys, with further sentences on single keys below it."""
    rows, notes = [], []
    for key, field in fields:
        first, rest = _first_and_rest(str(field.description))
        cells = f"`{key}`", _type(field), _unit(field), _default(field), first
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        notes += [_wrapped(f"- `{key}`: {rest}", "  ")] if rest else []
    lines = ["| key | type | unit | default | meaning |", "| --- | --- | --- | --- | --- |", *rows]
    return "\n".join([*lines, *(["", *notes] if notes else [])])


def _wrapped(text: str, indent: str = "") -> str:
    return fill(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _first_and_rest(description: str) -> tuple[str, str]:
    """Return the first sentence, and the others."""
    first, _, rest = description.partition(". ")
    return f"{first}.", f"{rest}." if rest else ""


def _entries(default: Any) -> Any:
    """Return the named entries of a default, which a table of keys cannot show."""
    if isinstance(default, Section):
        fields = type(default).model_fields.items()
        found = {field.alias or name: _entries(getattr(default, name)) for name, field in fields}
        return {key: entries for key, entries in found.items() if entries}
    return settings_of(default) if isinstance(default, Mapping) else None


def _yaml(content: dict) -> list[str]:
    plain = json.loads(json.dumps(content))  # lists for tuples
    text = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=104, allow_unicode=True)
    return text.splitlines()


class _Dumper(yaml.SafeDumper):
    """Entries in one line where they hold no other; no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if default := _extra(field, "default"):
        return default
    if isinstance(field.default, Section):
        return ""
    return "below" if _entries(field.default) else f"`{_plain(field.default)}`"


def _plain(value: Any) -> str:
    return json.dumps(value) if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][\w./ -]*", value) else value


def _extra(field: FieldInfo, key: str) -> str:
    extra = field.json_schema_extra
    return str(extra.get(key, "")) if isinstance(extra, dict) else ""


def _unit(field: FieldInfo) -> str:
    """Return the unit of a key as it is printed."""
    return re.sub(r"^A$", "Å", re.sub(r"^us$", "µs", _extra(field, "unit")))


def _type(field: FieldInfo) -> str:
    """Return the type of a key, and its bounds."""
    return _named(field.annotation, field.metadata, _extra(field, "bounds"))


def _named(annotation: Any, constraints: Sequence[Any] = (), bounds: str = "") -> str:
    """Return a type in words."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _named(parts[0], [*constraints, *_constraints(parts[1:])], bounds)
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if origin in (Union, UnionType):
        if sections_of(annotation):
            return "section"
        named = [_named(part, constraints, bounds) for part in parts if part is not type(None)]
        return "; or ".join([*dict.fromkeys(named), *(["null"] if type(None) in parts else [])])
    if origin is dict:
        return "entries by name" if sections_of(annotation) else f"by name: {_named(parts[1])}"
    if origin is tuple:
        inner = _bounds([*constraints, *_constraints(get_args(parts[0])[1:])])
        if parts[1] is Ellipsis:
            return ", ".join(filter(None, (f"list of {_plural(parts[0])}", bounds)))
        limits = bounds.removesuffix(", ascending") or inner
        return ", ".join(filter(None, ("range", limits)))
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return "section"
    names = {bool: "true or false", int: "whole number", float: "number", str: _text(constraints)}
    return ", ".join(filter(None, (names[annotation], bounds or _bounds(constraints))))


def _plural(annotation: Any) -> str:
    name = _named(annotation)
    if name.startswith("`") or name.startswith("list"):
        return name
    first, *limits = name.split(", ")
    return ", ".join([f"{first}s", *limits])


def _text(constraints: Sequence[Any]) -> str:
    """Return the kind of a text."""
    for constraint in constraints:
        if (pattern := getattr(constraint, "pattern", None)) in _TEXTS:
            return _TEXTS[pattern]
        if (checked := getattr(getattr(constraint, "func", None), "__name__", "")) in _TEXTS:
            return _TEXTS[checked]
    return "text"


#: Kind of a text by the pattern that it matches, or by the function that checks it.
_TEXTS = {
    f"^{NAME_PATTERN}$": "name",
    f"^{MATERIAL_PATTERN}$": "material",
    "_known_element": "element",
    "_inside": "file",
    "_without_parents": "path",
}


def _constraints(metadata: Iterable[Any]) -> list[Any]:
    """Return constraints, those inside `Field(...)` as well."""
    return [inner for one in metadata for inner in (one.metadata if isinstance(one, FieldInfo) else [one])]


def _bounds(constraints: Iterable[Any]) -> str:
    constraints = list(constraints)
    limits = {
        name: getattr(one, name)
        for name in ("gt", "ge", "lt", "le", "multiple_of")
        for one in constraints
        if getattr(one, name, None) is not None
    }
    if "ge" in limits and "le" in limits:
        found = [f"{_number(limits['ge'])} to {_number(limits['le'])}"]
    else:
        signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
        found = [f"{sign} {_number(limits[name])}" for name, sign in signs.items() if name in limits]
    return ", ".join(found + ([f"multiple of {limits['multiple_of']}"] if "multiple_of" in limits else []))


def _number(value: float) -> str:
    return f"{value:g}" if abs(value) < 1e6 else f"{value:,.0f}".replace(",", " ")


#: Generated files of the repository, each with the function that writes it.
GENERATED = {"config/schema.json": schema_json, "docs/reference/configuration.md": reference}
