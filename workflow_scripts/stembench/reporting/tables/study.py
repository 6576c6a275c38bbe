"""The variants of each study beside each other, on the same test images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stembench.reporting.base import Inputs, Parameters, Table, each, study_reported
from stembench.reporting.published import published_digest

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan


def inputs(plan: Plan, study: str) -> dict[str, Any]:
    """Return the scores of every variant and baseline."""
    return {"evaluations": plan.evaluations.study_inputs(study)}


def parameters(plan: Plan, study: str) -> dict[str, Any]:
    """Return the rows, what is scored, and which published numbers stand beside them."""
    return {
        "study": study,
        "methods": [row.plain() for row in plan.evaluations.study_rows(study)],
        "scored": plan.evaluations.study(study).scored,
        "parts": plan.evaluations.tabulation,
        "published": plan.config.evaluation.published,
        "numbers": published_digest(),
        "bootstrap": plan.config.sizes.bootstrap,
    }


def read_results(parameters: Parameters) -> pd.DataFrame:
    """Return sums over the images of every variant and baseline."""
    from stembench.reporting.tabulation import read_detection, read_enhancement

    if parameters["scored"] == "images":
        return read_enhancement(parameters["methods"])
    parts = parameters["parts"]
    return read_detection(parameters["methods"], weak_strength=parts["weak_strength"], rim=parts["rim_A"])


def tabulate(_: Inputs, parameters: Parameters) -> pd.DataFrame:
    """Return the table."""
    from stembench.reporting.published import beside_published
    from stembench.reporting.tabulation import detection_table, enhancement_table

    table = enhancement_table if parameters["scored"] == "images" else detection_table
    rows = table(read_results(parameters), parameters["bootstrap"])
    return beside_published(rows, parameters["study"], parameters["published"])


def caption(plan: Plan, study: str) -> str:
    """Return the caption, which the table of comparisons has too."""
    others = plan.evaluations.study(study).compared_with
    compared = ", ".join(others) if others else "the first of them"
    return (
        f"Variants of the study {study} beside each other, on the same test images, and in the table of comparisons "
        f"their paired differences from {compared} with 95 % intervals over structures and seeds; `n.s.` marks "
        "differences that are not significant after Benjamini and Hochberg. `paper_*` are printed numbers, of networks "
        "of full width, trained and tested on the paper's own set."
    )


TABLE = Table(
    subjects=each(lambda plan: plan.evaluations.studies, "{}"),
    inputs=inputs,
    parameters=parameters,
    tabulate=tabulate,
    caption=caption,
    needs="a study whose datasets all hold images",
    reported=study_reported,
    of_studies=True,
)
