"""The finite and imperfect objects that datasets can show."""

from collections.abc import Sequence

import matplotlib.pyplot as plt

from stembench.config import Arrangement, Dataset, Imaging
from stembench.crystals.material import Material
from stembench.datasets.factory import Factory
from stembench.reporting.style import show_image, write_figure

_PIXELS = 256
_PIXEL_SIZE_A = 0.15
_COLUMNS = 5


def plot_arrangements(
    arrangements: dict[str, Arrangement],
    imaging: Imaging,
    condition: str,
    materials: Sequence[Material],
    destination: str | Sequence[str],
) -> None:
    """An image of each arrangement, noise-free, with its columns: gold asked for, blue too weak, magenta hidden.

    Parameters
    ----------
    arrangements : dict of Arrangement
        Recipes by name.
    imaging : Imaging
        The linear model.
    condition : str
        Name of the imaging condition.
    materials : sequence of Material
        Crystals that they are made of, in turn.
    destination : str or sequence of str
        Files to write.
    """
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
        factory = Factory(recipe, arrangements, imaging, crystals, _PIXELS)
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
    write_figure(figure, destination)
