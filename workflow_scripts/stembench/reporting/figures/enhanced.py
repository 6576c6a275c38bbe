"""Test images after each filter and network, beside the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stembench.reporting.base import Figure, Inputs, Parameters, each

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from stembench.evaluation.examples import Examples
    from stembench.planning import Plan

_PANELS_A_LINE = 6


def draw_enhancement(methods: Mapping[str, Examples]) -> Drawing:
    """Draw lines of panels for each image: as it is, after each method and, where it is known, the truth and the PSNR.

    What methods make of an image has the gain and offset that fit the truth best, and is shown with its grey levels.

    Raises
    ------
    ValueError
        If there is no method, or a method has no image.
    """
    from stembench.evaluation.metrics import free_image_quality
    from stembench.evaluation.scale import on_its_scale
    from stembench.reporting.style import PAGE_IN, image_grid, show_image

    empty = [name for name, examples in methods.items() if not len(examples.images)]
    if empty or not methods:
        raise ValueError(f"no images after {', '.join(empty) or 'any method'}")
    first = next(iter(methods.values()))  # all are of the same images
    known = len(first.targets) > 0
    lines = -(-(1 + len(methods) + known) // _PANELS_A_LINE)
    figure, panels = image_grid(lines * len(first.images), _PANELS_A_LINE, PAGE_IN, title_lines=1 + known)
    for number, (title, pixel_size) in enumerate(zip(first.titles, first.pixel_sizes)):
        shown = {f"{title}, ": first.images[number]}
        shown |= {f"{name}\n": examples.outputs[number] for name, examples in methods.items()}
        row = panels[lines * number : lines * (number + 1)].ravel()
        for panel, (name, image) in zip(row, shown.items()):
            psnr = ""
            if known:
                psnr = f"{free_image_quality(image, first.targets[number])['psnr_free_db']:.1f} dB"
                image = on_its_scale(image, first.targets[number])
            show_image(panel, image, pixel_size, f"{name}{psnr}".rstrip(", \n"), 6.5)
        if known:
            truth = row[len(shown)]
            show_image(truth, first.targets[number], pixel_size, "truth\n", 6.5)
            for panel in row[1 : len(shown)]:
                panel.images[0].set_clim(truth.images[0].get_clim())
    return figure


def inputs(plan: Plan, testset: str) -> dict[str, Any]:
    """Return the images of each method."""
    return {"examples": plan.evaluations.examples(plan.evaluations.shown_enhancers(testset))}


def parameters(plan: Plan, testset: str) -> dict[str, Any]:
    """Return the methods."""
    return {"methods": [row.plain() for row in plan.evaluations.shown_enhancers(testset)]}


def read_examples(inputs: Inputs, parameters: Parameters) -> dict[str, Examples]:
    """Return the images of each method by its label."""
    from stembench.evaluation.examples import Examples
    from stembench.reporting.style import method_labels

    return dict(zip(method_labels(parameters["methods"]), map(Examples.read, inputs["examples"])))


def draw(inputs: Inputs, parameters: Parameters) -> Drawing:
    """Draw the figure."""
    return draw_enhancement(read_examples(inputs, parameters))


def caption(plan: Plan, testset: str) -> str:
    """Return the caption."""
    return (
        f"Test images of {testset} (of a series of doses at the lowest but one), after each filter, tuned for that "
        f"dose with background subtraction, after each network (seed 0, scale {plan.config.scale}), and the noise- and "
        "background-free truth; PSNR of each with gain and offset free. e/px: electrons counted in the pixel at the "
        "brightest column. Images far from each other in the test split, not chosen by eye; outputs of methods have "
        "the gain and offset that fit the truth best, and its grey levels."
    )


FIGURE = Figure(
    subjects=each(lambda plan: plan.evaluations.simulated_testsets, "enhanced_{}"),
    inputs=inputs,
    parameters=parameters,
    draw=draw,
    caption=caption,
    needs="a simulated test set with images",
    dpi=300,
)
