"""Images and targets for training."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import zarr
from torch.utils.data import ConcatDataset, DataLoader, Dataset

from stembench.datasets.labels import MADE_FROM, label
from stembench.datasets.sample import Sample
from stembench.datasets.store import Shards

Pair = tuple[np.ndarray, np.ndarray] | tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]
Seen = Callable[[np.ndarray], np.ndarray]
Asked = Callable[[Sample], tuple]

_KEPT_BYTES = 2e9  # of pairs that are held in memory


class Pairs(Protocol):
    """Pairs by their position."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, position: int, /) -> Pair:
        """The pair at a position."""


class Epoch(Protocol):
    """Batches of (input, target) and what else the network is told, as many as `len` says, anew in each iteration."""

    def __len__(self) -> int:
        """How many there are."""

    def __iter__(self) -> Iterator[Any]:
        """The batches."""


class Batches(Protocol):
    """Batches of crops by epoch, as `Crops` gives them."""

    batch: int
    steps: int
    seed: int

    def positions(self, number: int) -> np.ndarray:
        """Which samples an epoch shows, in their order; shape (steps * batch,)."""

    def epoch(self, number: int, process: int = 0, processes: int = 1) -> "Epoch":
        """The batches of an epoch, or the equal part of each that one of several processes takes."""


class StoredPairs(Dataset[Pair]):
    """Images and labels of stored samples, read on demand.

    Parameters
    ----------
    folders : sequence of str or Path
        Folders of shards.
    name : str
        Name of the label, such as `gaussianMask`.
    seen : callable, optional
        Turns an image into the input of the network; by default the image itself.
    asked : callable, optional
        Turns a sample into its targets; by default the label.
    """

    def __init__(
        self, folders: Sequence[str | Path], name: str, seen: Seen = np.asarray, asked: Asked | None = None
    ) -> None:
        self.shards = Shards(folders, ["image", name, *MADE_FROM.get(name, ())])
        self.seen, self.asked = seen, asked or labelled(name)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.shards)

    def __getitem__(self, position: int) -> Pair:
        """The pair at a position; raises IndexError beyond the last."""
        if position >= len(self):
            raise IndexError(position)
        return self._pair(self.shards[position])

    def __iter__(self) -> Iterator[Pair]:
        """All pairs, which is faster than one by one."""
        return map(self._pair, self.shards)

    def _pair(self, sample: Sample) -> Pair:
        return self.seen(sample.images["image"]), *self.asked(sample)


def labelled(name: str) -> Asked:
    """What makes a label of a sample."""
    return lambda sample: (label(sample, name),)


class Crops:
    """Batches of random crops, some of them flipped.

    The same seed and epoch give the same batches, for any number of workers. Every image appears once before any
    appears again, over all epochs.

    Parameters
    ----------
    pairs : Pairs
        Images and targets, such as `StoredPairs`. Targets may be an integer times as large, and hold several maps.
        Further arrays of an item are passed on unchanged.
    crop : int
        Edge of a crop [px of the image].
    batch : int
        Crops per batch.
    seed : int
        Seed of the order and of the crops.
    samples : int, optional
        Crops per epoch, in whole batches; by default the number of images.
    workers : int
        Processes that read; 0 reads in the calling process.
    """

    def __init__(
        self, pairs: Pairs, *, crop: int, batch: int, seed: int, samples: int | None = None, workers: int = 0
    ) -> None:
        self.pairs, self.crop, self.batch, self.seed, self.workers = pairs, crop, batch, seed, workers
        self.steps = max(1, (samples or len(pairs)) // batch)

    def epoch(self, number: int, process: int = 0, processes: int = 1) -> DataLoader:
        """Return batches of (input, target), of shapes (batch, 1, edge, edge) and (batch, maps, edge, edge).

        Processes that share a training each get their part of every batch.
        """
        crops, size = _Epoch(self, number), max(1, self.batch // processes)
        mine = range(process, len(crops), processes)
        return DataLoader(crops, size, sampler=mine, num_workers=self.workers, worker_init_fn=one_thread)

    def positions(self, number: int) -> np.ndarray:
        """Which pairs an epoch shows, in their order; shape (steps * batch,)."""
        first, count = number * self.steps * self.batch, self.steps * self.batch
        places = np.arange(first, first + count)
        passes, within = np.divmod(places, len(self.pairs))
        orders = {n: randomness(self.seed, n).permutation(len(self.pairs)) for n in np.unique(passes).tolist()}
        return np.array([orders[n][i] for n, i in zip(passes.tolist(), within.tolist())])


def one_thread(_: int) -> None:
    """A worker is a process a core: threads of its own would only wait for each other."""
    torch.set_num_threads(1)
    zarr.config.set({"threading.max_workers": 1, "async.concurrency": 1})


class _Epoch(Dataset[tuple]):
    """The crops of one epoch, in their order."""

    def __init__(self, crops: Crops, number: int) -> None:
        self.crops, self.number, self.order = crops, number, crops.positions(number)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, place: int) -> tuple:
        pair = self.crops.pairs[int(self.order[place])]
        image, target = (torch.from_numpy(np.asarray(part, np.float32)) for part in pair[:2])
        return *cropped(image, target, self.crops.crop, randomness(self.crops.seed, self.number, place)), *pair[2:]


def randomness(seed: int, *key: int) -> np.random.Generator:
    """Random numbers of a crop, or of an order."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def cropped(
    image: torch.Tensor, target: torch.Tensor, edge: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """A random square of an image, perhaps upside down, and the same of its target.

    Rows are the scan's, along which detectors glow, so no other turn leaves an image as a microscope takes it.

    Parameters
    ----------
    image : Tensor, shape (y, x)
        The image.
    target : Tensor, shape (scale * y, scale * x) or (maps, scale * y, scale * x)
        Its target.
    edge : int
        Edge of the crop [px of the image], or the image's own if that is less.
    rng : Generator
        Random numbers.

    Returns
    -------
    Tensor, shape (1, edge, edge) and (maps, scale * edge, scale * edge)
    """
    edge, scale = min(edge, *image.shape), target.shape[-1] // image.shape[-1]
    y, x = (int(rng.integers(n - edge + 1)) for n in image.shape)
    upside_down = bool(rng.integers(2))
    parts = []
    for maps, factor in ((image, 1), (target, scale)):
        part = maps[..., factor * y : factor * (y + edge), factor * x : factor * (x + edge)]
        part = part if part.ndim == 3 else part[None]
        parts.append(part.flip(1) if upside_down else part)
    return parts[0], parts[1]


def kept(stored: Sequence[StoredPairs], cores: int) -> tuple[Pairs, int]:
    """All pairs of some datasets, held in memory where they fit, and how many processes should read them."""
    pairs: ConcatDataset[Pair] = ConcatDataset(stored)
    image, target, *_ = pairs[0]
    if len(pairs) * (image.nbytes + target.nbytes) <= _KEPT_BYTES:
        return [pair for each in stored for pair in each], 0
    return pairs, cores


def mean_target(pairs: Pairs, maps: int = 1, samples: int = 256) -> float:
    """Mean of the first maps of the first targets, where they say anything."""
    targets = [pairs[i][1][:maps] for i in range(min(samples, len(pairs)))]
    return float(sum(np.nansum(each) for each in targets) / sum(np.isfinite(each).sum() for each in targets))
