"""Which crystals are seen along which zone axes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stembench.crystals.names import cif_and_phase
from stembench.planning.layout import Layout, any_of

#: A material and a zone axis.
View = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Crystals:
    """The crystals of `structures/`.

    Attributes
    ----------
    zones : mapping
        Zone axes of each material.
    held_out : frozenset of str
        Materials that no network is trained on.
    layers : frozenset of str
        Materials that are single layers.
    layout : Layout
        Paths.
    """

    zones: Mapping[str, Sequence[str]]
    held_out: frozenset[str]
    layers: frozenset[str]
    layout: Layout

    @property
    def pattern(self) -> str:
        """Pattern of the names of materials, with a number behind for one crystal of a CIF that holds several."""
        return f"(?:{any_of({cif_and_phase(name)[0] for name in self.zones})})(?:#[0-9]+)?"

    @property
    def views(self) -> list[View]:
        """Every material along each of its zone axes."""
        return [(material, zone) for material, zones in self.zones.items() for zone in zones]

    def shown(self, materials: str | Iterable[str], zones: Sequence[str] | None = None) -> list[View]:
        """Return the views of some materials along some of their zone axes, or all.

        Parameters
        ----------
        materials : str or iterable of str
            Names; `held_out` for those, or `all` for the others. Names without a CIF are left out.
        zones : sequence of str, optional
            Zone axes.
        """
        groups = {"all": sorted(set(self.zones) - self.held_out), "held_out": sorted(set(self.zones) & self.held_out)}
        names = groups[materials] if isinstance(materials, str) else materials
        return [(name, zone) for name in names for zone in self.zones.get(name, ()) if zones is None or zone in zones]

    def projections(self, views: Iterable[View]) -> list[str]:
        """Return the paths of projected structures."""
        return [self.layout.projection.path(material=material, zone=zone) for material, zone in views]

    def are_layers(self, views: Iterable[View]) -> list[bool]:
        """Return which of some views show single layers."""
        return [material in self.layers for material, _ in views]
