"""How figures look, and how they are written."""

import matplotlib

matplotlib.use("Agg")

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patheffects import withStroke

from stembench.products import whole

if TYPE_CHECKING:
    import pandas as pd

plt.rcParams.update(
    {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110, "savefig.dpi": 150}
)

#: Widths of a journal's column and page [in].
COLUMN_IN, PAGE_IN = 85 / 25.4, 180 / 25.4
#: Colours that are told apart without seeing red or green (Okabe-Ito).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = {"network": "osDpX*", "external": "hH8", "oracle": "Pd", "baseline": "^v<>"}


def error_bars(estimate: "pd.Series", low: "pd.Series", high: "pd.Series") -> np.ndarray:
    """Return lengths of error bars below and above estimates, shape (2, n), as `Axes.errorbar` takes them.

    A bootstrap interval can lie beside its estimate, by rounding or by chance: the bar then ends at the estimate.
    """
    return np.clip([estimate - low, high - estimate], 0, None)


def write_figure(figure: Figure, destinations: str | Sequence[str], dpi: float | None = None) -> None:
    """Write a figure to each destination and close it; the same bytes for the same content."""
    for destination in [destinations] if isinstance(destinations, str) else destinations:
        with whole(destination) as partial:
            dates = {"CreationDate": None} if str(destination).endswith(".pdf") else {}
            figure.savefig(partial, bbox_inches="tight", dpi=dpi, metadata=dates)
    plt.close(figure)


def image_grid(
    rows: int, columns: int, width: float, title_lines: int = 1, beside: float = 0.0
) -> tuple[Figure, np.ndarray]:
    """Square panels for `show_image`, side by side over a width [in], each with room for a title of some lines.

    `beside` is the height that a heading and a legend take [in].

    Returns
    -------
    figure : Figure
    panels : ndarray of Axes, shape (rows, columns)
        Those that nothing is drawn in stay empty.
    """
    size = (width, rows * (width / columns + 0.12 * title_lines + 0.08) + beside)
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.04, wspace=0.01, hspace=0.01)
    figure, panels = plt.subplots(rows, columns, figsize=size, squeeze=False, layout=layout)
    for panel in panels.ravel():
        panel.set_axis_off()
    return figure, panels


def method_labels(methods: Sequence[dict]) -> list[str]:
    """What figures call the methods of a table's rows: with the dataset, where networks were trained on several."""
    several = len({method["train_dataset"] for method in methods if method["train_dataset"]}) > 1
    labels = []
    for method in methods:
        trained_on = f" ({method['train_dataset']})" if several and method["train_dataset"] else ""
        labels.append(method["method"].replace("_", " ") + trained_on)
    return labels


def method_looks(kinds: Sequence[str]) -> list[dict]:
    """Colour, marker and line of each method of a figure, no two alike; baselines have triangles and broken lines."""
    markers = {kind: cycle(shapes) for kind, shapes in _MARKERS.items()}
    lines = {"network": "-", "external": "-.", "oracle": ":", "baseline": "--"}
    return [
        {"color": colour, "marker": next(markers[kind]), "linestyle": lines[kind]}
        for colour, kind in zip(cycle(COLOURS), kinds)
    ]


def show_image(axes: Axes, image: np.ndarray, pixel_size: float, title: str = "", size: float = 8) -> None:
    """An image in grey with a scale bar of a round length in A; `size` is that of the title's letters [pt].

    What was not measured (NaN) is left blank.
    """
    low, high = np.nanpercentile(image, [0.5, 99.8])
    axes.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1e-9), interpolation="nearest")
    axes.set(xticks=[], yticks=[])  # else the layout measures those that are not shown
    axes.set_axis_off()
    axes.set_title(title, fontsize=size, pad=3)
    height, width = image.shape
    length = max(v for v in (1, 2, 5, 10, 20, 50, 100, 200, 500) if v <= max(1, 0.3 * width * pixel_size))
    y, x = 0.95 * height, 0.05 * width
    outlined: dict[str, Any] = {
        "color": "white",
        "path_effects": [withStroke(linewidth=4, foreground="black")],
    }  # on bright fields
    axes.plot([x, x + length / pixel_size], [y, y], linewidth=3, solid_capstyle="butt", **outlined)
    outlined["path_effects"] = [withStroke(linewidth=2, foreground="black")]
    axes.annotate(f"{length} Å", (x, y - 0.02 * height), fontsize=7, va="bottom", **outlined)
