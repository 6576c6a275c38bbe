"""The reference columns of each lab test set, to be checked by eye."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stembench.config import LabTestset
from stembench.reporting.base import Figure, Inputs, Parameters, each

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from stembench.planning import Plan

_SPACINGS_SHOWN = 50  # across what is shown with its columns: more are too small to be checked by eye


def draw_reference(image: np.ndarray, pixel_size: float, columns: pd.DataFrame, *, outlined: bool) -> Drawing:
    """Draw the undegraded image, and it or the middle of it with the reference columns.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Undegraded.
    pixel_size : float
        [A].
    columns : DataFrame
        Of `lab.degradation.reference_columns`.
    outlined : bool
        Whether the columns' convex hull is drawn, in which marked columns are scored.
    """
    import matplotlib.pyplot as plt
    from scipy.spatial import ConvexHull

    from stembench.reporting.style import show_image

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
    return figure


def draw(inputs: Inputs, parameters: Parameters) -> Drawing:
    """Draw the figure."""
    from stembench.lab.degradation import reference_columns
    from stembench.lab.store import open_lab_image, read_marked

    image, marked = open_lab_image(inputs["image"]), read_marked(inputs["image"])
    values, pixel_size = np.asarray(image, float), image.attrs["pixel_size_A"]
    settings = LabTestset(**parameters["settings"])
    columns = reference_columns(values, pixel_size, image.attrs["mode"], settings, marked)
    return draw_reference(values, pixel_size, columns, outlined=marked is not None)


def caption(plan: Plan, testset: str) -> str:
    """Return the caption."""
    settings, marked = plan.evaluations.lab_testset(testset), plan.evaluations.marked(testset)
    if marked:
        columns = (
            f"as marked in ``{marked}``; colour shows the height of the image there after smoothing and background "
            "subtraction. Methods are scored inside their convex hull, less a border; it is dashed."
        )
    else:
        columns = (
            f"local maxima of the undegraded image after Gaussian smoothing ({settings.reference_sigma_A:g} Å) and "
            f"background subtraction, higher than {settings.reference_threshold:g} of the range. They come from the "
            "recipe of one of the baselines: check them by eye."
        )
    return f"Reference columns of {settings.image}: {columns} They serve for detection alone."


FIGURE = Figure(
    subjects=each(lambda plan: list(plan.evaluations.lab_testsets), "reference_{}"),
    inputs=lambda plan, testset: {"image": plan.evaluations.lab_image(testset)},
    parameters=lambda plan, testset: {"settings": plan.evaluations.lab_settings(testset)},
    draw=draw,
    caption=caption,
    needs="a lab test set",
    category="Lab images",
)
