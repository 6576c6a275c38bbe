"""Localisation error against dose beside the Cramer-Rao bound, and F1 below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stembench.reporting.base import Figure, Inputs, Parameters, once
from stembench.reporting.tables import precision_vs_dose

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing


def draw_precision(table: pd.DataFrame) -> Drawing:
    """Draw RMSE with its Cramer-Rao bound, and F1, against the counts at the peak; 95 % intervals as bars.

    Networks are shown by their default localiser.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter

    from stembench.reporting.style import error_bars, method_looks
    from stembench.reporting.tabulation import by_default

    figure, (upper, lower) = plt.subplots(2, 1, figsize=(6, 6.5), sharex=True, layout="constrained")
    table = by_default(table.assign(train_dataset=table.train_dataset.fillna("")))
    several = table.testset.nunique() > 1
    one_set = table.train_dataset[table.train_dataset != ""].nunique() <= 1
    lines = list(table.groupby(["kind", "method", "train_dataset", "testset"], sort=False))
    looks = method_looks([kind for (kind, *_), _ in lines])
    for look, ((_, method, trained_on, testset), rows) in zip(looks, lines):
        name = method.replace("_", " ") + (f" ({trained_on})" if trained_on and not one_set else "")
        name += f", {testset}" if several else ""
        for axes, metric in ((upper, "rmse_pm"), (lower, "f1")):
            bars = error_bars(rows[metric], rows[f"{metric}_low"], rows[f"{metric}_high"])
            small = {"ms": 4, "lw": 1, "elinewidth": 0.7}
            axes.errorbar(rows.counts_per_px_peak, rows[metric], yerr=bars, label=name, **look, **small)
    for testset, rows in table.drop_duplicates(["testset", "counts_per_px_peak"]).groupby("testset"):
        label = "Cramér-Rao bound" + (f", {testset}" if several else "")
        upper.plot(rows.counts_per_px_peak, rows.crlb_pm, "k:", label=label)
    upper.set(xscale="log", yscale="log", ylabel="RMSE per axis (pm)")
    upper.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    upper.yaxis.set_major_formatter("{x:g}")
    upper.yaxis.set_minor_formatter(NullFormatter())
    lower.xaxis.set_major_formatter("{x:g}")
    upper.legend(frameon=False, fontsize=7)
    lower.set(xlabel="Counts per pixel at the peak", ylabel="F1", ylim=(None, 1.005))
    upper.set_title("Poisson noise alone, columns at least one probe FWHM apart", fontsize=9)
    return figure


def draw(inputs: Inputs, _: Parameters) -> Drawing:
    """Draw the figure."""
    import pandas as pd

    return draw_precision(pd.read_csv(inputs["table"]))


FIGURE = Figure(
    subjects=once(lambda plan: plan.evaluations.detection, "precision_vs_dose"),
    inputs=lambda plan, _: {"table": plan.layout.table("precision_vs_dose")[0]},
    draw=draw,
    caption=precision_vs_dose.caption,
    needs="a test set with images",
)
