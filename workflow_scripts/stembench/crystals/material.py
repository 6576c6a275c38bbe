"""A material along a zone axis, as the stages after its projection see it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from stembench.crystals.facets import Facets, face_centred_cubic, facets_of
from stembench.crystals.projection import Projection
from stembench.crystals.rows import twin_rows
from stembench.products import read_json

#: Room along the beam that a single layer takes beside its atoms: the distance of layers in graphite [A].
LAYER_A = 3.35
#: A gap between the atoms' heights that is as large as this is vacuum beside a layer or slab: no crystal has one [A].
LEAST_VACUUM_A = 8.0

_LEVEL_A = 0.05  # climb of a layer along its lattice vectors, at most


@dataclass(frozen=True)
class Material:
    """A projected crystal.

    Attributes
    ----------
    material, zone : str
        Names in the configuration.
    projection : Projection
        The crystal along its zone axis.
    single_layer : bool
        Whether it is one period thick, vacuum around it, whatever thickness is asked for. Its atoms must lie together
        within the period: see `of`.
    """

    material: str
    zone: str
    projection: Projection
    single_layer: bool = False

    @classmethod
    def of(cls, material: str, zone: str, projection: Projection, single_layer: bool = False) -> "Material":
        """With a single layer's atoms moved along the beam until the vacuum lies at the period's ends.

        A crystal with vacuum along the beam (`vacuum`) is a single layer even if `single_layer` does not say so.
        """
        single_layer = single_layer or vacuum(projection) > 0
        return cls(material, zone, _gathered(projection) if single_layer else projection, single_layer)

    @classmethod
    def read(cls, path: str | Path, single_layer: bool = False) -> "Material":
        """From a `projection.json`."""
        stored = read_json(path)
        return cls.of(stored["material"], stored["zone"], Projection.from_dict(stored), single_layer)

    @cached_property
    def facets(self) -> tuple[list[Facets], list[Facets]]:
        """Families of facets that close a particle, and that truncate it; a single layer's contain the beam."""
        return facets_of(self.projection, self.single_layer)

    @cached_property
    def face_centred_cubic(self) -> float | None:
        """Edge of the cubic cell of a face-centred cubic element [A]; None for any other crystal."""
        return face_centred_cubic(self.projection)

    @cached_property
    def twin_rows(self) -> list[tuple[int, int]]:
        """Rows of the projected lattice at whose planes the crystal can be twinned."""
        return twin_rows(self.projection)

    def filled(self, thickness: float) -> float:
        """How far along the beam a crystal of a thickness is made; a single layer is one period [A]."""
        return self.projection.period if self.single_layer else thickness

    def thickness(self, asked: float) -> float:
        """Thickness of what is made where one is asked for; a single layer's without the vacuum [A]."""
        if not self.single_layer:
            return asked
        heights = _heights(self.projection)
        return float(np.ptp(heights) + LAYER_A)


def vacuum(projection: Projection) -> float:
    """Return the vacuum between a layer and its next image along the beam, 0 for a crystal without any [A].

    The largest gap between the heights of atoms counts if it is at least `LEAST_VACUUM_A` and the layer is level.
    """
    climb = np.minimum(projection.rise, projection.period - projection.rise)
    gap = float(_gaps(projection).max())
    return gap if gap >= LEAST_VACUUM_A and climb.max() < _LEVEL_A else 0.0


def structures_of(paths: Iterable[str | Path]) -> dict[tuple[str, str], Projection]:
    """Projected structures by (material, zone), from their `projection.json`."""
    materials = [Material.read(path) for path in paths]
    return {(each.material, each.zone): each.projection for each in materials}


def _heights(projection: Projection) -> np.ndarray:
    return np.array([atom["height_A"] for column in projection.columns for atom in column["atoms"]])


def _gaps(projection: Projection) -> np.ndarray:
    """Gap above each height of atoms [A]."""
    heights = np.unique(_heights(projection))
    return np.diff(heights, append=heights[0] + projection.period)


def _gathered(projection: Projection) -> Projection:
    heights, period, gaps = np.unique(_heights(projection)), projection.period, _gaps(projection)
    shift = gaps.max() / 2 - heights[(gaps.argmax() + 1) % len(heights)]
    columns = tuple(
        column | {"atoms": [atom | {"height_A": (atom["height_A"] + shift) % period} for atom in column["atoms"]]}
        for column in projection.columns
    )
    return replace(projection, columns=columns)
