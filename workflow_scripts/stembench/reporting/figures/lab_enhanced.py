"""A block of each lab test set before and after enhancement by each network and the best filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stembench.reporting.base import Figure, Inputs, Parameters, each
from stembench.reporting.figures import enhanced

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from stembench.planning import Plan


def inputs(plan: Plan, testset: str) -> dict[str, Any]:
    """Return the images of each method, and the tuned settings that tell the best filter."""
    return {**enhanced.inputs(plan, testset), "filters": plan.evaluations.tuned_filters(testset)}


def parameters(plan: Plan, testset: str) -> dict[str, Any]:
    """Return the methods, and the dose of the image."""
    return {**enhanced.parameters(plan, testset), "counts_per_px": plan.evaluations.shown_dose(testset)}


def draw(inputs: Inputs, parameters: Parameters) -> Drawing:
    """Draw the figure."""
    from stembench.evaluation.tuning import best_tuned

    best, _ = best_tuned(inputs["filters"], [f"{parameters['counts_per_px']:g}"])
    examples = enhanced.read_examples(inputs, parameters)
    shown = [method["kind"] == "network" or method["method"] == best for method in parameters["methods"]]
    return enhanced.draw_enhancement({name: examples[name] for name, is_shown in zip(examples, shown) if is_shown})


def caption(plan: Plan, testset: str) -> str:
    """Return the caption."""
    return (
        f"The block of the lab image {testset} that holds most columns, as it was recorded and Poisson-thinned to "
        f"{plan.evaluations.shown_dose(testset):g} counts per pixel at the peak, after the filter of the highest PSNR "
        "on simulated validation images at that dose, and after each network that removes noise and background (seed "
        f"0, scale {plan.config.scale}), none of which was trained on lab images. Filters process the recorded image "
        "with their settings for the highest dose. There is no truth to score against; each panel has grey levels of "
        "its own."
    )


FIGURE = Figure(
    subjects=each(lambda plan: plan.evaluations.lab_enhanced, "lab_enhanced_{}"),
    inputs=inputs,
    parameters=parameters,
    draw=draw,
    caption=caption,
    needs="a lab test set",
    category="Lab images",
    dpi=300,
)
