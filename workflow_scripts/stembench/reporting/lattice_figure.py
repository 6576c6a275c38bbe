"""Spacings between the columns of a lab image of one crystal."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from stembench.evaluation.lattice_precision import AXES
from stembench.reporting.style import COLOURS, COLUMN_IN, write_figure

_BINS = 30
_HELD = (0.5, 99.5)  # percentiles of all methods' spacings between which bins lie
_LINE_IN = 0.56


def plot_spacings(methods: Mapping[str, pd.DataFrame], destinations: Sequence[str]) -> None:
    """A line a method: histograms of its spacings along a and b, with their mean and SD, in the same bins for all.

    Parameters
    ----------
    methods : mapping of str to DataFrame
        As `lattice_precision.spacings` gives them; a method that found no spacing at all is left out.
    destinations : sequence of str
        Files to write.

    Raises
    ------
    ValueError
        If no method found spacings along both axes.
    """
    found = {name: table for name, table in methods.items() if len(table)}
    everything = pd.concat(found.values()) if found else pd.DataFrame({"axis": []})
    if not set(AXES) <= set(everything["axis"]):
        raise ValueError("no spacings along both lattice vectors to show")
    size = (COLUMN_IN, _LINE_IN * len(found) + 0.55)
    figure, rows = plt.subplots(len(found), 2, figsize=size, sharex="col", squeeze=False, layout="constrained")
    for column, axis in enumerate(AXES):
        values = everything.spacing_pm[everything["axis"] == axis]
        low, high = np.percentile(values, _HELD)
        edges = np.linspace(low, high, _BINS + 1)
        tallest = 0.0
        for number, (name, table) in enumerate(found.items()):
            panel, pm = rows[number, column], table.spacing_pm[table["axis"] == axis].to_numpy()
            counts, *_ = panel.hist(pm.clip(edges[0], edges[-1]), edges, color=COLOURS[column], label=name)
            tallest = max(tallest, counts.max())
            text = f"{pm.mean():.1f} ± {pm.std(ddof=1):.1f} pm" if len(pm) > 1 else "fewer than two"
            panel.text(
                0.01, 0.97, f"{name}\n{text}", transform=panel.transAxes, fontsize=5.5, va="top", linespacing=1.3
            )
            panel.tick_params(labelsize=6, length=2)
        for panel in rows[:, column]:
            panel.set(ylim=(0, 2.3 * tallest), yticks=[0, round(tallest, -1) or tallest])  # room for the text
        rows[-1, column].set_xlabel(f"Spacing along {axis} (pm)", fontsize=7)
    figure.supylabel("Pairs of columns", fontsize=7)
    write_figure(figure, destinations, 300)
