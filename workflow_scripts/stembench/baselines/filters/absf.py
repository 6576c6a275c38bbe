"""Average background subtraction filter: Kilaas, J. Microsc. 190, 45 (1998)."""

import numpy as np

from stembench.baselines.filters._fourier import filtered_by
from stembench.baselines.filters.base import Filter


def absf(image: np.ndarray, pixel_size: float, noise_from: float) -> np.ndarray:
    """Average background subtraction filter, (|F| - |N|) / |F| with the locally smoothed amplitudes F.

    The noise N is white, read beyond `noise_from` [1/A], where a probe transfers little.
    Source: Kilaas, J. Microsc. 190, 45 (1998), doi 10.1046/j.1365-2818.1998.3070861.x.
    """
    return filtered_by(lambda power, noise: 1 - np.sqrt(noise / power), image, pixel_size, noise_from)


FILTER = Filter(absf, parameters=(0.3, 0.5, 0.7, 1.0, 1.5))
