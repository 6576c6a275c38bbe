"""Images that filters and networks make of every simulated test set, against the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stembench.reporting.base import Inputs, Parameters, Table, once
from stembench.reporting.published import published_digest

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan


def inputs(plan: Plan, _: str) -> dict[str, Any]:
    """Return the scores of every image."""
    return {"evaluations": plan.evaluations.enhanced(plan.evaluations.enhancement)}


def parameters(plan: Plan, _: str) -> dict[str, Any]:
    """Return the rows, and which published numbers stand beside them."""
    return {
        "methods": [row.plain() for row in plan.evaluations.enhancement],
        "published": plan.config.evaluation.published,
        "numbers": published_digest(),
        "bootstrap": plan.config.sizes.bootstrap,
    }


def tabulate(_: Inputs, parameters: Parameters) -> pd.DataFrame:
    """Return the table."""
    from stembench.reporting.published import beside_published
    from stembench.reporting.tabulation import enhancement_table, read_enhancement

    table = enhancement_table(read_enhancement(parameters["methods"]), parameters["bootstrap"])
    return beside_published(table, "enhancement", parameters["published"])


def caption(plan: Plan, _: str) -> str:
    """Return the caption."""
    return (
        "PSNR (peak 255, mean over images) and SSIM of noise and background removal, against the noise- and "
        "background-free image: `psnr_free_db` and `ssim_free` with the gain and offset of each image free, `psnr_db` "
        "and `ssim` as images are, which judge the level of black more than the columns. Filters are followed by "
        "background subtraction and scaling, all tuned for each dose on validation images, for either measure. "
        "Networks have the losses and crops of their papers; the studies `denoisers` and `denoisers_equal_time` train "
        "them alike. "
        "`paper_*` are printed numbers, of networks of full width that were trained and tested on the paper's own set."
    )


TABLE = Table(
    subjects=once(lambda plan: plan.evaluations.enhancement, "enhancement"),
    inputs=inputs,
    parameters=parameters,
    tabulate=tabulate,
    caption=caption,
    needs="a simulated test set with images",
)
