"""Localisation error against dose, beside the Cramer-Rao bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stembench.reporting.base import Inputs, Parameters, Table, once
from stembench.reporting.tables import detection

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan


def precision_table(results: pd.DataFrame, resamplings: int) -> pd.DataFrame:
    """Return one row per method, test set and dose: resolved columns in images whose noise is Poisson's alone."""
    import pandas as pd

    from stembench.evaluation.metrics import precision_metrics
    from stembench.reporting.tabulation import LOCALISED, by_method, metric_row

    poisson = results[(results.part == "all") & results.shot_noise_alone.eq(True) & (results.kind != "floor")]
    rows = []
    for identity, part in by_method(poisson):
        for counts, level in part.groupby("counts_per_px"):
            row = metric_row(identity, f"counts_per_px={counts:g}", level, precision_metrics, resamplings)
            dose = {
                "dose_e_per_A2": np.exp(np.log(level.dose_e_per_A2).mean()),
                "counts_per_px_peak": counts,
                "peak_snr_db": 10 * np.log10(counts),  # 20 log10(peak / sigma) with sigma^2 = peak
            }
            rows.append({**{k: row.pop(k) for k in LOCALISED}, **dose, **row})
    empty = [*LOCALISED, "counts_per_px_peak", "rmse_pm", "crlb_pm", "f1"]
    return pd.DataFrame(rows, columns=None if rows else empty)


def parameters(plan: Plan, _: str) -> dict[str, Any]:
    """Return the rows, and how columns are divided."""
    return {
        "methods": [row.plain() for row in plan.evaluations.detection],
        "parts": plan.evaluations.tabulation,
        "bootstrap": plan.config.sizes.bootstrap,
    }


def tabulate(_: Inputs, parameters: Parameters) -> pd.DataFrame:
    """Return the table."""
    from stembench.reporting.tabulation import read_detection

    parts = parameters["parts"]
    results = read_detection(parameters["methods"], weak_strength=parts["weak_strength"], rim=parts["rim_A"])
    return precision_table(results, parameters["bootstrap"])


def caption(plan: Plan, _: str) -> str:
    """Return the caption, which the figure has too."""
    return (
        "Localisation error of found columns against dose where the noise is Poisson's alone and columns lie at least "
        "one probe FWHM apart, with the Cramér-Rao bound from the joint Fisher information of all labelled columns. "
        "Maps of networks are read by tuned maxima. Columns whose bound exceeds a third of the match radius are left "
        "out, since matching cuts their errors. The Gaussian fit flattens where its model and not the noise limits it: "
        "the probes have wings that a Gaussian has not. Bars: 95 % bootstrap over structures."
    )


TABLE = Table(
    subjects=once(lambda plan: plan.evaluations.detection, "precision_vs_dose"),
    inputs=detection.inputs,
    parameters=parameters,
    tabulate=tabulate,
    caption=caption,
    needs="a test set with images",
)
