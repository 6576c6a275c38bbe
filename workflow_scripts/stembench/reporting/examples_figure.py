"""Validation images, the output of a trained network for them, and its targets."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np

from stembench.evaluation.examples import Examples
from stembench.reporting.style import COLUMN_IN, image_grid, show_image, write_figure

_DPI = 300
_TARGETS = plt.colormaps["gray"].with_extremes(bad="steelblue")


def plot_validation(examples: Examples, title: str, destinations: Sequence[str]) -> None:
    """Draw one row per image: input, output and target of the network; or the reason why there is none.

    Output and target have the same grey levels. What a target says nothing of (NaN) is blue.

    Raises
    ------
    ValueError
        If there is nothing to show, and no note that says why.
    """
    if examples.note:
        figure = plt.figure(figsize=(COLUMN_IN, 1))
        figure.text(0.5, 0.5, f"{title}: {examples.note}", ha="center", va="center", wrap=True, fontsize=7)
        write_figure(figure, destinations, _DPI)
        return
    if not len(examples.images):
        raise ValueError(f"{title}: no image to show")
    figure, rows = image_grid(len(examples.images), 3, COLUMN_IN, title_lines=2, beside=0.05)
    shown = zip(rows, examples.titles, examples.pixel_sizes, examples.images, examples.outputs, examples.targets)
    for row, name, pixel_size, image, output, target in shown:
        finer = pixel_size * image.shape[0] / output.shape[0]
        show_image(row[0], image, pixel_size, name, 6.5)
        show_image(row[2], target, finer, "target (blue: ignored)" if np.isnan(target).any() else "target", 6.5)
        row[2].images[0].set_cmap(_TARGETS)
        show_image(row[1], output, finer, "output", 6.5)
        row[1].images[0].set_clim(row[2].images[0].get_clim())
    figure.suptitle(title, fontsize=8)
    write_figure(figure, destinations, _DPI)
