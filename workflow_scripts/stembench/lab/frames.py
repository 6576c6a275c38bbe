"""Frames of one area, recorded one after the other: aligned and averaged."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from skimage.registration import phase_cross_correlation

_REGISTERED_PX = 1024  # edge of the central part by which a frame is registered
_UPSAMPLING = 100  # of the correlation: shifts are read in steps of a hundredth of a pixel
_ROUNDS = 3  # a frame is shifted by what was found, and what remains is found, so often at most
_SETTLED_PX = 0.02
_REACHED = 0.5  # share of the frames that reach a pixel of the average


def averaged(frames: np.ndarray | Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The mean of frames that drifted by rigid shifts, in the place of the middle one.

    From the middle frame outwards each is registered to the mean of those before it, beginning at the shift of its
    neighbour, and then all once more to the mean of all. Of a crystal that drifts from one frame to the next by half a
    period or more the shift is known but for whole periods.

    Parameters
    ----------
    frames : ndarray, shape (frames, y, x)
        Intensities; NaN where nothing was measured.

    Returns
    -------
    mean : ndarray, shape (y, x), float32
        NaN where fewer than half of the frames reach.
    shifts : ndarray, shape (frames, 2)
        How far each was moved, (y, x) [px].
    """
    middle, shifts = len(frames) // 2, np.zeros((len(frames), 2))
    windowed = _Window(frames[middle].shape)
    after = [(i, i - 1) for i in range(middle + 1, len(frames))]
    before = [(i, i + 1) for i in range(middle - 1, -1, -1)]
    mean = windowed.part(frames[middle])
    for count, (i, neighbour) in enumerate(after + before, start=1):
        shifts[i], moved = windowed.registered(frames[i], mean, shifts[neighbour])
        mean = mean + (moved - mean) / (count + 1)
    for i in range(len(frames)):
        shifts[i], _ = windowed.registered(frames[i], mean, shifts[i])
    shifts -= shifts[middle]

    total, reached = np.zeros(frames[0].shape), np.zeros(frames[0].shape, np.uint32)
    for frame, shift in zip(frames, shifts):
        moved = _moved(frame, shift)
        there = np.isfinite(moved)
        total[there] += moved[there]
        reached += there
    known = reached >= max(_REACHED * len(frames), 1)
    return np.where(known, total / np.maximum(reached, 1), np.nan).astype(np.float32), shifts


class _Window:
    """The central part of frames, by which they are registered."""

    def __init__(self, shape: tuple[int, int]) -> None:
        edges = [min(n, _REGISTERED_PX) for n in shape]
        self.slices = tuple(slice((n - edge) // 2, (n - edge) // 2 + edge) for n, edge in zip(shape, edges))
        # Fading to the borders, which are no part of what drifts.
        self.weights = np.outer(*(np.hanning(edge + 2)[1:-1] for edge in edges))

    def part(self, frame: np.ndarray) -> np.ndarray:
        """The central part of a frame less its mean, which stands where nothing was measured."""
        part = np.asarray(frame[self.slices], float)
        known = np.isfinite(part)
        return np.where(known, part - part[known].mean() if known.any() else 0.0, 0.0)

    def registered(self, frame: np.ndarray, mean: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The shift of a frame onto the mean, sought from a first one on, and the frame's part moved by it."""
        part, shift = self.part(frame), shift.copy()
        for _ in range(_ROUNDS):
            moved = np.nan_to_num(_moved(part, shift))
            found, _, _ = phase_cross_correlation(
                mean * self.weights, moved * self.weights, upsample_factor=_UPSAMPLING, normalization=None
            )
            shift += found
            if np.abs(found).max() < _SETTLED_PX:
                break
        return shift, np.nan_to_num(_moved(part, shift))


def _moved(frame: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """A frame moved by a shift (y, x) [px]; NaN where nothing was measured."""
    frame = np.asarray(frame, float)
    if not shift.any():
        return frame
    known = np.isfinite(frame)
    filled = frame if known.all() else np.where(known, frame, frame[known].mean() if known.any() else 0.0)
    moved = ndimage.shift(filled, shift, order=3, mode="constant", cval=np.nan)
    if not known.all():
        moved[ndimage.shift((~known).astype(float), shift, order=1, cval=1.0) > 0] = np.nan
    return moved
