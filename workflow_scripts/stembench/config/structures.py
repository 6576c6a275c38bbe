"""Crystals and zone axes."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from stembench.config.base import Material, Section
from stembench.crystals.zones import parse_zone


class Structures(Section):
    """Crystals and the directions they are seen along. Each CIF in `structures/` is a material."""

    default_zones: tuple[str, ...] = Field(
        ("001", "110"), description="Zone axes [uvw] of a material that `zones` does not name", min_length=1
    )
    zones: dict[Material, tuple[str, ...]] = Field(
        {
            "Si": ("110",),
            "TiO2": ("001", "100", "110"),
            "DyScO3": ("110",),
            "LiCoO2": ("010",),
            "graphene": ("001",),
            "amorphous_graphene": ("001",),
            "MoS2": ("001",),
            "WS2": ("001",),
            "ReS2": ("001",),
            "CuS2": ("001",),
            "ReO3": ("001",),
        },
        description="Zone axes of single materials, quoted; `m110` is [-110]",
    )
    held_out: tuple[Material, ...] = Field(
        ("Co3O4", "Au", "PtFe", "WS2", "ReS2", "CuS2", "ReO3"),
        description="Materials that no network is trained on. Datasets of `all` materials leave them out",
    )
    single_layers: tuple[Material, ...] = Field(
        ("graphene", "amorphous_graphene", "MoS2", "WS2", "ReS2"),
        description="Materials that are always one period thick along the beam. Layers with at least 8 Å of vacuum "
        "along the beam are so too, without being listed",
    )

    @field_validator("default_zones", "zones", mode="before")
    @classmethod
    def _zones_are_directions(cls, value: Any) -> Any:
        lists = list(value.values()) if isinstance(value, dict) else [value]
        if not all(isinstance(zones, list | tuple) and zones for zones in lists):
            raise ValueError("zone axes are a list of quoted keys, such as ['001', '110']")
        for zone in (zone for zones in lists for zone in zones):
            if isinstance(zone, int | float):
                raise ValueError(f"zone axis {zone!r} is a number to YAML; put it in quotes, such as '001'")
            if not isinstance(zone, str):
                raise ValueError("a zone axis is a quoted key, such as '001'")
            parse_zone(zone)
        return value
