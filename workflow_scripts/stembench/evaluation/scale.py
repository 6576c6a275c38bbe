"""Images on the scale of another."""

import numpy as np


def on_its_scale(output: np.ndarray, target: np.ndarray) -> np.ndarray:
    """An image with the gain, of at least 0, and the offset that fit a target best, by least squares.

    Parameters
    ----------
    output, target : ndarray, shape (y, x)
        Of any scales.
    """
    varied, wanted = output - output.mean(dtype=float), float(target.mean(dtype=float))
    power = float(np.vdot(varied, varied))
    gain = max(float(np.vdot(varied, target - wanted)) / power, 0.0) if power > 0 else 0.0
    return gain * varied + wanted
