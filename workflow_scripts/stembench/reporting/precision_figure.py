"""Precision against dose."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import LogLocator, NullFormatter

from stembench.reporting.style import COLOURS, write_figure


def plot_precision_vs_dose(table: pd.DataFrame, destinations: Sequence[str]) -> None:
    """RMSE with its Cramer-Rao bound, and F1, against the counts at the peak; 95 % intervals as bars."""
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(6, 6.5), sharex=True, layout="constrained")
    for colour, (name, rows) in zip(COLOURS, table.groupby("method", sort=False)):
        for axes, metric in ((upper, "rmse_pm"), (lower, "f1")):
            bars = [rows[metric] - rows[f"{metric}_low"], rows[f"{metric}_high"] - rows[metric]]
            axes.errorbar(
                rows.counts_per_px_peak, rows[metric], yerr=bars, fmt="o-", ms=4, capsize=2, color=colour, label=name
            )
    bound = table.groupby("counts_per_px_peak").crlb_pm.mean()
    upper.plot(bound.index, bound, "k--", label="Cramér-Rao bound")
    upper.set(xscale="log", yscale="log", ylabel="RMSE per axis (pm)")
    upper.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    upper.yaxis.set_major_formatter("{x:g}")
    upper.yaxis.set_minor_formatter(NullFormatter())
    lower.xaxis.set_major_formatter("{x:g}")
    upper.legend(frameon=False, fontsize=7)
    lower.set(xlabel="Counts per pixel at the peak", ylabel="F1", ylim=(None, 1.005))
    upper.set_title("Poisson noise alone, columns at least one probe FWHM apart", fontsize=9)
    write_figure(figure, destinations)
