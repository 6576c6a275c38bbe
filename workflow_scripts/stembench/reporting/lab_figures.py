"""Figures on lab images."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.spatial import ConvexHull

from stembench.datasets.store import open_shards, read_table
from stembench.reporting.style import show_image, write_figure

_SPACINGS_SHOWN = 50  # across what is shown with its columns: more are too small to be checked by eye
_OUTCOMES = {"tp": ("o", "#00E5A0", "found"), "fp": ("x", "#FF3B30", "false"), "fn": ("s", "#FFD60A", "missed")}


def plot_reference(
    image: np.ndarray, pixel_size: float, columns: pd.DataFrame, destination: str, *, outlined: bool
) -> None:
    """The undegraded image, and it or the middle of it with the reference columns, to be checked by eye.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Undegraded.
    pixel_size : float
        [A].
    columns : DataFrame
        Of `lab.degradation.reference_columns`.
    destination : str
        File to write.
    outlined : bool
        Whether the columns' convex hull is drawn, in which marked columns are scored.
    """
    figure, axes = plt.subplots(1, 2, figsize=(14, 6.5), layout="constrained")
    show_image(axes[0], image, pixel_size, "undegraded")
    at = columns[["x_A", "y_A"]].to_numpy() / pixel_size
    if outlined:
        axes[0].fill(*at[ConvexHull(at).vertices].T, fill=False, edgecolor="#E69F00", linestyle="--")
    edge = round(min(_SPACINGS_SHOWN * columns.neighbour_A.median() / pixel_size, max(image.shape)))
    y, x = (max(0, (n - edge) // 2) for n in image.shape)
    part = image[y : y + edge, x : x + edge]
    title = f"{len(columns)} reference columns, colour: relative height"
    show_image(axes[1], part, pixel_size, f"the middle; {title}" if part.size < image.size else title)
    shown = np.all((at >= [x, y]) & (at <= [x + edge - 1, y + edge - 1]), axis=1)
    axes[1].scatter(*(at[shown] - [x, y]).T, s=10, c=columns.strength[shown], cmap="autumn", linewidths=0)
    write_figure(figure, destination)


def plot_overlay(
    testset: str, methods: Sequence[dict], counts_per_px: float, destinations: Sequence[str], blocks: int = 3
) -> None:
    """What became of each column of some blocks at one dose: a row a method, a panel a block.

    Parameters
    ----------
    testset : str
        Folder of the test set.
    methods : sequence of dict
        `method` and `folder` of each evaluation.
    counts_per_px : float
        Dose to show.
    destinations : sequence of str
        Files to write.
    blocks : int
        Blocks to show.
    """
    samples = read_table([testset], "samples")
    images = open_shards([testset], ["image"]).image
    chosen = samples[(samples.counts_per_px == counts_per_px) & (samples.draw == 0)].head(blocks)
    size = (len(methods), len(chosen))
    figure, axes = plt.subplots(*size, figsize=(3.2 * size[1], 3.4 * size[0]), squeeze=False, layout="constrained")
    for row, method in zip(axes, methods):
        outcomes = pd.read_parquet(Path(method["folder"]) / "columns.parquet")
        for panel, (position, sample) in zip(row, chosen.iterrows()):
            show_image(panel, images.values[position], sample.pixel_size_A, method["method"])
            here = outcomes[outcomes["sample"] == sample["sample"]]
            for outcome, (marker, colour, label) in _OUTCOMES.items():
                rows = here[here.outcome == outcome]
                x, y = (rows.true_x_A, rows.true_y_A) if outcome == "fn" else (rows.x_A, rows.y_A)
                style = {"facecolors": "none", "edgecolors": colour} if marker != "x" else {"c": colour}
                panel.scatter(
                    x / sample.pixel_size_A, y / sample.pixel_size_A, s=36, marker=marker, label=label, **style
                )
    axes[0, 0].legend(loc="upper left", fontsize=6)
    figure.suptitle(f"{counts_per_px:g} counts per pixel at the peak; a border is not scored", fontsize=9)
    write_figure(figure, destinations)
