"""Distance of calibrated, published and TEMImageNet noise from the noise of real images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stembench.reporting.base import Inputs, Parameters, Table, once

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan


def tabulate(inputs: Inputs, _: Parameters) -> pd.DataFrame:
    """Return the table."""
    from stembench.products import read_parquet

    return read_parquet(inputs["distances"]).drop(columns="pixel_size_A")


def caption(plan: Plan, _: str) -> str:
    """Return the caption, which the figure has too."""
    return (
        "Distance of synthetic noise from the noise of real images. Noise is calibrated on the left half of each "
        "image. On the right half, which calibration never saw, the image is compared with its own estimated lattice "
        "under calibrated noise, under the published default of the detector (arXiv 2504.02555), and under "
        "TEMImageNet's row jitter and shot noise (16 µs and 30 pA, the brightest grey level being the fraction of the "
        "beam that ``imaging`` states). The floor is the distance between two random halves of the real crops of 64 "
        "px. Statistics: log-spectral distance of the rows' and the columns' mean power, Wasserstein distance of the "
        "pointwise noise, RMS difference of the scan-noise SD over gradients, and two that calibration never fits: RMS "
        "difference of the 2-D autocorrelation up to 8 px, and \\|2 AUC - 1\\| of a linear discriminant that is given "
        "the cosine spectra of 8 px patches. ``all`` is the geometric mean of their multiples of the floor. Brackets "
        "and bars: 95 % of 100 random halves of the crops; ``calibrated_nearer`` is the fraction of halves in which "
        "calibrated noise is nearer than the row's."
    )


TABLE = Table(
    subjects=once(lambda plan: plan.lab.calibrating, "realism"),
    inputs=lambda plan, _: {"distances": plan.layout.realism_distances},
    tabulate=tabulate,
    caption=caption,
    needs="a lab image of an instrument in `calibration.instruments`",
)
