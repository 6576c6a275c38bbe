import numpy as np
import pytest
from stembench.lab.frames import averaged


def crystal(shape, dy, dx, rng, counts):
    """A crystal with a brighter column, drawn where it is and not shifted."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = np.full(shape, 0.1)
    for i in range(-20, shape[1] + 20, 16):
        for j in range(-20, shape[0] + 20, 16):
            height = 1.6 if (i, j) == (60, 44) else 1.0
            image += height * np.exp(-((x - i - dx) ** 2 + (y - j - dy) ** 2) / (2 * 3**2))
    return rng.poisson(counts * image) / counts


def test_frames_are_moved_back_by_their_drift_to_a_tenth_of_a_pixel():
    rng = np.random.default_rng(1)
    drift = np.cumsum(rng.normal([0.6, -0.9], 0.5, (8, 2)), axis=0)
    frames = np.stack([crystal((128, 144), *d, rng, 20) for d in drift])
    mean, shifts = averaged(frames)
    assert shifts == pytest.approx(drift[4] - drift, abs=0.1)
    inner = (slice(10, -10), slice(10, -10))
    truth = crystal((128, 144), *drift[4], rng, 1e7)
    assert np.std((mean - truth)[inner]) < 0.5 * np.std((frames[4] - truth)[inner])
    assert np.std((frames.mean(0) - truth)[inner]) > 2 * np.std((mean - truth)[inner])


def test_what_few_frames_reach_and_what_was_not_measured_is_left_out():
    rng = np.random.default_rng(2)
    frames = np.stack([crystal((96, 96), 0, 2.0 * i, rng, 1e4) for i in range(3)])
    frames[:, :12, :30] = np.nan
    mean, shifts = averaged(frames)
    assert shifts == pytest.approx(np.array([[0, 2.0], [0, 0], [0, -2.0]]), abs=0.1)
    assert np.isnan(mean[5, 5])
    assert np.isnan(mean).sum() < 12 * 36
    reached = np.isfinite(mean)
    assert mean[reached] == pytest.approx(crystal((96, 96), 0, 2.0, rng, 1e8)[reached], abs=0.1)
