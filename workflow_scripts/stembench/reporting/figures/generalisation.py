"""F1 of each method on each test set beyond the training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stembench.reporting.base import Figure, Inputs, Parameters, once
from stembench.reporting.tables import generalisation

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

_COLUMN_WIDTH_IN = 3.5
_SPREAD = 0.7  # of a test set's height is taken by its methods


def draw_generalisation(table: pd.DataFrame) -> Drawing:
    """Draw F1 with its 95 % interval by test set and method: the networks' easiest set on top, floors left out.

    Raises
    ------
    ValueError
        If a method has no F1 on a test set, and no note that says why.
    """
    import matplotlib.pyplot as plt

    from stembench.reporting.style import error_bars, method_looks

    table = table.assign(train_dataset=table.train_dataset.fillna(""), note=table.note.fillna(""))
    rows = table[(table.subset == "all") & (table.kind != "floor") & (table.note == "")]
    if rows.empty or rows.f1.isna().any():
        raise ValueError(f"no F1 of {rows[rows.f1.isna()][['method', 'testset']].to_numpy().tolist() or 'any method'}")
    networks = rows[rows.kind == "network"]
    ranked = (rows if networks.empty else networks).groupby("testset").f1.mean().sort_values()
    methods = list(rows.groupby(["kind", "method", "train_dataset"], sort=False))
    several = networks.train_dataset.nunique() > 1
    figure, axes = plt.subplots(figsize=(_COLUMN_WIDTH_IN, 0.36 * len(ranked) + 1.4), layout="constrained")
    offsets = np.linspace(_SPREAD / 2, -_SPREAD / 2, len(methods))
    looks = method_looks([kind for (kind, _, _), _ in methods])
    for offset, look, ((_, method, trained_on), found) in zip(offsets, looks, methods):
        name = f"{method} ({trained_on})" if several and trained_on else method
        bars = error_bars(found.f1, found.f1_low, found.f1_high)
        at = ranked.index.get_indexer(found.testset) + offset
        look |= {"linestyle": "none", "ms": 3, "elinewidth": 0.8}
        axes.errorbar(found.f1, at, xerr=bars, label=name.replace("_", " "), **look)
    for boundary in np.arange(1, len(ranked)) - 0.5:
        axes.axhline(boundary, color="0.9", linewidth=0.6, zorder=0)
    axes.set_yticks(range(len(ranked)), [name.replace("_", " ") for name in ranked.index], fontsize=7)
    axes.tick_params(axis="x", labelsize=7)
    axes.set(ylim=(-0.5, len(ranked) - 0.5), xlim=(None, 1.01))
    axes.set_xlabel("F1, columns at least one probe FWHM apart", fontsize=8)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=6.5)
    return figure


def draw(inputs: Inputs, _: Parameters) -> Drawing:
    """Draw the figure."""
    import pandas as pd

    return draw_generalisation(pd.read_csv(inputs["table"]))


FIGURE = Figure(
    subjects=once(lambda plan: plan.evaluations.generalisation_rows, "generalisation"),
    inputs=lambda plan, _: {"table": plan.layout.table("generalisation")[0]},
    draw=draw,
    caption=generalisation.caption,
    needs="a material of a test set of `generalisation.testsets`",
)
