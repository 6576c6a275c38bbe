"""Detection and precision against the distance from a particle's rim."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stembench.reporting.base import Figure, Inputs, Parameters, each

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from stembench.planning import Plan

_BANDS_A = (0, 1.5, 3, 5, 7.5, 10, np.inf)  # ends of the bands of distance from the rim
_METRICS = {"f1": "F1", "recall": "Recall", "rmse_pm": "RMSE per axis (pm)"}
_DODGE_A = 0.09  # between methods, so that their intervals are told apart


def edge_profile(methods: Sequence[dict], resamplings: int) -> pd.DataFrame:
    """Return metrics of each method by distance from the rim.

    Parameters
    ----------
    methods : sequence of dict
        `method`, `kind`, `train_dataset` and `folder` of each evaluation.
    resamplings : int
        Bootstrap samples, of structures.

    Returns
    -------
    DataFrame
        One row per method and band that holds columns: `method` (its label), `kind`, `rim_A` (mean over the band's true
        columns), and `f1`, `recall` and `rmse_pm` with their 95 % intervals `..._low` and `..._high`. Of columns at
        least one probe FWHM apart and not hidden; a false one counts at the distance of the true column next to it.
        Methods that could not be applied are left out.
    """
    import pandas as pd

    from stembench.evaluation.intervals import with_intervals
    from stembench.evaluation.metrics import detection_metrics, detection_sums
    from stembench.products import read_parquet
    from stembench.reporting.style import method_labels

    rows = []
    for label, method in zip(method_labels(methods), methods):
        images = read_parquet(Path(method["folder"]) / "images.parquet").set_index("sample")
        if images.note.fillna("").any():
            continue
        outcomes = read_parquet(Path(method["folder"]) / "columns.parquet")
        outcomes = outcomes[outcomes.resolved & ~outcomes.hidden & outcomes.rim_A.notna()]
        for _, band in outcomes.groupby(pd.cut(outcomes.rim_A, _BANDS_A, right=False), observed=True):
            sums = [
                detection_sums(found) | {"unit": images.structure[number]} for number, found in band.groupby("sample")
            ]
            values = with_intervals(pd.DataFrame(sums), detection_metrics, resamplings)
            distance = band.rim_A[band.outcome != "fp"].mean()
            rows.append({"method": label, "kind": method["kind"], "rim_A": distance} | values)
    return pd.DataFrame(rows)


def draw_edges(profile: pd.DataFrame) -> Drawing:
    """Draw F1, recall and RMSE against the distance from the rim, one line per method, 95 % intervals as bars.

    Raises
    ------
    ValueError
        If there is no method to show.
    """
    import matplotlib.pyplot as plt

    from stembench.reporting.style import COLUMN_IN, error_bars, method_looks

    if profile.empty:
        raise ValueError("no columns of a particle to show")
    figure, rows = plt.subplots(len(_METRICS), 1, figsize=(COLUMN_IN, 5.8), sharex=True, layout="constrained")
    methods = list(profile.groupby(["method", "kind"], sort=False))
    looks = method_looks([kind for (_, kind), _ in methods])
    for number, (look, ((name, _), band)) in enumerate(zip(looks, methods)):
        at = band.rim_A + _DODGE_A * (number - (len(methods) - 1) / 2)
        for axes, metric in zip(rows, _METRICS):
            bars = error_bars(band[metric], band[f"{metric}_low"], band[f"{metric}_high"])
            small = {"ms": 3, "lw": 0.8, "elinewidth": 0.6}
            axes.errorbar(at, band[metric], yerr=bars, label=name, **look, **small)
    for axes, (metric, label) in zip(rows, _METRICS.items()):
        axes.set_ylabel(label, fontsize=8)
        axes.tick_params(labelsize=7)
        for end in _BANDS_A[1:-1]:
            axes.axvline(end, color="0.9", linewidth=0.6, zorder=0)
        axes.set_ylim(**({"bottom": 0} if metric == "rmse_pm" else {"top": 1.005}))
    rows[-1].set_xlabel("Distance from the particle's rim (Å)", fontsize=8)
    handles, labels = rows[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=6.5)
    return figure


def inputs(plan: Plan, testset: str) -> dict[str, Any]:
    """Return the columns that methods found."""
    return {"evaluations": plan.evaluations.scored(plan.evaluations.shown_methods(testset))}


def parameters(plan: Plan, testset: str) -> dict[str, Any]:
    """Return the methods, and the bootstrap samples."""
    methods = [row.plain() for row in plan.evaluations.shown_methods(testset)]
    return {"methods": methods, "bootstrap": plan.config.sizes.bootstrap}


def draw(inputs: Inputs, parameters: Parameters) -> Drawing:
    """Draw the figure."""
    return draw_edges(edge_profile(parameters["methods"], parameters["bootstrap"]))


def caption(plan: Plan, testset: str) -> str:
    """Return the caption."""
    return (
        f"Columns of the particles of test set {testset} by their distance from the particle's outline, in bands "
        "between the grey lines, points at the mean distance of a band's columns (moved a little apart between "
        "methods): F1, recall, and error of the columns that were found. Networks from seed 0, scale "
        f"{plan.config.scale}, read by tuned maxima. Bars: 95 % bootstrap over structures. Columns at least one probe "
        "FWHM from their neighbours; a false one counts at the distance of the true column next to it."
    )


FIGURE = Figure(
    subjects=each(lambda plan: plan.evaluations.particles, "edges_{}"),
    inputs=inputs,
    parameters=parameters,
    draw=draw,
    caption=caption,
    needs="a test set of generalisation that shows particles alone",
    dpi=300,
)
