"""AtomID-Net's local maximum filter and non-maximum suppression: Lin et al. (2023), doi 10.1002/smsc.202300031."""

import numpy as np

_WINDOW_PX = 8
_THRESHOLD = 0.1
_MOST_OVERLAP = 0.3


def localise(surface: np.ndarray, pixel_size: float, spacing: float) -> np.ndarray:
    """Maxima of windows of 8 x 8 px that lie side by side, of which those that crowd a higher one are suppressed.

    A maximum counts from 0.1 on. Two crowd each other where squares around them, twice the spacing wide, overlap by
    more than 0.3 of their union: along the axes where they are closer than 1.08 times the spacing, so that in a square
    lattice whose spacing is told exactly every other column goes. Positions are whole pixels.
    Steps and values are those of the authors' code (github.com/Lynyanyu/AtomID-Net, utils/data_utils.py and
    trainer.py) for images of whole windows, to which they bring theirs. Parameters and result as the package says.
    """
    padded = np.pad(surface, [(0, -n % _WINDOW_PX) for n in surface.shape])
    down, across = (n // _WINDOW_PX for n in padded.shape)
    windows = padded.reshape(down, _WINDOW_PX, across, _WINDOW_PX).swapaxes(1, 2).reshape(down * across, -1)
    heights, (y, x) = windows.max(axis=1), np.divmod(windows.argmax(axis=1), _WINDOW_PX)
    row, column = np.divmod(np.arange(len(windows)), across)
    maxima = np.stack([column * _WINDOW_PX + x, row * _WINDOW_PX + y], axis=1)
    highest_first = np.argsort(-heights, kind="stable")
    candidates = maxima[highest_first[heights[highest_first] >= _THRESHOLD]]

    side = 2 * int(spacing)
    common = np.clip(side - np.abs(candidates[:, None] - candidates), 0, None).prod(axis=-1)
    crowding = common > _MOST_OVERLAP * (2 * side**2 - common)
    kept: list[int] = []
    for candidate in range(len(candidates)):
        if not crowding[candidate, kept].any():
            kept.append(candidate)
    return candidates[kept] * pixel_size
