"""Paired differences of the variants of each study from its first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from stembench.reporting.base import Inputs, Parameters, Table, each
from stembench.reporting.tables import study

if TYPE_CHECKING:
    import pandas as pd


def study_comparison(results: pd.DataFrame, resamplings: int) -> pd.DataFrame:
    """Return paired differences of a study's rows from its first one, on whole test sets.

    Parameters
    ----------
    results : DataFrame
        As `read_detection` or `read_enhancement` gives them.
    resamplings : int
        Bootstrap samples.
    """
    from stembench.evaluation.intervals import Resampled
    from stembench.evaluation.metrics import compared_metrics, enhancement_metrics
    from stembench.reporting.tabulation import (
        DETECTION_COMPARED,
        IMAGES_COMPARED,
        by_method,
        compared_row,
        comparison_table,
        resampled_sums,
    )

    metrics: Callable = enhancement_metrics
    compared: Sequence[str] = IMAGES_COMPARED
    if "part" in results:
        results, metrics, compared = results[results.part == "all"], compared_metrics, DETECTION_COMPARED
    rows = []
    for _, members in results.groupby("testset", sort=False):
        parts = list(by_method(members))
        resampled = [
            Resampled.of(resampled_sums(part), metrics, resamplings, identity["method"]) for identity, part in parts
        ]
        (reference, _), first = parts[0], resampled[0]
        for (identity, part), ours in zip(parts[1:], resampled[1:]):
            rows += [
                compared_row(identity, "all", part, ours, reference["method"], first, metric) for metric in compared
            ]
    return comparison_table(rows)


def tabulate(_: Inputs, parameters: Parameters) -> pd.DataFrame:
    """Return the table."""
    return study_comparison(study.read_results(parameters), parameters["bootstrap"])


TABLE = Table(
    subjects=each(lambda plan: plan.evaluations.studies, "{}_comparison"),
    inputs=study.inputs,
    parameters=study.parameters,
    tabulate=tabulate,
    caption=study.caption,
    needs="a study whose datasets all hold images",
    reported=lambda plan, _: plan.config.sizes.studies,
)
