"""AtomAI's `Locator`: Ziatdinov et al. (2022), doi 10.1038/s42256-022-00555-8."""

import numpy as np
from scipy import ndimage

from stembench.localisation.regions import centroids

_THRESHOLD = 0.5
_EDGE_PX = 5


def localise(surface: np.ndarray, pixel_size: float, spacing: float) -> np.ndarray:
    """Geometric centres of the regions above 0.5, those within 5 px of the edge left out.

    Pixels that touch by a corner are not connected. The defaults of AtomAI 0.8.1, which do not refine the centres.
    Parameters and result as the package says; the spacing is not used.
    """
    centres = centroids(ndimage.label(surface > _THRESHOLD)[0])
    height, width = surface.shape
    inside = np.all((centres >= _EDGE_PX) & (centres <= [width - _EDGE_PX, height - _EDGE_PX]), axis=1)
    return centres[inside] * pixel_size
