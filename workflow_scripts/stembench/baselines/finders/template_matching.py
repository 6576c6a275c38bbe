"""Template matching: the columns of a known structure where the image agrees with it."""

from typing import TYPE_CHECKING

import numpy as np

from stembench.baselines.finders.base import Finder
from stembench.localisation.peaks import PeakSettings

if TYPE_CHECKING:
    from stembench.crystals.projection import Projection


def template_matching(
    image: np.ndarray, pixel_size: float, settings: PeakSettings, structure: "Projection"
) -> tuple[np.ndarray, np.ndarray]:
    """Return columns [A] of the lattice that matches best, where its correlation with the image reaches the threshold.

    The heights are the correlations; see `baselines.template_matching`.
    """
    from stembench.baselines.template_matching import matched_columns

    positions, correlations = matched_columns(image, pixel_size, structure)
    kept = correlations >= settings.threshold
    return positions[kept], correlations[kept]


FINDER = Finder(
    find=template_matching,
    settings=tuple(PeakSettings(0.0, 0.0, i / 20, relative=False) for i in range(18)),
    needs_structure=True,
    kind="oracle",
)
