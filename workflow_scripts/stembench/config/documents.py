"""The files of `config/`, made from the models: the commented default, the JSON schema, the table of keys."""

import json
import re
from typing import Any, Literal, get_args, get_origin

from pydantic.json_schema import GenerateJsonSchema

from stembench.config.base import Section
from stembench.config.tree import Config


def default_yaml() -> str:
    """The commented default configuration, as `config/config.yaml` holds it."""
    lines = [
        "# yaml-language-server: $schema=schema.json",
        "# The default configuration, written by `make config` from the models in",
        "# workflow_scripts/stembench/config/. Change values here, or pass --config and --configfile.",
        "# The first entry of a kind shows all of its keys, the others what differs from the defaults.",
    ]
    config, explained = Config(), set[type[Section]]()
    for name, field in Config.model_fields.items():
        lines += ["", *_yaml_field(name, field, getattr(config, name), "", explained)]
    return "\n".join(lines) + "\n"


def _yaml_value(name: str, value: Any, indent: str, explained: set[type[Section]]) -> list[str]:
    inner = indent + "  "
    if isinstance(value, Section):
        lines, kind = [f"{indent}{name}:"], type(value)
        own = set() if kind in explained else set(kind.__annotations__)
        explained.add(kind)
        for key, field in kind.model_fields.items():
            child = getattr(value, key)
            if key in own:
                lines += _yaml_field(key, field, child, inner, explained)
            elif child != field.default or _is_tag(field):
                lines += _yaml_value(key, child, inner, explained)
        return lines if len(lines) > 1 else [f"{lines[0]} {{}}"]
    if isinstance(value, dict) and value:
        lines = [f"{indent}{name}:"]
        for key, child in value.items():
            lines += _yaml_value(_plain(key), child, inner, explained)
        return lines
    return [f"{indent}{name}: {_plain(value)}"]


def _yaml_field(name: str, field: Any, value: Any, indent: str, explained: set[type[Section]]) -> list[str]:
    return [f"{indent}# {_sentence(field)}", *_yaml_value(name, value, indent, explained)]


def _is_tag(field: Any) -> bool:
    """Whether a field says which kind of section it stands in."""
    return get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1


def _plain(value: Any) -> str:
    return json.dumps(value) if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][\w./ -]*", value) else value


def _sentence(field: Any) -> str:
    about = "; ".join(text for text in (_unit(field), _bounds(field)) if text)
    return f"{field.description} [{about}]." if about else f"{field.description}."


def _unit(field: Any) -> str:
    return _extra(field, "unit")


def _extra(field: Any, key: str) -> str:
    return (field.json_schema_extra or {}).get(key, "")


def _bounds(field: Any) -> str:
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    found = [
        f"{sign} {getattr(limit, name):g}"
        for name, sign in signs.items()
        for limit in field.metadata
        if getattr(limit, name, None) is not None
    ]
    found += [f"a multiple of {m.multiple_of}" for m in field.metadata if getattr(m, "multiple_of", None)]
    return ", ".join(found) or _extra(field, "bounds")


class _Schema(GenerateJsonSchema):
    """Without the defaults of whole sections, which `config.yaml` holds."""

    def default_schema(self, schema: Any) -> dict:
        told = super().default_schema(schema)
        return {key: value for key, value in told.items() if key != "default" or not isinstance(value, dict)}


def schema_json() -> str:
    """The JSON schema, as `config/schema.json` holds it."""
    return json.dumps(Config.model_json_schema(schema_generator=_Schema), indent=1) + "\n"


def key_table() -> str:
    """A Markdown table of every key, as `config/README.md` holds it."""
    lines = [
        "# Configuration",
        "",
        "Every key of `config.yaml`, written by `make config` from the models in",
        "`workflow_scripts/stembench/config/`. `{name}` stands for a name of your choice.",
        "",
        "| key | unit | bounds | default | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += _table_rows("", Config, set())
    return "\n".join(lines) + "\n"


def _table_rows(prefix: str, model: type[Section], told: set[type[Section]]) -> list[str]:
    rows = []
    for name in model.__annotations__ if model not in told else ():  # a parent's own are told where it is
        field = model.model_fields[name]
        key, nested = prefix + (field.alias or name), _sections(field.annotation)
        default = ""
        if not nested and not field.is_required():
            default = f"`{_plain(field.default)}`"
        row = (f"`{key}`", _unit(field), _bounds(field), default, f"{field.description}.")
        rows.append(f"| {' | '.join(row)} |")
        inside = f"{key}.{{name}}." if "dict[" in str(field.annotation) else f"{key}."
        for section in nested:
            rows += _table_rows(inside, section, told)
    told.add(model)
    return rows


def _sections(annotation: Any) -> list[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [section for part in getattr(annotation, "__args__", ()) for section in _sections(part)]


GENERATED = {"config.yaml": default_yaml, "schema.json": schema_json, "README.md": key_table}
