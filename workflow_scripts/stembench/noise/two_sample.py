"""Classifier two-sample tests: how well what learns on some crops tells others, real from synthetic.

Source: Lopez-Paz and Oquab, arXiv 1610.06545. What learns is a linear discriminant on the cosine spectra of patches, or
a small convolutional network on windows.
"""

from collections.abc import Callable

import numpy as np
import torch
from scipy import fft
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import nn
from torch.nn import functional

_PATCH_PX = 8
_ROUNDING = 1 / 12  # variance of rounding to whole grey levels, which keeps the logarithm finite
_WINDOW_PX = 32
_STEPS, _BATCH, _RATE = 150, 64, 3e-3


def linear_scores(learnt: tuple[np.ndarray, np.ndarray], asked: np.ndarray, seed: int) -> np.ndarray:
    """How synthetic patches of crops look to a linear discriminant.

    Parameters
    ----------
    learnt : tuple of ndarray, shape (crops, edge, edge)
        Synthetic and real crops that it learns on [grey].
    asked : ndarray, shape (crops, edge, edge)
        Others.
    seed : int
        As for `network_scores`; a discriminant draws no number.

    Returns
    -------
    ndarray, shape (crops, patches)
    """
    features = [_patch_features(each) for each in learnt]
    labels = np.repeat([1, 0], [each.shape[0] * each.shape[1] for each in features])
    flat = np.concatenate([each.reshape(-1, each.shape[-1]) for each in features])
    classifier = LinearDiscriminantAnalysis(solver="lsqr").fit(flat, labels)
    wanted = _patch_features(asked)
    return classifier.decision_function(wanted.reshape(-1, wanted.shape[-1])).reshape(wanted.shape[:2])


def _patch_features(crops: np.ndarray) -> np.ndarray:
    """Logarithmic power of each patch's cosine transform but its mean, shape (crops, patches, features)."""
    n = crops.shape[1] // _PATCH_PX
    patches = crops.reshape(len(crops), n, _PATCH_PX, n, _PATCH_PX).swapaxes(2, 3)
    power = fft.dctn(patches.reshape(len(crops), n * n, _PATCH_PX, _PATCH_PX), axes=(2, 3), norm="ortho") ** 2
    return np.log(power + _ROUNDING).astype(np.float32).reshape(len(crops), n * n, -1)[:, :, 1:]  # fast to classify


def network_scores(learnt: tuple[np.ndarray, np.ndarray], asked: np.ndarray, seed: int) -> np.ndarray:
    """How synthetic windows of crops look to a network of three convolutions that learns for about a second.

    Parameters are those of `linear_scores`; the seed is that of weights and windows.

    Returns
    -------
    ndarray, shape (crops, windows)
    """
    scale = np.concatenate(learnt).std()
    synthetic, real, others = (
        torch.from_numpy(((each - each.mean((1, 2), keepdims=True)) / scale).astype(np.float32))
        for each in (*learnt, asked)
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more of them wait for each other: the network is small
    try:
        return _trained(synthetic, real, seed)(others)
    finally:
        torch.set_num_threads(threads)


def _trained(synthetic: torch.Tensor, real: torch.Tensor, seed: int) -> Callable[[torch.Tensor], np.ndarray]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            *(nn.Conv2d(1, 8, 5, stride=2), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2), nn.ReLU()),
            *(nn.Conv2d(16, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 1)),
        )
        optimiser = torch.optim.Adam(network.parameters(), _RATE)
        labels = torch.cat([torch.ones(_BATCH // 2), torch.zeros(_BATCH // 2)])
        for _ in range(_STEPS):
            windows = torch.cat([_windows(each, _BATCH // 2) for each in (synthetic, real)])
            loss = functional.binary_cross_entropy_with_logits(network(windows)[:, 0], labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    def scores(others: torch.Tensor) -> np.ndarray:
        corners = [(y, x) for y in (0, others.shape[1] - _WINDOW_PX) for x in (0, others.shape[2] - _WINDOW_PX)]
        with torch.inference_mode():
            found = [network(others[:, None, y : y + _WINDOW_PX, x : x + _WINDOW_PX])[:, 0] for y, x in corners]
        return torch.stack(found, 1).numpy()

    return scores


def _windows(crops: torch.Tensor, count: int) -> torch.Tensor:
    """Return random windows, half of them upside down, shape (count, 1, edge, edge)."""
    chosen = torch.randint(len(crops), (count,)).tolist()
    corners = torch.randint(crops.shape[-1] - _WINDOW_PX + 1, (count, 2)).tolist()
    cut = [crops[n, y : y + _WINDOW_PX, x : x + _WINDOW_PX] for n, (y, x) in zip(chosen, corners)]
    return torch.stack([*cut[: count // 2], *(each.flip(0) for each in cut[count // 2 :])])[:, None]
