"""Draw the first picture of the README: an image, its columns with error bars, and its lattice.

`draw_first_picture.py results/lab/IMAGE results/applied/IMAGE PICTURE.png`
"""

import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from stembench.application.kinds import KIND_COLOURS, kinds
from stembench.lab.store import open_lab_image
from stembench.products import read_json
from stembench.reporting.style import show_image, write_figure

_ENLARGED = 20  # how many times longer error bars are drawn than they are
_PART_A = 17.3  # edge of the enlarged part [A]
_ORIGIN = (0.32, 0.36)  # near which the lattice vectors begin, as fractions of the part's edge
_YELLOW, _GREY = "#F0E442", "#D0D0D0"


def draw(image: xr.DataArray, columns: pd.DataFrame, summary: dict[str, Any], destination: str) -> None:
    """Draw the whole image with its columns, and a part of it with error bars and lattice vectors.

    Parameters
    ----------
    image : xarray.DataArray, dims (y, x)
        Raw intensities, with `pixel_size_A`.
    columns : DataFrame
        Table `columns.csv` of the image.
    summary : dict
        Content of `summary.json` of the image.
    destination : str
        File to write.
    """
    pixel_size, (height, width) = image.attrs["pixel_size_A"], image.shape
    edge = round(_PART_A / pixel_size)
    corner = np.array([width - edge, height - edge]) // 2
    part = image.values[corner[1] : corner[1] + edge, corner[0] : corner[0] + edge]
    places = columns[["x_A", "y_A"]].to_numpy() / pixel_size
    bars = _ENLARGED * columns["uncertainty_pm"].to_numpy() / 100 / pixel_size

    ratio = width / height
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(4.0 * (ratio + 1), 4.5), width_ratios=(ratio, 1), layout="constrained"
    )
    show_image(left, image.values, pixel_size, f"{len(columns)} columns found", 11)
    show_image(right, part, pixel_size, f"error bars (68 %), enlarged {_ENLARGED} times", 11)
    left.add_patch(Rectangle(tuple(corner - 0.5), edge, edge, fill=False, edgecolor=_YELLOW, linewidth=1.5))
    legend = []
    named = sorted(set(kinds(columns)) - {""})
    for kind, colour in [*zip(named, KIND_COLOURS), ("", _GREY)]:
        rows = (kinds(columns) == kind).to_numpy()
        left.scatter(*places[rows].T, 6, color=colour, linewidths=0)
        look = {"fmt": "o", "color": colour, "markersize": 3, "elinewidth": 1.4, "capsize": 2.5}
        right.errorbar(*(places[rows] - corner).T, bars[rows], bars[rows], **look)
        label = f"{f'sublattice {kind}' if kind else 'no sublattice'} ({rows.sum()})"
        legend.append(Line2D([], [], marker="o", linestyle="", color=colour, label=label))
    _draw_vectors(right, places[(columns["sublattice"] == "A").to_numpy()] - corner, summary, pixel_size, edge)
    figure.legend(handles=legend, loc="outside lower center", ncols=len(legend), frameon=False, fontsize=10)
    for axes, shape in ((left, image.shape), (right, part.shape)):
        axes.set(xlim=(-0.5, shape[1] - 0.5), ylim=(shape[0] - 0.5, -0.5))
        for drawn in (*axes.lines, *axes.texts):
            drawn.set_zorder(max(6, drawn.get_zorder()))
    write_figure(figure, destination, dpi=150)


def _draw_vectors(axes: Axes, places: np.ndarray, summary: dict[str, Any], pixel_size: float, edge: int) -> None:
    """Draw the lattice vectors from one of some columns, and their lengths with standard errors."""
    origin = places[np.argmin(np.linalg.norm(places - np.array(_ORIGIN) * edge, axis=1))]
    outlined = [withStroke(linewidth=3, foreground="black")]
    for axis in "ab":
        vector = np.array([summary[axis]["x_A"], summary[axis]["y_A"]]) / pixel_size
        arrow = {"arrowstyle": "-|>", "color": _YELLOW, "linewidth": 2.5, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", origin + vector, origin, arrowprops=arrow, zorder=5)
        text = f"{axis} = {summary[axis]['length_A']:.3f}({1000 * summary[axis]['length_A_se']:.0f}) Å"
        steep = abs(vector[1]) > abs(vector[0])
        beside = {"xytext": (7, 0), "va": "center"} if steep else {"xytext": (0, 7), "ha": "center", "va": "bottom"}
        look = {"color": _YELLOW, "fontsize": 10, "path_effects": outlined}
        axes.annotate(text, origin + vector / 2, textcoords="offset points", **beside, **look)


if __name__ == "__main__":
    lab, applied, picture = sys.argv[1:]
    table = pd.read_csv(Path(applied) / "columns.csv", keep_default_na=False, na_values=[""])
    draw(open_lab_image(lab), table, read_json(Path(applied) / "summary.json"), picture)
