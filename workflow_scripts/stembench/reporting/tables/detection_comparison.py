"""Paired differences in detection between networks, and from the baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stembench.reporting.base import Inputs, Parameters, Table, once
from stembench.reporting.tables import detection

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan


def detection_comparison(results: pd.DataFrame, resamplings: int) -> pd.DataFrame:
    """Return paired differences of each network from each baseline and, on whole test sets, from each other network.

    F1 everywhere; on whole test sets also the RMSE of columns that all found, and the published variants. Resolved
    columns, networks by their default localiser.
    """
    from stembench.evaluation.metrics import compared_metrics
    from stembench.reporting.tabulation import DETECTION_COMPARED, by_default, comparison

    return comparison(by_default(results[results.part == "all"]), compared_metrics, DETECTION_COMPARED, resamplings)


def tabulate(_: Inputs, parameters: Parameters) -> pd.DataFrame:
    """Return the table."""
    from stembench.reporting.published import beside_published
    from stembench.reporting.tabulation import read_detection

    parts = parameters["parts"]
    results = read_detection(parameters["methods"], weak_strength=parts["weak_strength"], rim=parts["rim_A"])
    table = detection_comparison(results, parameters["bootstrap"])
    return beside_published(table, "detection_comparison", parameters["published"])


def caption(plan: Plan, _: str) -> str:
    """Return the caption."""
    return (
        "Paired differences of each network, read by tuned maxima, from each baseline and, on whole test sets, from "
        "each other network (`baseline` names the other one), on the same images, with 95 % intervals by bootstrap "
        "over structures and, where there are several, training seeds. `p`: probability of a difference as large by "
        "chance. `significant`: after Benjamini and Hochberg, among all differences in a metric on a test set, so that "
        "at most 5 % of those called significant are none; Markdown and LaTeX mark the others n.s. `gain_percent` is "
        "the method's value over the other's less one, and of distances the other's over the method's less one; "
        "`paper_gain_percent` is printed for other images and networks of full width, with a definition that is not "
        "public."
    )


TABLE = Table(
    subjects=once(lambda plan: plan.evaluations.detection, "detection_comparison"),
    inputs=detection.inputs,
    parameters=detection.parameters,
    tabulate=tabulate,
    caption=caption,
    needs="a test set with images",
)
