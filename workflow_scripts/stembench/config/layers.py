"""Lay settings over others: the user's over the defaults, a child's over its parent's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from stembench.config.base import Section

#: Keys that say which of several kinds a section is.
DISCRIMINATORS = ("recipe", "kind", "folder")

#: In the place of an entry that a layer has removed.
REMOVED = object()


class _Laid(dict):
    """What was laid; what a user wrote in a wrong place stays as it is, however deep it may be."""


def lay_over(kind: Any, lower: Any, upper: Any) -> Any:
    """Return what `upper` sets over `lower`, key by key.

    Null removes a named entry. Where the discriminator of a section changes, nothing else of `lower` stays.

    Parameters
    ----------
    kind : type
        Annotation of the field that both are content of.
    lower, upper : object
        Content as YAML holds it, not checked yet.
    """
    kind = _without_annotation(kind)
    if not isinstance(upper, Mapping):
        return None if upper == "null" else upper  # as `--config` hands over a null inside braces
    lower = lower if isinstance(lower, Mapping) else {}
    if get_origin(kind) is dict:
        return _entries(get_args(kind)[1], lower, upper)
    sections = sections_of(kind)
    if len(sections) > 1 and any(key in upper and upper[key] != lower.get(key) for key in DISCRIMINATORS):
        lower = {}
    section = _section_of(sections, upper if not lower else lower)
    return _fields(section, lower, upper) if section else upper


def _entries(kind: Any, lower: Mapping, upper: Mapping) -> _Laid:
    entries = _Laid(lower)
    for name, value in upper.items():
        if value in (None, "null") and name in lower:
            entries[name] = REMOVED
        else:
            entries[name] = lay_over(kind, lower.get(name), value)
    return entries


def _fields(section: type[Section], lower: Mapping, upper: Mapping) -> _Laid:
    fields = {field.alias or name: field for name, field in section.model_fields.items()}
    content = _Laid(lower)
    for key, other in section.depends.items():
        if other in upper and upper[other] != lower.get(other, fields[other].default):
            content.pop(key, None)
    for key, value in upper.items():
        if key in fields:
            below = lower[key] if key in lower else settings_of(fields[key].default)
            value = lay_over(fields[key].annotation, below, value)
        content[key] = value
    return content


def _section_of(sections: list[type[Section]], content: Mapping) -> type[Section] | None:
    """The kind of section that content is, of several; none where the content does not say."""
    for section in sections:
        tags = {name: field.default for name, field in section.model_fields.items() if is_tag(field)}
        if all(content.get(tag) == value for tag, value in tags.items()) and (
            tags or len(sections) == 1 or ("folder" in section.model_fields) == ("folder" in content)
        ):
            return section
    return None


def settings_of(value: Any) -> Any:
    """Return what was set of a default, as YAML would hold it; what was not follows from other keys."""
    if isinstance(value, Section):
        return {
            field.alias or name: settings_of(getattr(value, name))
            for name, field in type(value).model_fields.items()
            if name in value.model_fields_set or is_tag(field)
        }
    if isinstance(value, Mapping):
        return {key: settings_of(one) for key, one in value.items()}
    return value


def without_removed(content: Any) -> Any:
    """Return content without the entries that a layer has removed."""
    if isinstance(content, _Laid):
        return {key: without_removed(value) for key, value in content.items() if value is not REMOVED}
    return content


def lineage(name: str, parents: Mapping[str, str | None], section: str, key: str) -> tuple[str, ...]:
    """Return the names of an entry, its parent, that one's parent and so on.

    Parameters
    ----------
    name : str
        Entry of a section.
    parents : mapping of str to str or None
        Parent of each entry of the section.
    section, key : str
        Where the entries are, and which key of an entry names its parent, for messages.

    Raises
    ------
    ValueError
        If a parent is unknown, or an entry is in the end its own parent.
    """
    line = [name]
    while parent := parents[line[-1]]:
        if parent not in parents:
            raise ValueError(
                f"{section}.{line[-1]}.{key} names {parent!r}, which {section} does not hold ({', '.join(parents)}); "
                f"correct the name, or set {line[-1]} to null"
            )
        if parent in line:
            circle = " -> ".join([*line[line.index(parent) :], parent])
            raise ValueError(f"{section}.{parent}.{key} leads back to itself ({circle}); take it out of one of them")
        line.append(parent)
    return tuple(line)


def is_tag(field: FieldInfo) -> bool:
    """Whether a field says which kind of section it stands in."""
    return get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1


def sections_of(annotation: Any) -> list[type[Section]]:
    """Return the sections that an annotation holds, those of a dict's entries too."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [section for part in getattr(annotation, "__args__", ()) for section in sections_of(part)]


def _without_annotation(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind
