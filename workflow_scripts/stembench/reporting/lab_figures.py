"""Figures on lab images."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.spatial import ConvexHull

from stembench.reporting.style import show_image, write_figure

_SPACINGS_SHOWN = 50  # across what is shown with its columns: more are too small to be checked by eye


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
