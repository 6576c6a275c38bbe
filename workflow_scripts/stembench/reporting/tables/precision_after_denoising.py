"""Localisation error in simulated images at each dose, before and after each denoiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stembench.reporting.base import Table, once

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan


def precision_after_denoising_table(methods: Sequence[dict], resamplings: int) -> pd.DataFrame:
    """Return one row per denoiser and dose of each simulated test set.

    Parameters
    ----------
    methods : sequence of dict
        For each evaluation the row's beginning, as for `read_detection`, and `images`, the Parquet file of the sums
        over the columns of each image by `denoiser` and dose.
    resamplings : int
        Bootstrap samples.
    """
    from stembench.evaluation.lattice_precision import DENOISER
    from stembench.evaluation.metrics import precision_metrics
    from stembench.products import read_parquet
    from stembench.reporting.tabulation import IDENTITY, METHOD, in_order, metric_row

    rows = []
    for method in methods:
        images = read_parquet(method["images"]).assign(seed=method["seed"])
        identity = {key: method[key] for key in (*METHOD[:-1], "testset")} | {"note": ""}
        levels = images.groupby([*DENOISER, "counts_per_px"], sort=False) if len(images) else ()
        for (*named, counts), level in levels:
            sums = level.drop(columns=list(DENOISER))
            row = metric_row(identity, f"counts_per_px={counts:g}", sums, precision_metrics, resamplings)
            beginning = {key: row.pop(key) for key in IDENTITY} | dict(zip(DENOISER, named))
            rows.append(beginning | {"counts_per_px_peak": counts} | row)
    return in_order(rows)


def parameters(plan: Plan, _: str) -> dict[str, Any]:
    """Return the rows."""
    methods = [row.plain() for row in plan.evaluations.denoised_precision]
    return {"methods": methods, "bootstrap": plan.config.sizes.bootstrap}


def caption(plan: Plan, _: str) -> str:
    """Return the caption."""
    return (
        f"Columns found by the 2-D Gaussian fit in {plan.config.evaluation.images_after_denoising} simulated images at "
        "each dose, as they are (`denoiser` none) and after each denoiser: every network, its first seed, and the "
        "tuned filter of the highest PSNR on validation images. The noise is Poisson's alone, columns lie at least one "
        "probe FWHM apart, and those whose bound exceeds a third of the match radius are left out. `crlb_pm` is the "
        "Cramér-Rao bound of the images as they are: an unbiased estimate cannot beat it, before denoising or after; "
        "an error below it draws on the crystals that a network has seen. Intervals: 95 % bootstrap over structures."
    )


TABLE = Table(
    subjects=once(lambda plan: plan.evaluations.denoised_precision, "precision_after_denoising"),
    inputs=lambda plan, _: {"images": [row.images for row in plan.evaluations.denoised_precision]},
    parameters=parameters,
    tabulate=lambda _, parameters: precision_after_denoising_table(parameters["methods"], parameters["bootstrap"]),
    caption=caption,
    needs="a simulated test set with images at several doses",
)
