"""Paired differences in enhancement between networks, and from the filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stembench.reporting.base import Inputs, Parameters, Table, once
from stembench.reporting.tables import enhancement

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan


def enhancement_comparison(results: pd.DataFrame, resamplings: int) -> pd.DataFrame:
    """Return paired differences in PSNR [dB] with gain and offset free and, on whole test sets, in all measures."""
    from stembench.evaluation.metrics import enhancement_metrics
    from stembench.reporting.tabulation import IMAGES_COMPARED, comparison

    return comparison(results, enhancement_metrics, IMAGES_COMPARED, resamplings)


def parameters(plan: Plan, _: str) -> dict[str, Any]:
    """Return the rows."""
    methods = [row.plain() for row in plan.evaluations.enhancement]
    return {"methods": methods, "bootstrap": plan.config.sizes.bootstrap}


def tabulate(_: Inputs, parameters: Parameters) -> pd.DataFrame:
    """Return the table."""
    from stembench.reporting.tabulation import read_enhancement

    return enhancement_comparison(read_enhancement(parameters["methods"]), parameters["bootstrap"])


def caption(plan: Plan, _: str) -> str:
    """Return the caption."""
    return (
        "Paired differences in PSNR (dB) and SSIM, with gain and offset free and as images are, between each network "
        "and each tuned filter, and between networks, on the same images, with 95 % intervals by bootstrap over "
        "structures and, where there are several, training seeds. `significant`: after Benjamini and Hochberg, among "
        "all differences in a metric on a test set."
    )


TABLE = Table(
    subjects=once(lambda plan: plan.evaluations.enhancement, "enhancement_comparison"),
    inputs=enhancement.inputs,
    parameters=parameters,
    tabulate=tabulate,
    caption=caption,
    needs="a simulated test set with images",
)
