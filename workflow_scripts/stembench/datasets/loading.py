"""Images and targets for training."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import zarr
from torch.utils.data import DataLoader, Dataset

from stembench.datasets.labels import MADE_FROM, label
from stembench.datasets.store import Shards

Pair = tuple[np.ndarray, np.ndarray]
Seen = Callable[[np.ndarray], np.ndarray]

_KEPT_BYTES = 2e9  # of pairs that are held in memory


class StoredPairs(Dataset[Pair]):
    """(image, label) of stored samples, read when they are asked for.

    Parameters
    ----------
    folders : sequence of str or Path
        Shards.
    name : str
        The label.
    seen : callable, optional
        Makes of an image what the network sees of it.
    """

    def __init__(self, folders: Sequence[str | Path], name: str, seen: Seen = np.asarray) -> None:
        self.shards, self.name, self.seen = Shards(folders, ["image", name, *MADE_FROM.get(name, ())]), name, seen

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.shards)

    def __getitem__(self, position: int) -> Pair:
        """The pair at a position; raises IndexError beyond the last."""
        if position >= len(self):
            raise IndexError(position)
        sample = self.shards[position]
        return self.seen(sample.images["image"]), label(sample, self.name)


class Crops:
    """Batches of random crops, some upside down; equal for the same (seed, epoch), whatever the number of workers.

    Parameters
    ----------
    pairs : Dataset
        Images and targets; targets may be a whole number of times as large.
    crop : int
        Edge of a crop [px of the image].
    batch : int
        Crops a batch; what is left over of an epoch is left out.
    repeats : int
        Crops taken of each image in an epoch.
    seed : int
        Seed.
    workers : int
        Processes that read; none reads in the process that asks.
    """

    def __init__(
        self, pairs: Dataset[Pair], *, crop: int, batch: int, repeats: int, seed: int, workers: int = 0
    ) -> None:
        self.pairs, self.crop, self.batch, self.repeats, self.seed = pairs, crop, batch, repeats, seed
        self.workers = workers

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return max(1, len(self.pairs) * self.repeats // self.batch)

    def epoch(self, number: int) -> DataLoader:
        """Batches of (input, target), each of shape (batch, 1, edge, edge)."""
        return DataLoader(_Epoch(self, number), self.batch, num_workers=self.workers, worker_init_fn=one_thread)


def one_thread(_: int) -> None:
    """A worker is a process a core: threads of its own would only wait for each other."""
    torch.set_num_threads(1)
    zarr.config.set({"threading.max_workers": 1, "async.concurrency": 1})


class _Epoch(Dataset[Pair]):
    """The crops of one epoch, in their order."""

    def __init__(self, crops: Crops, number: int) -> None:
        rng = np.random.default_rng(np.random.SeedSequence(crops.seed, spawn_key=(number,)))
        order = np.concatenate([rng.permutation(len(crops.pairs)) for _ in range(crops.repeats)])
        self.order = np.resize(order, crops.steps * crops.batch)
        self.crops, self.number = crops, number

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, place: int) -> Pair:
        rng = np.random.default_rng(np.random.SeedSequence(self.crops.seed, spawn_key=(self.number, place)))
        image, target = self.crops.pairs[int(self.order[place])]
        crop = min(self.crops.crop, *image.shape)
        y, x = (int(rng.integers(n - crop + 1)) for n in image.shape)
        flip = 1 - 2 * rng.integers(2)  # upside down alone: rows are the scan's, and the detector's afterglow
        scale = len(target) // len(image)
        window = (
            np.s_[y : y + crop, x : x + crop],
            np.s_[scale * y : scale * (y + crop), scale * x : scale * (x + crop)],
        )
        parts = (part[where][::flip] for part, where in zip((image, target), window))
        return tuple(np.ascontiguousarray(part[None], np.float32) for part in parts)


def stacked(pairs: Dataset[Pair]) -> tuple[np.ndarray, np.ndarray]:
    """All images and all targets, of shape (samples, y, x) each."""
    images, targets = zip(*(pairs[i] for i in range(len(pairs))))
    return np.stack(images), np.stack(targets)


def kept(pairs: Dataset[Pair], cores: int) -> tuple[Dataset[Pair], int]:
    """The same pairs, held in memory where they fit, and how many processes should read them."""
    if len(pairs) * sum(part.nbytes for part in pairs[0]) <= _KEPT_BYTES:
        return torch.utils.data.StackDataset(*stacked(pairs)), 0
    return pairs, cores


def mean_target(pairs: Dataset[Pair], samples: int = 256) -> float:
    """Mean of the first targets."""
    return float(np.mean([pairs[i][1].mean() for i in range(min(samples, len(pairs)))]))
