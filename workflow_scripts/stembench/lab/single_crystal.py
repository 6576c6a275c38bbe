"""The images that lattice precision is measured on: a lab image of one crystal, and the same with columns displaced."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stembench.datasets.sample import Sample
from stembench.evaluation.displacement_response import drawn_displacements, with_displaced
from stembench.evaluation.lattice_precision import AXES, lattice_vectors
from stembench.imaging.detectors import Mode, bright_columns
from stembench.localisation.gaussian_fit import fit_gaussians


def single_crystal_samples(
    image: np.ndarray, pixel_size: float, columns: pd.DataFrame, *, counts_per_px: float, name: str, mode: Mode
) -> list[Sample]:
    """Sample 0, a lab image as it is, and sample 1, in which single columns are displaced.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Undegraded.
    pixel_size : float
        [A].
    columns : DataFrame
        Its reference columns (`degradation.reference_columns`), numbered from 0.
    counts_per_px : float
        Dose at which methods that are tuned for a dose read it.
    name : str
        Of the image.
    mode : Mode
        Its detector's.

    Returns
    -------
    list of Sample
        Their columns are the displaced ones alone, where they are in sample 0, with the displacements `dx_pm`, `dy_pm`;
        among the parameters are the lattice vectors `a_x_A`, `a_y_A`, `b_x_A`, `b_y_A`.
    """
    extent = tuple(n * pixel_size for n in image.shape)
    fit = fit_gaussians(bright_columns(image, mode), columns[["x_A", "y_A"]].to_numpy() / pixel_size)
    displaced = drawn_displacements(columns[fit.fitted], extent, np.random.default_rng(0))
    # Of dark columns as well: one less what is bright is dark.
    others = bright_columns(fit.without(displaced.index), mode)
    vectors = lattice_vectors(image, pixel_size)
    known = {"material": name, "zone": "", "mode": mode, "pixel_size_A": pixel_size, "counts_per_px": counts_per_px}
    for axis, (x, y) in zip(AXES, vectors):
        known |= {f"{axis}_x_A": x, f"{axis}_y_A": y}
    shown = on_one_scale((image, with_displaced(image, pixel_size, displaced, others)))
    return [Sample({"image": one}, displaced, {"sample": i, **known}) for i, one in enumerate(shown)]


def on_one_scale(images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Images as they are stored, float32 in [0, 1], by the darkest and brightest pixel of the first one."""
    low, high = images[0].min(), images[0].max()
    return [((image - low) / max(high - low, 1e-12)).clip(0, 1).astype(np.float32) for image in images]
