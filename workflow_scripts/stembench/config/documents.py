"""The files of `config/`, made from the models: the commented default, the JSON schema, the table of keys."""

import json
import re
from typing import Any

from stembench.config.base import Section
from stembench.config.tree import Config


def default_yaml() -> str:
    """The commented default configuration, as `config/config.yaml` holds it."""
    lines = [
        "# yaml-language-server: $schema=schema.json",
        "# The default configuration, written by `make config` from the models in",
        "# workflow_scripts/stembench/config/. Change values here, or pass --config and --configfile.",
    ]
    config = Config()
    for name, field in Config.model_fields.items():
        lines += ["", *_yaml_field(name, field, getattr(config, name), "")]
    return "\n".join(lines) + "\n"


def _yaml_field(name: str, field: Any, value: Any, indent: str) -> list[str]:
    return [f"{indent}# {_sentence(field)}", *_yaml_value(name, value, indent)]


def _yaml_value(name: str, value: Any, indent: str, commented: bool = True) -> list[str]:
    inner = indent + "  "
    if isinstance(value, Section):
        lines = [f"{indent}{name}:"]
        for key, field in type(value).model_fields.items():
            child = getattr(value, key)
            lines += _yaml_field(key, field, child, inner) if commented else _yaml_value(key, child, inner, False)
        return lines
    if isinstance(value, dict) and value:
        lines = [f"{indent}{name}:"]
        for position, (key, child) in enumerate(value.items()):  # the first entry carries the comments
            lines += _yaml_value(_plain(key), child, inner, commented and position == 0)
        return lines
    return [f"{indent}{name}: {_plain(value)}"]


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


def schema_json() -> str:
    """The JSON schema, as `config/schema.json` holds it."""
    return json.dumps(Config.model_json_schema(), indent=1) + "\n"


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
    lines += _table_rows("", Config)
    return "\n".join(lines) + "\n"


def _table_rows(prefix: str, model: type[Section]) -> list[str]:
    rows = []
    for name, field in model.model_fields.items():
        key, nested = prefix + name, _sections(field.annotation)
        default = ""
        if not nested and not field.is_required():
            default = f"`{_plain(field.default)}`"
        row = (f"`{key}`", _unit(field), _bounds(field), default, f"{field.description}.")
        rows.append(f"| {' | '.join(row)} |")
        inside = f"{key}.{{name}}." if "dict[" in str(field.annotation) else f"{key}."
        for section in nested:
            rows += _table_rows(inside, section)
    return rows


def _sections(annotation: Any) -> list[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [section for part in getattr(annotation, "__args__", ()) for section in _sections(part)]


GENERATED = {"config.yaml": default_yaml, "schema.json": schema_json, "README.md": key_table}
