"""Denoised images on the intensity scale and in the frame of those that they are made from."""

from pathlib import Path

import numpy as np

from stembench.application.frame import as_trained, on_scale_of
from stembench.application.tiling import Progress, map_of
from stembench.datasets.labels import TASK_LABELS
from stembench.errors import InputError
from stembench.imaging.detectors import Mode
from stembench.imaging.resampling import resampled
from stembench.trained_network import TrainedNetwork

_LABELS = ("noNoise", "noBackgroundnoNoise")


def denoise(
    image: np.ndarray,
    pixel_size_A: float,
    network: str | Path | TrainedNetwork,
    *,
    mode: Mode = "HAADF",
    progress: Progress | None = None,
) -> np.ndarray:
    """What a network for denoising makes of a raw image of any size.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Raw intensities; NaN where nothing was measured.
    pixel_size_A : float
        [A].
    network : str, Path or TrainedNetwork
        A trained network, or its folder.
    mode : Mode
        The image's; one that shows columns dark is shown to a network of the other contrast as its negative.
    progress : callable, optional
        Told after each tile how many are done, and of how many.

    Returns
    -------
    ndarray of float32, shape (y, x)
        On the image's intensity scale, by gain and offset of least squares; NaN where the image is.

    Raises
    ------
    InputError
        If the network was trained for another task, or no pixel was measured.
    """
    if not isinstance(network, TrainedNetwork):
        network = TrainedNetwork(network)
    task = network.record["task"]
    if TASK_LABELS[task] not in _LABELS:
        fitting = ", ".join(name for name, label in TASK_LABELS.items() if label in _LABELS)
        raise InputError(f"a network for {task} does not denoise an image in its frame; name one for {fitting}")
    seen, pixel_size = as_trained(image, pixel_size_A, network.record, mode=mode)
    found = resampled(map_of(network, seen, progress=progress), pixel_size, pixel_size_A, image.shape)
    denoised = on_scale_of(image, found)
    denoised[~np.isfinite(image)] = np.nan
    return denoised
