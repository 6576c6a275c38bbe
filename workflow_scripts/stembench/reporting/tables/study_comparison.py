"""Paired differences of the rows of each study from those that it compares with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from stembench.reporting.base import Inputs, Parameters, Table, each, study_reported
from stembench.reporting.tables import study

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan


def study_comparison(results: pd.DataFrame, resamplings: int, compared_with: Sequence[str] = ()) -> pd.DataFrame:
    """Return paired differences of a study's rows from some of them.

    All metrics on whole test sets; at each dose, and of columns under an overlayer, F1 and precision, or of images the
    first metric.

    Parameters
    ----------
    results : DataFrame
        As `read_detection` or `read_enhancement` gives them.
    resamplings : int
        Bootstrap samples.
    compared_with : sequence of str
        Rows that all others are compared with; if none is named, the first.
    """
    from stembench.evaluation.intervals import Resampled
    from stembench.evaluation.metrics import compared_metrics, enhancement_metrics
    from stembench.reporting.tabulation import (
        DETECTION_COMPARED,
        IMAGES_COMPARED,
        by_method,
        by_subset,
        compared_row,
        comparison_table,
        resampled_sums,
    )

    metrics: Callable = enhancement_metrics
    compared: Sequence[str] = IMAGES_COMPARED
    of_parts, hidden = compared[:1], results.iloc[:0]
    if "part" in results:
        hidden, results = results[results.part == "hidden=true"], results[results.part == "all"]
        of_parts = (DETECTION_COMPARED[0], "precision")
        metrics, compared = compared_metrics, (*DETECTION_COMPARED, "precision")
    members: dict[tuple[str, str], list[tuple[dict, pd.DataFrame, Resampled]]] = {}
    under = ((identity, "hidden=true", part) for identity, part in by_method(hidden))
    for identity, subset, part in chain(by_subset(results), under):
        if subset.partition("=")[0] not in ("all", "counts_per_px", "hidden"):
            continue
        ours = Resampled.of(resampled_sums(part), metrics, resamplings, identity["method"])
        members.setdefault((identity["testset"], subset), []).append((identity, part, ours))
    rows = []
    for (_, subset), those in members.items():
        names = [identity["method"] for identity, _, _ in those]
        for other in compared_with or names[:1]:
            if other in names:
                theirs = those[names.index(other)][2]
                rows += [
                    compared_row(identity, subset, part, ours, other, theirs, metric)
                    for identity, part, ours in those
                    if identity["method"] != other
                    for metric in (compared if subset == "all" else of_parts)
                ]
    return comparison_table(rows)


def parameters(plan: Plan, name: str) -> dict[str, Any]:
    """Return those of the study's table, and the rows that others are compared with."""
    return study.parameters(plan, name) | {"compared_with": plan.evaluations.study(name).compared_with}


def tabulate(_: Inputs, parameters: Parameters) -> pd.DataFrame:
    """Return the table."""
    from stembench.reporting.published import beside_published

    rows = study_comparison(study.read_results(parameters), parameters["bootstrap"], parameters["compared_with"])
    return beside_published(rows, f"{parameters['study']}_comparison", parameters["published"])


TABLE = Table(
    subjects=each(lambda plan: plan.evaluations.studies, "{}_comparison"),
    inputs=study.inputs,
    parameters=parameters,
    tabulate=tabulate,
    caption=study.caption,
    needs="a study whose datasets all hold images",
    reported=study_reported,
    of_studies=True,
)
