"""Real and synthetic noise side by side, and the distances between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from stembench.reporting.base import Figure, Inputs, Parameters, once
from stembench.reporting.tables import realism

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

_LABELS = {"calibrated": "calibrated", "published": "published default", "temimagenet": "TEMImageNet"}


def draw_realism(distances: pd.DataFrame, crops: Mapping[str, np.ndarray]) -> Drawing:
    """Draw one row per image: a crop of its unseen half, the same under each noise, and distances over the floor's.

    Parameters
    ----------
    distances : DataFrame
        As `noise.realism.assess_instruments` gives them.
    crops : mapping of str to ndarray, shape (1 + noises, rows, columns)
        Of each `instrument/image` the real crop and the same under each of `NOISES` [grey].
    """
    import matplotlib.pyplot as plt

    from stembench.noise.crop_statistics import NOISES
    from stembench.reporting.style import show_image

    count = max(len(crops), 1)
    widths = [1] * (1 + len(NOISES)) + [2.2]
    figure, axes = plt.subplots(
        count, len(widths), figsize=(16, 2.8 * count), width_ratios=widths, squeeze=False, layout="constrained"
    )
    for row, (key, shown) in zip(axes, crops.items()):
        instrument, image = key.split("/")
        table = distances[(distances.instrument == instrument) & (distances.image == image)]
        limits = np.percentile(shown[0], [0.5, 99.5])  # one grey scale, on which noise can be compared
        for cell, grey, title in zip(row, shown, (f"{image}: real, unseen half", *map(_LABELS.__getitem__, NOISES))):
            show_image(cell, grey, table.pixel_size_A.iloc[0], title)
            cell.images[0].set_clim(*limits)
        _plot_distances(row[-1], table)
    if crops:
        axes[0, -1].legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    else:
        figure.suptitle("No image is large enough: calibration needs half of it")
        for cell in axes.ravel():
            cell.set_axis_off()
    return figure


def _plot_distances(axes: Axes, table: pd.DataFrame) -> None:
    from matplotlib.ticker import NullFormatter

    from stembench.noise.crop_statistics import DATASET, FLOOR, LEARNT, NOISES, STATISTICS
    from stembench.reporting.style import COLOURS, error_bars

    names = [*STATISTICS, *LEARNT, "all"]
    floor = table[table.noise == FLOOR].set_index("statistic").loc[names]
    places = np.arange(len(names))
    ends = floor[["distance_low", "distance_high"]].div(floor.distance, axis=0).to_numpy().T
    axes.barh(places, ends[1] - ends[0], left=ends[0], height=0.8, color="0.88", label="two halves of the real one")
    for number, noise in enumerate(NOISES):
        rows = table[table.noise == noise].set_index("statistic").loc[names]
        centre, low, high = (rows[name] / floor.distance for name in ("distance", "distance_low", "distance_high"))
        bars = error_bars(centre, low, high)
        heights = places + 0.22 * (number - 1)
        axes.errorbar(centre, heights, xerr=bars, fmt="o", ms=4, color=COLOURS[number], label=_LABELS[noise])
    of_datasets = table[table.noise.str.startswith(DATASET)]
    for number, (dataset, rows) in enumerate(of_datasets.groupby("noise"), len(NOISES)):
        beside = [names.index(name) + 0.4 for name in rows.statistic]
        label = dataset.removeprefix(DATASET)
        axes.plot(rows.over_floor, beside, "D", ms=4, color=COLOURS[number], label=f"images of {label}")
    labels = [*(each.label for each in STATISTICS.values()), *LEARNT.values()]
    axes.set(xscale="log", xlabel="Distance from the real image / mean distance of its halves")
    axes.set_xlim(left=0.1)  # a tenth of the floor is no distance
    axes.set_yticks(places, [*labels, "All (geometric mean)"])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.invert_yaxis()


def draw(inputs: Inputs, _: Parameters) -> Drawing:
    """Draw the figure."""
    from stembench.products import read_parquet

    with np.load(inputs["crops"]) as crops:
        return draw_realism(read_parquet(inputs["distances"]), dict(crops))


FIGURE = Figure(
    subjects=once(lambda plan: plan.lab.calibrating, "realism"),
    inputs=lambda plan, _: {"distances": plan.layout.realism_distances, "crops": plan.layout.realism_crops},
    draw=draw,
    caption=realism.caption,
    needs="a lab image of an instrument in `calibration.instruments`",
)
