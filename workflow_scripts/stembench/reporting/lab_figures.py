"""Figures on lab images."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from stembench.datasets.store import open_shards, read_table
from stembench.reporting.style import show_image, write_figure

_OUTCOMES = {"tp": ("o", "#00E5A0", "found"), "fp": ("x", "#FF3B30", "false"), "fn": ("s", "#FFD60A", "missed")}


def plot_reference(image: np.ndarray, pixel_size: float, columns: pd.DataFrame, destination: str) -> None:
    """The undegraded image with its reference columns, to be checked by eye; and the same without them."""
    figure, axes = plt.subplots(1, 2, figsize=(14, 6.5), layout="constrained")
    for panel, title in zip(axes, ("undegraded", f"{len(columns)} reference columns, colour: relative height")):
        show_image(panel, image, pixel_size, title)
    at = columns[["x_A", "y_A"]] / pixel_size
    axes[1].scatter(at.x_A, at.y_A, s=10, c=columns.strength, cmap="autumn", linewidths=0)
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
