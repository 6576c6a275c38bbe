"""A gallery of each dataset: test images, their labels and their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stembench.reporting.base import Figure, each

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from stembench.planning import Plan

_VARIABLES = ("image", "noNoise", "noBackgroundnoNoise", "gaussianMask", "circularMask")


def draw_gallery(shards: Sequence[str]) -> Drawing:
    """Draw one row per material and zone axis, doses in turn: image, labels, and the image with its true columns."""
    import matplotlib.pyplot as plt

    from stembench.datasets.labels import label
    from stembench.datasets.store import STORED, Shards, columns_by_sample, read_table
    from stembench.reporting.style import show_image

    samples = read_table(shards, "samples")
    columns = columns_by_sample(shards)
    stored = Shards(shards)
    variables = [name for name in _VARIABLES if name in stored.images or name not in STORED]
    chosen = _one_of_each(samples)
    shape = (len(chosen), len(variables) + 1)
    figure, axes = plt.subplots(*shape, figsize=(2 * shape[1], 2.15 * shape[0]), squeeze=False, layout="constrained")
    for row, number in zip(axes, chosen):
        sample, held = samples.loc[number], stored[number]
        images = {name: held.images[name] if name in held.images else label(held, name) for name in variables}
        counts = f", {sample.counts_per_px:g} e/px" if "counts_per_px" in sample else ""
        for panel, name in zip(row, variables):
            title = f"{sample.material} [{sample.zone}]{counts}" if name == "image" else name
            show_image(panel, images[name], sample.pixel_size_A, title)
        show_image(row[-1], images["image"], sample.pixel_size_A, "columns")
        truth = columns[sample["sample"]]
        for rows, colour in (
            (truth[truth.asked & truth.resolved], "gold"),
            (truth[truth.asked & ~truth.resolved], "red"),
            (truth[~truth.asked], "deepskyblue"),
            (truth[truth.hidden], "magenta"),
        ):
            row[-1].plot(rows.x_A / sample.pixel_size_A, rows.y_A / sample.pixel_size_A, ".", ms=3, color=colour)
        height, width = images["image"].shape
        row[-1].set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    return figure


def _one_of_each(samples: pd.DataFrame) -> list[int]:
    """Return the position of one sample per material and zone, each with the next of the dataset's doses."""
    chosen = []
    for turn, (_, group) in enumerate(samples.groupby(["material", "zone"])):
        chosen.append(group.index[turn % len(group)])
    return chosen


def shown(plan: Plan) -> list[str]:
    """Return the datasets and test sets that hold test images."""
    return [dataset for dataset in plan.datasets.recipes if plan.datasets.shards(dataset, "test")]


def caption(plan: Plan, dataset: str) -> str:
    """Return the caption."""
    return (
        f"One test image per material and zone axis of dataset {dataset}, its labels, and its columns: gold ones are "
        "labelled, red ones are labelled but closer to their neighbour than the probe's FWHM, blue ones are not shown "
        "by the image, magenta ones are hidden by an overlayer."
    )


FIGURE = Figure(
    subjects=each(shown, "gallery_{}"),
    inputs=lambda plan, dataset: {"shards": plan.datasets.shards(dataset, "test")},
    draw=lambda inputs, _: draw_gallery(inputs["shards"]),
    caption=caption,
    needs="a dataset with test images",
    category="Datasets",
    reported=lambda plan, dataset: dataset in plan.report.datasets,
)
