"""Precision of every method on every lab image of one crystal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stembench.reporting.base import Inputs, Parameters, Table, once
from stembench.reporting.published import published_digest

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan


def lattice_precision_table(methods: Sequence[dict], resamplings: int) -> pd.DataFrame:
    """Return one row per method and axis of each lab image of one crystal.

    Spacings have intervals over blocks of the image, the response to displacements over displaced columns.

    Parameters
    ----------
    methods : sequence of dict
        For each evaluation its `folder`, the `image` and the row's beginning, as for `read_detection`.
    resamplings : int
        Bootstrap samples.
    """
    import pandas as pd

    from stembench.evaluation.lattice_precision import AXES
    from stembench.reporting.tabulation import by_method, in_order, lattice_row

    rows = []
    for identity, seeds in by_method(pd.DataFrame(methods).assign(note="")):
        rows += [lattice_row(identity, seeds, {"axis": axis}, resamplings) for axis in AXES]
    return in_order(rows)


def parameters(plan: Plan, _: str) -> dict[str, Any]:
    """Return the rows, and which published numbers stand beside them."""
    return {
        "methods": [row.plain() for row in plan.evaluations.lattice],
        "published": plan.config.evaluation.published,
        "numbers": published_digest(),
        "bootstrap": plan.config.sizes.bootstrap,
    }


def tabulate(_: Inputs, parameters: Parameters) -> pd.DataFrame:
    """Return the table."""
    from stembench.reporting.published import beside_published

    table = lattice_precision_table(parameters["methods"], parameters["bootstrap"])
    return beside_published(table, "lattice_precision", parameters["published"])


def caption(plan: Plan, _: str) -> str:
    """Return the caption."""
    return (
        "Lab images that show one crystal, undegraded: mean and SD of the spacings between columns one lattice vector "
        "apart (a the shorter one), and the slope of found on injected displacements of 5 to 20 pm of single columns "
        "far from each other, which is 1 for a method that sees them and 0 for one that puts columns onto a lattice. "
        "Methods have their settings for the highest dose that they are tuned for. Intervals: 95 % bootstrap over "
        "blocks of the image and over displaced columns. `paper_sd_pm` is printed for another image of the same kind "
        "and stands where `evaluation.published` says so."
    )


TABLE = Table(
    subjects=once(lambda plan: plan.evaluations.lattice, "lattice_precision"),
    inputs=lambda plan, _: {"evaluations": plan.evaluations.lattices(plan.evaluations.lattice)},
    parameters=parameters,
    tabulate=tabulate,
    caption=caption,
    needs="a lab test set of one crystal",
)
