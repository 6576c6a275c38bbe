"""An image and the label that each task learns of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from stembench.reporting.base import Figure, Inputs, Parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from stembench.planning import Plan

_PANELS_A_LINE = 4


def draw_labels(shards: Sequence[str], tasks: Mapping[str, str]) -> Drawing:
    """Draw the first image at a low dose, and the label that each task learns of it.

    Parameters
    ----------
    shards : sequence of str
        A split of a dataset.
    tasks : mapping of str to str
        Label of each task.

    Raises
    ------
    ValueError
        If there is no task.
    """
    from stembench.datasets.labels import MADE_FROM, label
    from stembench.datasets.store import STORED, Shards, read_table
    from stembench.evaluation.examples import example_positions, example_titles
    from stembench.reporting.style import PAGE_IN, image_grid, show_image

    if not tasks:
        raise ValueError("no label to show")
    samples = read_table(shards, "samples")
    position, *_ = example_positions(samples)
    names = {*STORED, *tasks.values(), *(source for name in tasks.values() for source in MADE_FROM.get(name, ()))}
    sample, pixel_size = Shards(shards, sorted(names))[position], samples.pixel_size_A[position]
    figure, panels = image_grid(-(-(1 + len(tasks)) // _PANELS_A_LINE), _PANELS_A_LINE, PAGE_IN, title_lines=2)
    first, *others = panels.ravel()
    image = sample.images["image"]
    (title,) = example_titles(samples, [position])
    show_image(first, image, pixel_size, title, 6)
    for panel, (task, name) in zip(others, tasks.items()):
        shown = label(sample, name)
        finer = pixel_size * image.shape[0] / shown.shape[0]
        show_image(panel, shown, finer, f"{task}\n{name}", 6)
    return figure


def subjects(plan: Plan) -> dict[str, str]:
    """Return the dataset that is shown: the one that methods are tuned on for generalisation."""
    dataset = plan.config.generalisation.tuned_on
    return {"labels": dataset} if plan.datasets.shards(dataset, "test") else {}


def draw(inputs: Inputs, _: Parameters) -> Drawing:
    """Draw the figure."""
    from stembench.datasets.labels import TASK_LABELS

    return draw_labels(inputs["test"], TASK_LABELS)


def caption(plan: Plan, dataset: str) -> str:
    """Return the caption."""
    return (
        f"A test image of dataset {dataset} at a low dose, and the label that a network learns of it in each task. "
        "Labels of `..._2x` are twice as high and wide. `circularMask` and `gaussianMask` show the labelled columns "
        "alone, the others are images of all columns."
    )


FIGURE = Figure(
    subjects=subjects,
    inputs=lambda plan, dataset: {"test": plan.evaluations.images(dataset)},
    draw=draw,
    caption=caption,
    needs="test images of the dataset that `generalisation.tuned_on` names",
    category="Datasets",
    dpi=300,
)
