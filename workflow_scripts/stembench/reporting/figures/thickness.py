"""The linear model beside multislice, by thickness."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stembench.config import Condition
from stembench.reporting.base import Figure, Inputs, Parameters, once

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from stembench.crystals.field import CrystalField
    from stembench.crystals.projection import Projection, Scatterers
    from stembench.imaging.detectors import Mode
    from stembench.imaging.multislice import Tile
    from stembench.imaging.probe import Probe
    from stembench.planning import Plan

_log = logging.getLogger("stembench")

_PIXELS = 192
_FIELD_A = 16.0
_PIXEL_SIZE_A = _FIELD_A / _PIXELS


@dataclass(frozen=True)
class Comparison:
    """A crystal by both models.

    Attributes
    ----------
    title : str
        Material and zone axis.
    projection : Projection
        The crystal along its zone axis.
    scatterers : Scatterers
        What the linear model scatters from.
    tile : Tile
        The same crystal by multislice.
    detectors : mapping
        Name of the tile's detector by imaging mode.
    """

    title: str
    projection: Projection
    scatterers: Scatterers
    tile: Tile
    detectors: Mapping[Mode, str]

    def linear(self, probe: Probe) -> tuple[np.ndarray, CrystalField]:
        """Return the linear image of a field around the lattice's origin, and the columns in it."""
        from stembench.crystals.field import CrystalField
        from stembench.imaging.linear import linear_image

        place = ((_FIELD_A, _FIELD_A), 0.0, np.zeros(2), probe.reach)
        field = CrystalField.of(self.projection, self.scatterers, *place)
        shape = (_PIXELS, _PIXELS)
        return linear_image(field.points, field.strengths, field.thermal_b, probe, shape, _PIXEL_SIZE_A), field

    def multislice(self, probe: Probe, thickness: int, mode: Mode = "HAADF") -> np.ndarray:
        """Return the multislice image of the same field, as a fraction of the beam; `thickness` counts the tile's."""
        shape = (_PIXELS, _PIXELS)
        return self.tile.image(self.detectors[mode], thickness, shape, _PIXEL_SIZE_A, source_size=probe.source_size)

    def correlations(self, probe: Probe) -> np.ndarray:
        """Return the correlation of the two models' HAADF images at each thickness of the tile."""
        image, _ = self.linear(probe)
        images = [self.multislice(probe, i) for i in range(len(self.tile.thicknesses))]
        return np.array([np.corrcoef(image.ravel(), other.ravel())[0, 1] for other in images])


def draw_thickness(comparisons: Sequence[Comparison], probe: Probe) -> Drawing:
    """Draw one row per crystal: linear image, multislice images thin and thick, column intensities, correlation.

    Parameters
    ----------
    comparisons : sequence of Comparison
        Crystals.
    probe : Probe
        That both models image them with.
    """
    import matplotlib.pyplot as plt

    from stembench.reporting.style import COLOURS, show_image

    shape = (len(comparisons), 6)
    figure, axes = plt.subplots(*shape, figsize=(14, 2.7 * shape[0]), squeeze=False, layout="constrained")
    for row, compared in zip(axes, comparisons):
        thicknesses = compared.tile.thicknesses
        image, field = compared.linear(probe)
        show_image(row[0], image, _PIXEL_SIZE_A, f"{compared.title}\nlinear")
        shown: tuple[tuple[Axes, int, Mode], ...] = (
            (row[1], 0, "HAADF"),
            (row[2], len(thicknesses) - 1, "HAADF"),
            (row[3], len(thicknesses) - 1, "ABF"),
        )
        for panel, thickness, mode in shown:
            if mode in compared.detectors:
                title = f"multislice {mode}\n{thicknesses[thickness]:.1f} Å"
                show_image(panel, compared.multislice(probe, thickness, mode), _PIXEL_SIZE_A, title)
            else:
                panel.set_axis_off()
        _plot_columns(row[4], compared, probe, field)
        row[5].plot(thicknesses, compared.correlations(probe), "o-", color=COLOURS[0], markersize=3)
        row[5].axhline(0.98, color="grey", linewidth=0.8, linestyle=":")
        row[5].set(xlabel="thickness (Å)", ylabel="correlation with linear", xlim=(0, None), ylim=(0.9, 1))
    return figure


