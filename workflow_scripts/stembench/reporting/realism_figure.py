"""Real and synthetic noise side by side, and the distances between them."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter
from scipy import ndimage

from stembench.noise.realism import FLOOR, NOISES, STATISTICS
from stembench.reporting.style import COLOURS, show_image, write_figure

_CROP_PX = 128
_LABELS = {"calibrated": "calibrated", "published": "published default", "temimagenet": "TEMImageNet"}


def plot_realism(
    table: pd.DataFrame,
    versions: Mapping[tuple[str, str], Mapping[str, np.ndarray]],
    pixel_sizes: Mapping[str, float],
    destinations: Sequence[str],
) -> None:
    """A row an image: a crop of its unseen half, the same under each noise, and the distances over the floor's.

    Parameters
    ----------
    table : DataFrame
        `realism.csv`.
    versions : mapping of (instrument, image) to mapping of str to ndarray, shape (rows, columns)
        As `noise.realism.assess` gives them, by instrument.
    pixel_sizes : mapping of str to float
        Of each image [A].
    destinations : sequence of str
        Files to write.
    """
    count = max(len(versions), 1)
    widths = [1] * (1 + len(NOISES)) + [2.2]
    figure, axes = plt.subplots(
        count, len(widths), figsize=(16, 2.8 * count), width_ratios=widths, squeeze=False, layout="constrained"
    )
    for row, ((instrument, image), shown) in zip(axes, versions.items()):
        crop = _brightest(shown["real"])
        limits = np.percentile(shown["real"][crop], [0.5, 99.5])  # one grey scale, on which noise can be compared
        for cell, (name, grey) in zip(row, shown.items()):
            title = _LABELS.get(name, f"{image}: real, unseen half")
            show_image(cell, grey[crop], pixel_sizes[image], title)
            cell.images[0].set_clim(*limits)
        _plot_distances(row[-1], table[(table.instrument == instrument) & (table.image == image)])
    if versions:
        axes[0, -1].legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    else:
        figure.suptitle("No image is large enough: calibration needs half of it")
        for cell in axes.ravel():
            cell.set_axis_off()
    write_figure(figure, destinations)


def _brightest(grey: np.ndarray) -> tuple[slice, slice]:
    """The window with most of the specimen or, in bright field, most of the light."""
    edge = [min(n, _CROP_PX) for n in grey.shape]
    means = ndimage.uniform_filter(grey, edge)
    inner = tuple(slice(n // 2, size - n // 2 + 1) for n, size in zip(edge, grey.shape))
    y, x = np.unravel_index(means[inner].argmax(), means[inner].shape)
    return slice(y, y + edge[0]), slice(x, x + edge[1])


def _plot_distances(axes: Axes, table: pd.DataFrame) -> None:
    names = [*STATISTICS, "all"]
    floor = table[table.noise == FLOOR].set_index("statistic").loc[names]
    places = np.arange(len(names))
    ends = floor[["distance_low", "distance_high"]].div(floor.distance, axis=0).to_numpy().T
    axes.barh(places, ends[1] - ends[0], left=ends[0], height=0.8, color="0.88", label="two halves of the real one")
    for number, noise in enumerate(NOISES):
        rows = table[table.noise == noise].set_index("statistic").loc[names]
        centre = rows.distance / floor.distance
        bars = [centre - rows.distance_low / floor.distance, rows.distance_high / floor.distance - centre]
        heights = places + 0.22 * (number - 1)
        axes.errorbar(centre, heights, xerr=bars, fmt="o", ms=4, color=COLOURS[number], label=_LABELS[noise])
    labels = [STATISTICS[name].label for name in STATISTICS]
    axes.set(xscale="log", xlabel="Distance from the real image / mean distance of its halves")
    axes.set_xlim(left=0.1)  # a tenth of the floor is no distance
    axes.set_yticks(places, [*labels, "All (geometric mean)"])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.invert_yaxis()
