"""Detection by every method on every test set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stembench.reporting.base import Inputs, Parameters, Table, once
from stembench.reporting.published import published_digest

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan


def inputs(plan: Plan, _: str) -> dict[str, Any]:
    """Return the columns that every method found."""
    return {"evaluations": plan.evaluations.scored(plan.evaluations.detection)}


def parameters(plan: Plan, _: str) -> dict[str, Any]:
    """Return the rows, how columns are divided, and which published numbers stand beside them."""
    return {
        "methods": [row.plain() for row in plan.evaluations.detection],
        "parts": plan.evaluations.tabulation,
        "published": plan.config.evaluation.published,
        "numbers": published_digest(),
        "bootstrap": plan.config.sizes.bootstrap,
    }


def tabulate(_: Inputs, parameters: Parameters) -> pd.DataFrame:
    """Return the table."""
    from stembench.reporting.published import beside_published
    from stembench.reporting.tabulation import detection_table, read_detection

    parts = parameters["parts"]
    results = read_detection(parameters["methods"], weak_strength=parts["weak_strength"], rim=parts["rim_A"])
    return beside_published(detection_table(results, parameters["bootstrap"]), "detection", parameters["published"])


def caption(plan: Plan, _: str) -> str:
    """Return the caption."""
    evaluation = plan.config.evaluation
    return (
        "Detection by every method on every test set: optimal one-to-one matching within half the nearest-neighbour "
        f"distance, at most {evaluation.match_radius_A:g} Å; a border of {evaluation.border_A:g} Å is left out. "
        "Settings of maxima (both Gaussian fits start from them) were tuned for each dose on validation images; the "
        "other localisers of networks have none. `all` and the doses hold columns at least one probe FWHM from their "
        "neighbours, `unresolved=true` the rest. References of lab images in which nobody marked columns are maxima of "
        "the smoothed, background-subtracted image, which favours the finders that do the same. Intervals: 95 % "
        "bootstrap over structures or lab image blocks. RMSE and bias are of matched columns whose true position is "
        "known, and blank for lab images, whose references are found themselves; `rmse_common_pm` is over the "
        "`n_common` columns that all compared methods found (networks by tuned maxima, finders; methods that could not "
        "be had do not count), so that a method that finds less does not look sharper; `bias_to_neighbour_pm` is the "
        "mean error towards the nearest neighbour; multiples of the Cramér-Rao bound are of images with shot noise "
        "alone, where the bound is at most a third of the match radius. `mutualnn_*` are the published variants "
        "(mutual nearest neighbours at any distance, Jaccard index with the published formula, chamfer distance in px; "
        "means over whole images) for comparison alone: random points reach an F1 of 0.6 by them."
    )


TABLE = Table(
    subjects=once(lambda plan: plan.evaluations.detection, "detection"),
    inputs=inputs,
    parameters=parameters,
    tabulate=tabulate,
    caption=caption,
    needs="a test set with images",
)