def _plot_columns(axes: Axes, compared: Comparison, probe: Probe, field: CrystalField) -> None:
    """Draw the HAADF intensity at one column of each kind, dashed the thinnest slab's grown in proportion."""
    from stembench.crystals.composition import composition
    from stembench.reporting.style import COLOURS

    pixels = np.round(field.centres / _PIXEL_SIZE_A).astype(int)
    seen = np.all((pixels >= 0) & (pixels < _PIXELS), axis=1)
    thicknesses = compared.tile.thicknesses
    images = [compared.multislice(probe, i) for i in range(len(thicknesses))]
    kinds: dict[str, int] = {}
    for index in np.flatnonzero(seen).tolist():
        kinds.setdefault(composition(compared.projection.columns[field.sites[index]]), index)
    for number, (kind, index) in enumerate(sorted(kinds.items())):
        x, y = pixels[index]
        values, colour = 100 * np.array([image[y, x] for image in images]), COLOURS[number % len(COLOURS)]
        axes.plot(thicknesses, values, "o-", markersize=3, color=colour, label=kind)
        axes.plot(thicknesses, values[0] * thicknesses / thicknesses[0], "--", linewidth=0.8, color=colour)
    axes.set(xlabel="thickness (Å)", ylabel="HAADF (% of the beam)", xlim=(0, None), ylim=(0, None))
    axes.legend(fontsize=6, title="at a column of", title_fontsize=6)


def compared(plan: Plan) -> list[tuple[str, str]]:
    """Return material and zone axis of the crystals that are compared, of the views that are there."""
    named = [(material, zone) for material, zones in plan.config.multislice.compared.items() for zone in zones]
    return [view for view in named if view in plan.crystals.views]


def inputs(plan: Plan, _: str) -> dict[str, Any]:
    """Return the crystals and their tiles."""
    views, condition = compared(plan), plan.config.multislice.compared_condition
    tiles = [plan.layout.tile.path(material=material, zone=zone, condition=condition) for material, zone in views]
    return {"projections": plan.crystals.projections(views), "tiles": tiles}


def parameters(plan: Plan, _: str) -> dict[str, Any]:
    """Return the probe, and what columns scatter in the linear model."""
    imaging = plan.config.imaging
    condition = imaging.conditions[plan.config.multislice.compared_condition]
    return {"condition": condition.model_dump(mode="json"), "strengths": [imaging.gamma, imaging.species_factors]}


def draw(inputs: Inputs, parameters: Parameters) -> Drawing:
    """Draw the figure; the correlations go to the log as well."""
    from stembench.crystals.material import Material
    from stembench.crystals.projection import Scatterers
    from stembench.imaging.conditions import detector_of, modes_of, probe_of
    from stembench.imaging.detectors import detector_name
    from stembench.imaging.linear import strength_of
    from stembench.imaging.multislice import Tile

    condition, strengths, comparisons = Condition(**parameters["condition"]), parameters["strengths"], []
    probe = probe_of(condition)
    named = {mode: detector_of(condition, mode) for mode in set(modes_of(condition).values())}
    detectors = {mode: detector_name(*angles) for mode, angles in named.items() if angles}
    for path, folder in zip(inputs["projections"], inputs["tiles"]):
        material, tile = Material.read(path), Tile.read(folder)
        scatterers = Scatterers.of(material.projection, lambda element: strength_of(element, *strengths))
        title = f"{material.material} [{material.zone}]"
        comparisons.append(Comparison(title, material.projection, scatterers, tile, detectors))
        for thickness, correlation in zip(tile.thicknesses, comparisons[-1].correlations(probe)):
            _log.info("%s, %.1f A: correlation %.4f", title, thickness, correlation)
    return draw_thickness(comparisons, probe)


def caption(plan: Plan, _: str) -> str:
    """Return the caption."""
    condition = plan.config.imaging.conditions[plan.config.multislice.compared_condition]
    return (
        f"The linear model beside multislice ({condition.energy_keV:g} keV, {condition.semiangle_mrad:g} mrad). In a "
        "thin slab the HAADF images agree. With thickness the beam channels along the columns: intensities leave the "
        "dashed lines, which grow in proportion to thickness, and the images differ. ABF is by multislice; in the "
        "linear model it is inverted contrast alone."
    )


FIGURE = Figure(
    subjects=once(compared, "thickness"),
    inputs=inputs,
    parameters=parameters,
    draw=draw,
    caption=caption,
    needs="a structure that `multislice.compared` names",
    category="Structures",
    environment="structures",
)
