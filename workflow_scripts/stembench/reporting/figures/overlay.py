"""The columns that each method found in a block of each lab test set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stembench.reporting.base import Figure, each
from stembench.reporting.figures import found

if TYPE_CHECKING:
    from stembench.planning import Plan


def parameters(plan: Plan, testset: str) -> dict[str, Any]:
    """Return the methods, and the dose that is shown."""
    return found.parameters(plan, testset, plan.evaluations.shown_dose(testset))


def caption(plan: Plan, testset: str) -> str:
    """Return the caption."""
    return (
        f"The columns that each method found in a block of the lab image {testset} at "
        f"{plan.evaluations.shown_dose(testset):g} counts per pixel at the peak: circles were found, squares missed, "
        f"crosses are false; a border of {plan.config.evaluation.border_A:g} Å is not scored. By the mean of F1 over "
        "the methods a quarter of all blocks and noise draws at this dose is harder. Reference columns are those of "
        f"the figure `reference_{testset}`. Maps of networks (seed 0) are read by tuned maxima."
    )


FIGURE = Figure(
    subjects=each(lambda plan: plan.evaluations.lab_detection, "overlay_{}"),
    inputs=found.inputs,
    parameters=parameters,
    draw=found.draw,
    caption=caption,
    needs="a lab test set on which detection is scored",
    category="Lab images",
    dpi=300,
)
