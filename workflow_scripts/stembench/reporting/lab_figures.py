"""Figures on lab images."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from stembench.reporting.style import show_image, write_figure


def plot_reference(image: np.ndarray, pixel_size: float, columns: pd.DataFrame, destination: str) -> None:
    """The undegraded image with its reference columns, to be checked by eye; and the same without them."""
    figure, axes = plt.subplots(1, 2, figsize=(14, 6.5), layout="constrained")
    for panel, title in zip(axes, ("undegraded", f"{len(columns)} reference columns, colour: relative height")):
        show_image(panel, image, pixel_size, title)
    at = columns[["x_A", "y_A"]] / pixel_size
    axes[1].scatter(at.x_A, at.y_A, s=10, c=columns.strength, cmap="autumn", linewidths=0)
    write_figure(figure, destination)
