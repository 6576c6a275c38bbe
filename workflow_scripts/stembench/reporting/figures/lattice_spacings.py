"""Histograms of the spacings that each method measures in a lab image of one crystal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from stembench.reporting.base import Figure, Inputs, Parameters, each

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from stembench.planning import Plan

_BINS = 30
_HELD = (0.5, 99.5)  # percentiles of all methods' spacings between which bins lie
_LINE_IN = 0.56


def draw_spacings(methods: Mapping[str, pd.DataFrame]) -> Drawing:
    """Draw one line per method: histograms of its spacings along a and b, with mean and SD, in the same bins for all.

    Parameters
    ----------
    methods : mapping of str to DataFrame
        As `lattice_precision.spacings` gives them; a method that found no spacing at all is left out.

    Raises
    ------
    ValueError
        If no method found spacings along both axes.
    """
    import matplotlib.pyplot as plt
    import pandas as pd

    from stembench.evaluation.lattice_precision import AXES
    from stembench.reporting.style import COLOURS, COLUMN_IN

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
    return figure


def inputs(plan: Plan, testset: str) -> dict[str, Any]:
    """Return the spacings of each method."""
    return {"spacings": plan.evaluations.spacings(plan.evaluations.shown_lattices(testset))}


def parameters(plan: Plan, testset: str) -> dict[str, Any]:
    """Return the methods."""
    return {"methods": [row.plain() for row in plan.evaluations.shown_lattices(testset)]}


def draw(inputs: Inputs, parameters: Parameters) -> Drawing:
    """Draw the figure."""
    from stembench.products import read_parquet
    from stembench.reporting.style import method_labels

    return draw_spacings(dict(zip(method_labels(parameters["methods"]), map(read_parquet, inputs["spacings"]))))


def caption(plan: Plan, testset: str) -> str:
    """Return the caption."""
    return (
        f"Spacings between columns one lattice vector apart (a the shorter one) in the undegraded lab image {testset}, "
        "which shows one crystal, by each method, with their mean ± SD. Bins are the same for all methods; what lies "
        "beyond them is counted in the outer ones, and in mean and SD. A narrow histogram is precision only where the "
        "method sees displaced columns: read it beside `response_slope` of the table `lattice_precision`. Networks "
        f"from seed 0, scale {plan.config.scale}."
    )


FIGURE = Figure(
    subjects=each(lambda plan: plan.evaluations.single_crystals, "lattice_spacings_{}"),
    inputs=inputs,
    parameters=parameters,
    draw=draw,
    caption=caption,
    needs="a lab test set of one crystal",
    category="Lab images",
    dpi=300,
)
