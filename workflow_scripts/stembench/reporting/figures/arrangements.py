"""An image of each arrangement: the finite and imperfect objects that datasets can show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stembench.config import Arrangement, Dataset, Imaging
from stembench.reporting.base import Figure, Inputs, Parameters, once

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from stembench.crystals.material import Material
    from stembench.planning import Plan

_PIXELS = 256
_PIXEL_SIZE_A = 0.15
_COLUMNS = 5


def draw_arrangements(
    arrangements: dict[str, Arrangement], imaging: Imaging, condition: str, materials: Sequence[Material]
) -> Drawing:
    """Draw a noise-free image of each arrangement with its columns: gold visible, blue not visible, magenta hidden.

    Parameters
    ----------
    arrangements : dict of Arrangement
        Recipes by name.
    imaging : Imaging
        The linear model.
    condition : str
        Name of the imaging condition.
    materials : sequence of Material
        Crystals that they are made of, in turn, each of those that suit it; a panel without one stays empty.
    """
    import matplotlib.pyplot as plt

    from stembench.crystals.arrangements import unsuited
    from stembench.datasets.factory import Factory
    from stembench.reporting.style import show_image

    rows = -(-len(arrangements) // _COLUMNS)
    crystals = sorted(materials, key=lambda material: material.single_layer)  # three-dimensional ones first
    figure, axes = plt.subplots(rows, _COLUMNS, figsize=(11, 2.5 * rows), squeeze=False, layout="constrained")
    for axis in axes.ravel():
        axis.set_axis_off()
    for number, (panel, name) in enumerate(zip(axes.ravel(), arrangements)):
        recipe = Dataset(
            arrangements=(name,),
            conditions=(condition,),
            pixel_size_A=(_PIXEL_SIZE_A, _PIXEL_SIZE_A),
            background=0.0,
            images_per_structure=1,
        )
        suited = [material for material in crystals if not unsuited(arrangements[name], material)]
        if not suited:
            panel.set_title(name.replace("_", " "))
            continue
        factory = Factory(recipe, arrangements, imaging, suited, _PIXELS)
        sample = factory.sample("validation", number)
        shown = sample.parameters
        title = f"{name.replace('_', ' ')}\n{shown['material']} [{shown['zone']}]"
        show_image(panel, sample.images["noBackgroundnoNoise"], _PIXEL_SIZE_A, title)
        columns = sample.columns
        for chosen, colour in (
            (columns.asked & ~columns.hidden, "gold"),
            (~columns.asked & ~columns.hidden, "deepskyblue"),
            (columns.hidden, "magenta"),
        ):
            panel.plot(
                columns.x_A[chosen] / _PIXEL_SIZE_A, columns.y_A[chosen] / _PIXEL_SIZE_A, ".", ms=2, color=colour
            )
        panel.set(xlim=(-0.5, _PIXELS - 0.5), ylim=(_PIXELS - 0.5, -0.5))
    return figure


def inputs(plan: Plan, _: str) -> dict[str, Any]:
    """Return the crystals that objects can be made of."""
    return {"projections": plan.crystals.projections(plan.crystals.shown("all"))}


def parameters(plan: Plan, _: str) -> dict[str, Any]:
    """Return the recipes, and what they are imaged under."""
    condition = plan.config.multislice.compared_condition
    recipes = {name: recipe.model_dump(mode="json") for name, recipe in plan.config.arrangements.items()}
    return {
        "arrangements": recipes,
        "single_layers": plan.crystals.are_layers(plan.crystals.shown("all")),
        "imaging": plan.datasets.imaging([condition]),
        "condition": condition,
    }


def draw(inputs: Inputs, parameters: Parameters) -> Drawing:
    """Draw the figure."""
    from pydantic import TypeAdapter

    from stembench.crystals.material import Material

    materials = list(map(Material.read, inputs["projections"], parameters["single_layers"]))
    arrangements = TypeAdapter(dict[str, Arrangement]).validate_python(parameters["arrangements"])
    return draw_arrangements(arrangements, Imaging(**parameters["imaging"]), parameters["condition"], materials)


def caption(plan: Plan, _: str) -> str:
    """Return the caption."""
    return (
        "Finite and imperfect objects. Each is a recipe over any material, shown in one of the materials that datasets "
        "are made of; linear HAADF images without background and noise. Gold columns are visible at the first dose of "
        "test images, blue ones are not, magenta ones are hidden by an overlayer and stay in the truth."
    )


FIGURE = Figure(
    subjects=once(lambda plan: plan.crystals.shown("all"), "arrangements"),
    inputs=inputs,
    parameters=parameters,
    draw=draw,
    caption=caption,
    needs="the CIF of a material that is not held out",
    category="Structures",
    environment="structures",
)
