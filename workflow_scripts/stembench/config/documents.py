"""The generated files of `config/`: the reference of every key, and the JSON schema that editors complete keys with."""

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from stembench.config.base import Section
from stembench.config.layers import sections_of, settings_of
from stembench.config.tree import Config

_HEAD = """# Configuration

Every key and its default, written by `make config` from the models in `workflow_scripts/stembench/config/`.
[`config.yaml`](config.yaml) is yours: write there what you want to change, and nothing else.

- Your settings are laid over the defaults, key by key: first `config.yaml`, then each file of `--configfile`, then
  `--config`. A list replaces the list below it.
- An entry of a name of your own, such as a dataset or a network, stands beside those that ship.
- `null` removes an entry that ships: `studies: {ablation: null}`. What names the entry has to change with it; the
  message lists what does.
- Where the kind of an entry changes, none of its other keys stay: `noise.recipe` of a dataset, `kind` of an
  arrangement, and `folder`, which makes a dataset one of imported images.

`{name}` stands for a name of your choice. `required` keys have to be set in an entry of your own; a scale has them from
its parent.
"""


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
    """Return the reference of every key in Markdown, as `config/README.md` holds it."""
    explained = set[type[Section]]()
    parts = [_HEAD]
    for name, field in Config.model_fields.items():
        lines = [f"## {name}", "", f"{field.description}.", ""]
        if entries := _entries(field.get_default()):
            lines += ["```yaml", *_yaml({name: entries}), "```", ""]
        lines += ["| key | unit | bounds | default | meaning |", "| --- | --- | --- | --- | --- |"]
        lines += _rows_of(name, field, explained) or [_row(name, field)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _entries(default: Any) -> Any:
    """What a default holds of named entries, which a table of keys cannot show."""
    if isinstance(default, Section):
        fields = type(default).model_fields.items()
        found = {field.alias or name: _entries(getattr(default, name)) for name, field in fields}
        return {key: entries for key, entries in found.items() if entries}
    return settings_of(default) if isinstance(default, Mapping) else None


def _yaml(content: dict) -> list[str]:
    plain = json.loads(json.dumps(content))  # lists for tuples
    text = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=118, allow_unicode=True)
    return text.splitlines()


class _Dumper(yaml.SafeDumper):
    """Entries in one line where they hold no other; no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _rows_of(key: str, field: FieldInfo, explained: set[type[Section]]) -> list[str]:
    """Rows of the keys below a key, each section once."""
    inside = f"{key}.{{name}}" if "dict[" in str(field.annotation) else key
    rows = []
    for section in sections_of(field.annotation):
        for name in vars(section)["__annotations__"] if section not in explained else ():  # its own, not its parent's
            if below := section.model_fields.get(name):
                one = f"{inside}.{below.alias or name}"
                rows += [_row(one, below), *_rows_of(one, below, explained)]
        explained.add(section)
    return rows


def _row(key: str, field: FieldInfo) -> str:
    default = "required" if field.is_required() else _extra(field, "default")
    if not default and not isinstance(field.default, Section):
        default = "above" if _entries(field.default) else f"`{_plain(field.default)}`"
    return f"| {' | '.join((f'`{key}`', _extra(field, 'unit'), _bounds(field), default, f'{field.description}.'))} |"


def _plain(value: Any) -> str:
    return json.dumps(value) if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][\w./ -]*", value) else value


def _extra(field: FieldInfo, key: str) -> str:
    extra = field.json_schema_extra
    return str(extra.get(key, "")) if isinstance(extra, dict) else ""


def _bounds(field: FieldInfo) -> str:
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    found = [
        f"{sign} {getattr(limit, name):g}"
        for name, sign in signs.items()
        for limit in field.metadata
        if getattr(limit, name, None) is not None
    ]
    found += [f"a multiple of {m.multiple_of}" for m in field.metadata if getattr(m, "multiple_of", None)]
    return ", ".join(found) or _extra(field, "bounds")


GENERATED = {"schema.json": schema_json, "README.md": reference}
