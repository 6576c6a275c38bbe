"""Detection by every method on every test set beyond the training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stembench.reporting.base import Inputs, Parameters, Table, once

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan


def inputs(plan: Plan, _: str) -> dict[str, Any]:
    """Return the columns that every method found."""
    return {"evaluations": plan.evaluations.scored(plan.evaluations.generalisation_rows)}


def parameters(plan: Plan, _: str) -> dict[str, Any]:
    """Return the rows, and how columns are divided."""
    return {
        "methods": [row.plain() for row in plan.evaluations.generalisation_rows],
        "parts": plan.evaluations.tabulation,
        "bootstrap": plan.config.sizes.bootstrap,
    }


def tabulate(_: Inputs, parameters: Parameters) -> pd.DataFrame:
    """Return the table. The sets are small: subsets of them stand in the table where they have intervals."""
    from stembench.evaluation.intervals import MIN_UNITS
    from stembench.reporting.tabulation import detection_table, read_detection

    parts = parameters["parts"]
    results = read_detection(parameters["methods"], weak_strength=parts["weak_strength"], rim=parts["rim_A"])
    return detection_table(results, parameters["bootstrap"], MIN_UNITS)


def caption(plan: Plan, _: str) -> str:
    """Return the caption, which the figure has too."""
    return (
        "Detection beyond the training: simulated test sets that each differ from the training images in one thing, as "
        "their recipes under `generalisation.testsets` in the configuration say. Methods were tuned on validation "
        f"images of {plan.config.generalisation.tuned_on}, for the nearest dose, and no network was trained on these "
        "sets. `periodic` are perfect crystals, the nearest to the default training. `hidden=true` are columns under "
        f"an overlayer, `rim=edge` those of particles within {plan.config.evaluation.rim_A:g} Å of the outline; "
        "`..._wrong_prior` is a network that is given another material's structure. F1 of columns at least one probe "
        "FWHM from their neighbours; 95 % bootstrap over structures."
    )


TABLE = Table(
    subjects=once(lambda plan: plan.evaluations.generalisation_rows, "generalisation"),
    inputs=inputs,
    parameters=parameters,
    tabulate=tabulate,
    caption=caption,
    needs="a material of a test set of `generalisation.testsets`",
)
