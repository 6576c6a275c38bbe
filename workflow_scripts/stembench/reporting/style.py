"""How figures look, and how they are written."""

import matplotlib

matplotlib.use("Agg")

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from stembench.products import whole

plt.rcParams.update(
    {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110, "savefig.dpi": 150}
)

#: One colour a method, the same in every figure (Okabe-Ito).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def write_figure(figure: Figure, destinations: str | Sequence[str]) -> None:
    """Write a figure to each destination and close it; the same bytes for the same content."""
    for destination in [destinations] if isinstance(destinations, str) else destinations:
        with whole(destination) as partial:
            dates = {"CreationDate": None} if str(destination).endswith(".pdf") else {}
            figure.savefig(partial, bbox_inches="tight", metadata=dates)
    plt.close(figure)


def show_image(axes: Axes, image: np.ndarray, pixel_size: float, title: str = "") -> None:
    """An image in grey with a scale bar of a round length in A."""
    low, high = np.percentile(image, [0.5, 99.8])
    axes.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1e-9), interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, fontsize=8)
    height, width = image.shape
    length = max(v for v in (1, 2, 5, 10, 20, 50, 100) if v <= max(1, 0.3 * width * pixel_size))
    y, x = 0.95 * height, 0.05 * width
    outlined = {"color": "white", "path_effects": [withStroke(linewidth=4, foreground="black")]}  # on bright fields
    axes.plot([x, x + length / pixel_size], [y, y], linewidth=3, solid_capstyle="butt", **outlined)
    outlined["path_effects"] = [withStroke(linewidth=2, foreground="black")]
    axes.annotate(f"{length} Å", (x, y - 0.02 * height), fontsize=7, va="bottom", **outlined)
