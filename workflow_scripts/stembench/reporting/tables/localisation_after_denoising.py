"""Precision on lab images of one crystal after each denoiser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stembench.reporting.base import Inputs, Parameters, Table, once
from stembench.reporting.published import published_digest

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan


def localisation_after_denoising_table(methods: Sequence[dict], resamplings: int) -> pd.DataFrame:
    """Return the lattice precision after each denoiser, and the frames for 1 pm.

    `frames_for_1pm` is the least number of frames as precise as this one whose mean has spacings of an SD of 1 pm, if
    the errors of frames are independent: (`sd_pm` / 1 pm)^2, rounded up.

    Parameters
    ----------
    methods : sequence of dict
        As for `lattice_precision_table`, and `images`, the folder of the denoised images.
    resamplings : int
        Bootstrap samples.
    """
    import pandas as pd

    from stembench.evaluation.lattice_precision import AXES, DENOISER
    from stembench.products import read_parquet
    from stembench.reporting.tabulation import by_method, in_order, lattice_row

    rows = []
    for identity, seeds in by_method(pd.DataFrame(methods).assign(note="")):
        shown = read_parquet(Path(seeds.images.iloc[0]) / "samples.parquet")[list(DENOISER)].drop_duplicates()
        for denoised in shown.to_dict("records"):
            for axis in AXES:
                row = lattice_row(identity, seeds, denoised | {"axis": axis}, resamplings)
                ends = ("", "_low", "_high")
                rows.append(row | {f"frames_for_1pm{end}": np.ceil(row[f"sd_pm{end}"] ** 2) for end in ends})
    return in_order(rows)


def inputs(plan: Plan, _: str) -> dict[str, Any]:
    """Return the lattices that methods found, and the denoised images."""
    rows = plan.evaluations.denoised_lattice
    return {"evaluations": plan.evaluations.lattices(rows), "images": sorted({str(row.images) for row in rows})}


def parameters(plan: Plan, _: str) -> dict[str, Any]:
    """Return the rows, and which published numbers stand beside them."""
    return {
        "methods": [row.plain() for row in plan.evaluations.denoised_lattice],
        "published": plan.config.evaluation.published,
        "numbers": published_digest(),
        "bootstrap": plan.config.sizes.bootstrap,
    }


def tabulate(_: Inputs, parameters: Parameters) -> pd.DataFrame:
    """Return the table."""
    from stembench.reporting.published import beside_published

    table = localisation_after_denoising_table(parameters["methods"], parameters["bootstrap"])
    return beside_published(table, "localisation_after_denoising", parameters["published"])


def caption(plan: Plan, _: str) -> str:
    """Return the caption."""
    finders = ", ".join(plan.config.evaluation.localised_after_denoising)
    return (
        "Lab images that show one crystal, undegraded, as they are (`denoiser` none) and after each denoiser: every "
        "network for `denoiser_task`, trained on `denoiser_dataset`, and the tuned filter of the highest PSNR on "
        "validation images; of networks the first seed. Columns are found in each by the first network that localises "
        f"and by {finders}. Mean and SD of the spacings between columns one lattice vector apart, and the slope of "
        "found on injected displacements (1 is right, 0 a denoiser or method that draws a lattice). `frames_for_1pm` "
        "is the number of frames as precise as this one whose mean has an SD of 1 pm if their errors are independent, "
        "(`sd_pm` / 1 pm)² rounded up; distortion that all frames share is not averaged away. Intervals: 95 % "
        "bootstrap over blocks of the image and over displaced columns. `paper_sd_pm` is printed for another image of "
        "the same kind and stands where `evaluation.published` says so."
    )


TABLE = Table(
    subjects=once(lambda plan: plan.evaluations.denoised_lattice, "localisation_after_denoising"),
    inputs=inputs,
    parameters=parameters,
    tabulate=tabulate,
    caption=caption,
    needs="a lab test set of one crystal",
)
