"""Non-local means by scikit-image: Buades et al., CVPR 2005."""

import numpy as np
from skimage.restoration import denoise_nl_means

from stembench.baselines.filters.base import Filter


def non_local_means(image: np.ndarray, pixel_size: float, cut_off: float) -> np.ndarray:
    """Return the mean of similar patches; those that differ by more than `cut_off` [grey levels] hardly count.

    Patches of 5 px within 6 px. Source: Buades et al., CVPR 2005, doi 10.1109/CVPR.2005.38.
    """
    return denoise_nl_means(image, patch_size=5, patch_distance=6, h=cut_off, fast_mode=True)


FILTER = Filter(non_local_means, parameters=(0.05, 0.1, 0.2, 0.4))
