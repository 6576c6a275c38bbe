"""A projected crystal as a user recognises it: its image, and its columns by species."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from ase.data import atomic_numbers

from stembench.crystals.composition import composition
from stembench.crystals.field import CrystalField
from stembench.crystals.projection import Projection, Scatterers
from stembench.imaging.linear import linear_image
from stembench.imaging.probe import Probe
from stembench.reporting.style import COLOURS, show_image, write_figure

_PIXELS = 256
_FIELD_A = (12.0, 42.0)  # the smallest and the largest field shown
_MARKERS = "os^Dv*Ph"


def plot_structure(
    projection: Projection, scatterers: Scatterers, title: str, probe: Probe, destination: str | Sequence[str]
) -> None:
    """A linear image beside the same with its columns, coloured by what they hold, and the in-plane cell.

    Parameters
    ----------
    projection : Projection
        The crystal along its zone axis.
    scatterers : Scatterers
        What the linear model scatters from.
    title : str
        Material and zone axis.
    probe : Probe
        That images it.
    destination : str or sequence of str
        Files to write.
    """
    lengths = np.linalg.norm(projection.lattice, axis=1)
    field = float(np.clip(4 * lengths.max(), *_FIELD_A))
    pixel_size, offset = field / _PIXELS, np.full(2, field / 2) - projection.lattice.sum(axis=0) / 2
    shown = CrystalField.of(projection, scatterers, (field, field), 0.0, offset, probe.reach)
    shape = (_PIXELS, _PIXELS)
    image = linear_image(shown.points, shown.strengths, shown.thermal_b, probe, shape, pixel_size)

    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.9), layout="constrained")
    show_image(axes[0], image, pixel_size, "linear HAADF image")
    show_image(axes[1], image, pixel_size, "columns and in-plane cell")
    contents = [composition(column) for column in projection.columns]
    kinds = sorted(set(contents), key=lambda kind: -max(atomic_numbers[e] for e in _elements(kind)))
    for number, kind in enumerate(kinds):
        places = shown.centres[np.array([contents[site] == kind for site in shown.sites])] / pixel_size
        marker, colour = _MARKERS[number % len(_MARKERS)], COLOURS[number % len(COLOURS)]
        axes[1].plot(*places.T, marker, ms=5, color=colour, mec="white", mew=0.5, label=kind)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]) @ projection.lattice + offset
    axes[1].plot(*(corners / pixel_size).T, color="gold", linewidth=1)
    axes[1].set(xlim=(-0.5, _PIXELS - 0.5), ylim=(_PIXELS - 0.5, -0.5))
    figure.legend(loc="outside lower center", ncols=min(len(kinds), 6), fontsize=7, title="a column holds")
    a, b = projection.lattice
    angle = np.rad2deg(np.arccos(a @ b / lengths.prod()))
    cell = f"in-plane cell {lengths[0]:.3f} × {lengths[1]:.3f} Å, {angle:.1f}°; period {projection.period:.3f} Å"
    figure.suptitle(f"{title}: {cell}", fontsize=9)
    write_figure(figure, destination)


def _elements(kind: str) -> list[str]:
    return [part.split()[-1] for part in kind.split(" + ")]
