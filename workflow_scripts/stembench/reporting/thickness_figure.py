"""Where the linear model and multislice agree, and where they part with thickness."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from stembench.crystals.composition import composition
from stembench.crystals.field import CrystalField
from stembench.crystals.projection import Projection, Scatterers
from stembench.imaging.linear import linear_image
from stembench.imaging.multislice import Tile
from stembench.imaging.probe import Probe
from stembench.reporting.style import COLOURS, show_image, write_figure

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
    """

    title: str
    projection: Projection
    scatterers: Scatterers
    tile: Tile

    def linear(self, probe: Probe) -> tuple[np.ndarray, CrystalField]:
        """The linear image of a field around the lattice's origin, and what is in it."""
        place = ((_FIELD_A, _FIELD_A), 0.0, np.zeros(2), probe.reach)
        field = CrystalField.of(self.projection, self.scatterers, *place)
        shape = (_PIXELS, _PIXELS)
        return linear_image(field.points, field.strengths, field.thermal_b, probe, shape, _PIXEL_SIZE_A), field

    def multislice(self, probe: Probe, thickness: int, mode: str = "HAADF") -> np.ndarray:
        """The multislice image of the same field, as a fraction of the beam; `thickness` counts the tile's own."""
        shape = (_PIXELS, _PIXELS)
        return self.tile.image(mode, thickness, shape, _PIXEL_SIZE_A, source_size=probe.source_size)

    def correlations(self, probe: Probe) -> np.ndarray:
        """Correlation of the two models' HAADF images at each thickness of the tile."""
        image, _ = self.linear(probe)
        images = [self.multislice(probe, i) for i in range(len(self.tile.thicknesses))]
        return np.array([np.corrcoef(image.ravel(), other.ravel())[0, 1] for other in images])


def plot_thickness(comparisons: Sequence[Comparison], probe: Probe, destination: str | Sequence[str]) -> None:
    """A row a crystal: linear image, multislice images thin and thick, column intensities, correlation.

    Parameters
    ----------
    comparisons : sequence of Comparison
        Crystals.
    probe : Probe
        That both models image them with.
    destination : str or sequence of str
        Files to write.
    """
    shape = (len(comparisons), 6)
    figure, axes = plt.subplots(*shape, figsize=(14, 2.7 * shape[0]), squeeze=False, layout="constrained")
    for row, compared in zip(axes, comparisons):
        thicknesses = compared.tile.thicknesses
        image, field = compared.linear(probe)
        show_image(row[0], image, _PIXEL_SIZE_A, f"{compared.title}\nlinear")
        shown = ((row[1], 0, "HAADF"), (row[2], len(thicknesses) - 1, "HAADF"), (row[3], len(thicknesses) - 1, "ABF"))
        for panel, thickness, mode in shown:
            if mode in compared.tile.modes:
                title = f"multislice {mode}\n{thicknesses[thickness]:.1f} Å"
                show_image(panel, compared.multislice(probe, thickness, mode), _PIXEL_SIZE_A, title)
            else:
                panel.set_axis_off()
        _plot_columns(row[4], compared, probe, field)
        row[5].plot(thicknesses, compared.correlations(probe), "o-", color=COLOURS[0], markersize=3)
        row[5].axhline(0.98, color="grey", linewidth=0.8, linestyle=":")
        row[5].set(xlabel="thickness (Å)", ylabel="correlation with linear", xlim=(0, None), ylim=(0.9, 1))
    write_figure(figure, destination)


def _plot_columns(axes: Axes, compared: Comparison, probe: Probe, field: CrystalField) -> None:
    """HAADF intensity at one column of each kind, dashed what the thinnest slab's grows to in proportion."""
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
