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
        "image. The right half, which calibration never saw, is divided into an upper and a lower part. Real crops of "
        "64 px of one part are compared with crops of the other part's estimated lattice under calibrated noise, under "
        "the published default of the detector (arXiv 2504.02555), and under TEMImageNet's row jitter and shot noise "
        "(16 µs and 30 pA, the brightest grey level being the fraction of the beam that ``imaging`` states). The floor "
        "is the distance between real crops of the two parts. Statistics: log-spectral distance of the rows' and the "
        "columns' mean power, Wasserstein distance of the pointwise noise, RMS difference of the scan-noise SD over "
        "gradients, difference of the SD of row displacements, and three that calibration never fits: Wasserstein "
        "distance of the signed correlations of each row's residual with the gradient along it, RMS difference of the "
        "2-D autocorrelation up to 8 px, and \\|2 AUC - 1\\| of two classifiers, a linear discriminant on the "
        "cosine spectra of 8 px patches and a network of three convolutions. The classifiers learn on one part and "
        "are asked on the other; their floor is chance. ``all`` is the geometric mean of the multiples of the floor. "
        "``dataset:`` compares whole images of a dataset that carries this noise, by statistics that depend on no "
        "crystal. Brackets and bars: 95 % of 100 random draws of the crops; ``calibrated_nearer`` is the fraction of "
        "draws in which calibrated noise is nearer than the row's."
    )


TABLE = Table(
    subjects=once(lambda plan: plan.lab.calibrating, "realism"),
    inputs=lambda plan, _: {"distances": plan.layout.realism_distances},
    tabulate=tabulate,
    caption=caption,
    needs="a lab image of an instrument in `calibration.instruments`",
)
