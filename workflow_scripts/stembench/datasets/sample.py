"""One image with its labels and truth, as every stage passes it on."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Sample:
    """One image, its labels and its truth.

    Attributes
    ----------
    images : dict of ndarray of float32, shape (y, x)
        `image` (noisy), `noNoise` and `noBackgroundnoNoise`, in [0, 1]; other labels are made by `labels.label`.
    columns : DataFrame
        A row a column inside the image: `x_A`, `y_A` (where it appears, see `noise.scan`),
        `ideal_x_A`, `ideal_y_A` (where it is), `strength` (1 for the brightest), `visibility` (how far it stands out
        from the noise, in SDs; nan where a neighbour or an overlayer hides it, and where it is not known),
        `neighbour_A` (distance to the nearest column that is asked for), `asked` (visible), `ignored_A` (how far
        around one that is not visible nothing is said), `resolved` (neighbour at least one probe FWHM away), `hidden`
        (under an overlayer) and `rim_A` (how far inside a particle's outline, nan elsewhere); `crlb_pm` is the
        Cramer-Rao bound of its position jointly with those of all that are asked for, in test splits of linear images
        with shot noise alone.
    parameters : dict
        Everything that was drawn.
    """

    images: dict[str, np.ndarray]
    columns: pd.DataFrame
    parameters: dict
