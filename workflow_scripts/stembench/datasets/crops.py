"""Training crops from stored images."""

from collections.abc import Iterator

import numpy as np
import torch


class Crops:
    """Batches of random crops, flipped at random; equal for the same (seed, epoch).

    Parameters
    ----------
    images, targets : ndarray of float32, shape (samples, y, x)
        What a network sees, and what it should answer.
    crop : int
        Edge of a crop [px].
    batch : int
        Crops a batch; what is left over of an epoch is left out.
    repeats : int
        Crops taken of each image in an epoch.
    seed : int
        Seed.
    """

    def __init__(
        self, images: np.ndarray, targets: np.ndarray, *, crop: int, batch: int, repeats: int, seed: int
    ) -> None:
        self.pairs = np.stack([images, targets], axis=1)
        self.crop, self.batch, self.repeats, self.seed = min(crop, *images.shape[-2:]), batch, repeats, seed

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return max(1, len(self.pairs) * self.repeats // self.batch)

    def epoch(self, number: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield (input, target), each of shape (batch, 1, crop, crop)."""
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(number,)))
        order = np.concatenate([rng.permutation(len(self.pairs)) for _ in range(self.repeats)])
        order = np.resize(order, self.steps * self.batch)
        for chosen in order.reshape(self.steps, self.batch):
            crops = torch.from_numpy(np.stack([self._crop(self.pairs[i], rng) for i in chosen]))
            yield crops[:, :1].contiguous(), crops[:, 1:].contiguous()

    def _crop(self, pair: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        y, x = (int(rng.integers(n - self.crop + 1)) for n in pair.shape[-2:])
        crop = pair[:, y : y + self.crop, x : x + self.crop]
        upside_down, mirrored = rng.integers(2, size=2)  # no quarter turns: rows are the scan's
        return crop[:, :: 1 - 2 * upside_down, :: 1 - 2 * mirrored]
