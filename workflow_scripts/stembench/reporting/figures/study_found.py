"""The columns that a network found in an occluded image, told the structure, another's and none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stembench.reporting.base import Figure, Inputs, Parameters, each, study_reported
from stembench.reporting.figures.found import draw_found

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from stembench.planning import Plan
    from stembench.planning.evaluations import Row

_ARRANGEMENT, _COUNTS_PER_PX, _HARDER = "occluded", 3.0, 0.5
_TOLD = {"none": "told no structure", "right": "told the structure", "wrong": "told another structure"}


def _studies(plan: Plan) -> list[str]:
    """Return the studies in which a network is told different structures, with images of columns under an overlayer."""
    return [name for name in plan.evaluations.studies if _testsets(plan, name) and _rows(plan, name)]


def _testsets(plan: Plan, study: str) -> list[str]:
    """Return the test sets with occluded images at the dose that is shown."""
    recipes = plan.config.simulated
    return [
        name
        for name in plan.evaluations.study_testsets(study)
        if name in recipes
        and _ARRANGEMENT in recipes[name].arrangements
        and _COUNTS_PER_PX in getattr(recipes[name].noise, "test_counts_per_px", ())
    ]


def _rows(plan: Plan, study: str) -> list[Row]:
    """Return the first seed of the network that is told none, the right one and a wrong one."""
    variants = plan.evaluations.study(study).variants
    network = next((variant.network for variant in variants.values() if variant.prior != "right"), None)
    told = {name: variant.prior for name, variant in variants.items() if variant.network == network}
    rows = [
        row
        for row in plan.evaluations.study_rows(study)
        if row.method in told and row.testset in _testsets(plan, study)[:1] and row.seed == 0
    ]
    rows = [replace(row, method=_TOLD[told[row.method]]) for row in rows]
    return sorted(rows, key=lambda row: [*_TOLD.values()].index(row.method)) if network else []


def inputs(plan: Plan, study: str) -> dict[str, Any]:
    """Return the images, and what was found in them."""
    found = plan.evaluations.scored(_rows(plan, study))
    return {"evaluations": found, "test": plan.evaluations.images(_testsets(plan, study)[0])}


def parameters(plan: Plan, study: str) -> dict[str, Any]:
    """Return the rows, and which image is shown."""
    shown = {"counts_per_px": _COUNTS_PER_PX, "arrangement": _ARRANGEMENT, "harder": _HARDER}
    return {"methods": [row.plain() for row in _rows(plan, study)]} | shown


def draw(inputs: Inputs, parameters: Parameters) -> Drawing:
    """Draw the figure."""
    return draw_found(inputs["test"], **parameters)


def caption(plan: Plan, study: str) -> str:
    """Return the caption."""
    return (
        f"A crystal under an overlayer at {_COUNTS_PER_PX:g} electrons a pixel, with its true columns, those that the "
        f"overlayer hides apart, and what the network of the study {study} (seed 0) finds that is told no structure, "
        "the right one and that of another material: circles were found, squares missed, crosses are false; a border "
        f"of {plan.config.evaluation.border_A:g} Å is not scored. Half of such images are harder."
    )


FIGURE = Figure(
    subjects=each(_studies, "study_found_{}"),
    inputs=inputs,
    parameters=parameters,
    draw=draw,
    caption=caption,
    needs="a study in which a network is told a structure, another's and none, with occluded images",
    reported=study_reported,
    of_studies=True,
    dpi=300,
)
