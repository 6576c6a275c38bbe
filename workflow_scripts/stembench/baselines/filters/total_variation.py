"""Total-variation denoising (Chambolle 2004) by scikit-image."""

import numpy as np
from skimage.restoration import denoise_tv_chambolle

from stembench.baselines.filters.base import Filter


def total_variation(image: np.ndarray, pixel_size: float, weight: float) -> np.ndarray:
    """Return the image of least total variation; a higher `weight` denoises more."""
    return denoise_tv_chambolle(image, weight=weight)


FILTER = Filter(total_variation, parameters=(0.05, 0.1, 0.3, 0.6, 1.0))
