"""Stated confidence and error bars against what is true."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from stembench.application.error_model import COVERED
from stembench.evaluation.tuning import NO_DOSE
from stembench.reporting.style import COLOURS, PAGE_IN, error_bars, write_figure

_HONEST = (0.60, 0.76)  # coverage that error bars of one standard deviation are asked for


def plot_reliability(
    reliability: pd.DataFrame, coverage: pd.DataFrame, title: str, destinations: Sequence[str]
) -> None:
    """Found columns that are true against their stated confidence, and coverage of the error bars at each dose.

    Parameters
    ----------
    reliability, coverage : DataFrame
        Of `characterisation.reliability` and `characterisation.coverage`; without rows the figure says so.
    title : str
        Of the figure.
    destinations : sequence of str
        Files to write.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE_IN, 3.3), layout="constrained")
    if reliability.empty:
        title += ": no columns found"
    _draw_reliability(left, reliability)
    _draw_coverage(right, coverage)
    figure.suptitle(title, fontsize=9)
    write_figure(figure, destinations)


def _draw_reliability(axes: Axes, rows: pd.DataFrame) -> None:
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, zorder=0)
    bars = error_bars(rows.true, rows.low, rows.high)
    axes.errorbar(rows.confidence, rows.true, yerr=bars, fmt="o-", color=COLOURS[0], ms=4, lw=1, elinewidth=0.8)
    for row in rows.itertuples():
        shown: dict[str, Any] = {
            "xytext": (0, -6),
            "textcoords": "offset points",
            "ha": "center",
            "va": "top",
            "fontsize": 6,
        }
        axes.annotate(f"{row.columns}", (row.confidence, row.low), color="0.4", **shown)
    axes.set(xlabel="Stated confidence", ylabel="Found columns that are true", xlim=(0, 1.03), ylim=(-0.06, 1.03))


def _draw_coverage(axes: Axes, table: pd.DataFrame) -> None:
    axes.axhspan(*(100 * end for end in _HONEST), color="0.92", zorder=0)
    axes.axhline(100 * COVERED, color="0.6", linewidth=1, zorder=0)
    doses = [dose for dose in table.dose.unique() if dose not in ("all", NO_DOSE)]
    table = table[table.dose.isin(doses or ["all"])]
    looks = {"network": ("o-", COLOURS[0], "position in the map"), "refined": ("s--", COLOURS[1], "refined")}
    for estimator, rows in table.groupby("estimator", sort=False):
        style, colour, label = looks[str(estimator)]
        at = rows.dose.astype(float) if doses else range(len(rows))
        axes.plot(at, 100 * rows.covered, style, color=colour, label=label, ms=4, lw=1)
    if doses:
        axes.set_xscale("log")
        axes.set_xticks([float(dose) for dose in doses], doses)
        axes.minorticks_off()
    else:
        axes.set_xticks([0], ["all images"])
    axes.set(xlabel="Counts per pixel at the peak", ylabel="Errors within the bar (%)", ylim=(0, 100))
    if len(table):
        axes.legend(frameon=False, fontsize=7, loc="lower right")
