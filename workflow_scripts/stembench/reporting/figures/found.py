"""The columns that each method found in one image of a test set beyond the training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stembench.reporting.base import Figure, Inputs, Parameters, each

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from stembench.planning import Plan

_OUTCOMES = {"tp": ("o", "#56B4E9", "found"), "fn": ("s", "#F0E442", "missed"), "fp": ("x", "#FF6A13", "false")}
_TRUTH = {"asked": ("#E69F00", ""), "weak": ("#0072B2", "not visible"), "hidden": ("#CC79A7", "hidden")}
_PANELS_A_LINE = 4


def draw_found(
    shards: Sequence[str],
    methods: Sequence[dict],
    counts_per_px: float | None,
    arrangement: str | None = None,
    harder: float = 0.25,
) -> Drawing:
    """Draw an image with its true columns, and those that each method found, missed and found falsely.

    In some of the set's images columns are harder to find, by the mean of F1 over the methods; of particles only the
    half is considered that shows most of their edges. Methods that could not be had are left out.

    Parameters
    ----------
    shards : sequence of str
        Folders of the test set.
    methods : sequence of dict
        `method`, `train_dataset` and `folder` of each evaluation.
    counts_per_px : float or None
        Dose of the image; any where it is None.
    arrangement : str or None
        What the image shows; anything where it is None.
    harder : float
        Fraction of such images that are harder.

    Raises
    ------
    ValueError
        If there is no such image, or none in which a method is scored.
    """
    import pandas as pd
    from matplotlib.lines import Line2D

    from stembench.datasets.store import columns_by_sample, open_shards, read_table
    from stembench.products import read_parquet
    from stembench.reporting.style import PAGE_IN, image_grid, method_labels, show_image

    samples = read_table(shards, "samples")
    outcomes, scores = {}, {}
    for name, method in zip(method_labels(methods), methods):
        images = read_parquet(Path(method["folder"]) / "images.parquet")
        if not images.note.fillna("").any():
            outcomes[name] = read_parquet(Path(method["folder"]) / "columns.parquet")
            scores[name] = images.f1
    asked = np.full(len(samples), True) if counts_per_px is None else samples.counts_per_px == counts_per_px
    if arrangement is not None:
        asked = asked & (samples.arrangement == arrangement)
    columns = columns_by_sample(shards)
    depth = samples["sample"].map({number: rows.rim_A.mean() for number, rows in columns.items()})[asked]
    near = depth[depth.isna().all() | (depth <= depth.median())].index
    mean = pd.DataFrame(scores, index=samples.index).mean(axis=1)[near].dropna().sort_values(kind="stable")
    if mean.empty:
        raise ValueError(f"no image of {', '.join(shards)} has columns that a method could find")
    position = mean.index[int(harder * len(mean))]
    sample = samples.loc[position]
    image, pixel_size = open_shards(shards, ["image"])["image"][position], sample.pixel_size_A

    lines = -(-(1 + len(outcomes)) // _PANELS_A_LINE)
    figure, panels = image_grid(lines, _PANELS_A_LINE, PAGE_IN, title_lines=2, beside=0.2)
    zone = f" [{sample.zone}]" if sample.zone else ""
    title = f"{sample.material.replace('_', ' ')}{zone}, {sample.counts_per_px:g} e/px"
    first, *others = panels.ravel()
    truth = "true column" if sample.zone else "reference column"  # lab images have no zone axis
    show_image(first, image, pixel_size, f"{title}\n{truth}s", 7)
    parts = _mark_truth(first, columns[sample["sample"]], pixel_size)
    for panel, (name, table) in zip(others, outcomes.items()):
        here = table[table["sample"] == sample["sample"]]
        counts = ", ".join(f"{np.sum(here.outcome == key)} {label}" for key, (*_, label) in _OUTCOMES.items())
        show_image(panel, image, pixel_size, f"{name}\n{counts}", 7)
        for outcome, (marker, colour, _) in _OUTCOMES.items():
            rows = here[here.outcome == outcome]
            x, y = (rows.true_x_A, rows.true_y_A) if outcome == "fn" else (rows.x_A, rows.y_A)
            panel.plot(x / pixel_size, y / pixel_size, **_marker(marker, colour))
    for panel in panels.ravel()[: 1 + len(outcomes)]:
        panel.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
    known = [Line2D([], [], **_marker(marker, colour), label=label) for marker, colour, label in _OUTCOMES.values()]
    known += [Line2D([], [], **_marker(".", colour), label=label or truth) for colour, label in parts]
    figure.legend(handles=known, loc="outside lower center", ncols=6, frameon=False, fontsize=7)
    return figure


def _mark_truth(panel: Axes, columns: pd.DataFrame, pixel_size: float) -> list[tuple[str, str]]:
    """Mark the true columns; return colour and name of the kinds there are."""
    hidden, asked = columns.hidden.astype(bool), columns.asked.astype(bool)
    parts = {"asked": asked & ~hidden, "weak": ~asked & ~hidden, "hidden": hidden}
    for part, rows in parts.items():
        places = columns.loc[rows, ["x_A", "y_A"]].to_numpy() / pixel_size
        panel.plot(*places.T, **_marker(".", _TRUTH[part][0]))
    return [_TRUTH[part] for part, rows in parts.items() if rows.any()]


def _marker(marker: str, colour: str) -> dict:
    """Return a marker that is seen on black and on white."""
    from matplotlib.patheffects import withStroke

    look = {"marker": marker, "linestyle": "", "ms": 4, "mew": 0.9, "mec": colour, "zorder": 4}
    outline = [withStroke(linewidth=2, foreground="black")]
    return look | {"mfc": colour if marker == "." else "none", "path_effects": outline}


def inputs(plan: Plan, testset: str) -> dict[str, Any]:
    """Return the images, and what methods found in them."""
    rows = plan.evaluations.shown_methods(testset)
    return {"evaluations": plan.evaluations.scored(rows), "test": plan.evaluations.images(testset)}


def parameters(plan: Plan, testset: str, counts_per_px: float | None = None) -> dict[str, Any]:
    """Return the methods, and the dose of the image that is shown, if one is asked for."""
    methods = [row.plain() for row in plan.evaluations.shown_methods(testset)]
    return {"methods": methods, "counts_per_px": counts_per_px}


def draw(inputs: Inputs, parameters: Parameters) -> Drawing:
    """Draw the figure."""
    return draw_found(inputs["test"], parameters["methods"], parameters["counts_per_px"])


def caption(plan: Plan, testset: str) -> str:
    """Return the caption."""
    return (
        f"One image of the test set {testset}, beyond the training, with its true columns, and the columns of each "
        "method: circles were found, squares missed, crosses are false; a border of "
        f"{plan.config.evaluation.border_A:g} Å is not scored. By the mean of F1 over the methods a quarter of the "
        "set's images is harder (of particles only the half is considered that shows most of their edges). Maps of "
        f"networks (seed 0, scale {plan.config.scale}) are read by tuned maxima. e/px: electrons counted in the pixel "
        "at the brightest column. Columns that the image does not show are not labelled; those that an overlayer hides "
        "are where the test set labels them."
    )


FIGURE = Figure(
    subjects=each(lambda plan: plan.evaluations.shown, "found_{}"),
    inputs=inputs,
    parameters=parameters,
    draw=draw,
    caption=caption,
    needs="a material of a test set that `generalisation.shown` names",
    dpi=300,
)
