"""A trained network on an image of any size, tile by tile, as if on the whole.

A tile begins where the network's pooling grid has a corner and is as much larger than its core as the network looks
beyond a pixel, so that cores join without seams and are what the network makes of the whole image.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from stembench.errors import InputError
from stembench.networks.base import Network
from stembench.networks.registry import build, normalise, restore
from stembench.trained_network import TrainedNetwork

#: Takes how many tiles are done, and of how many.
Progress = Callable[[int, int], None]

#: Longest edge of a tile with what it sees beyond its core [px]; see `benchmarks/large_image.py`.
WINDOW_PX = 1024
#: The same for networks that see all of their image: near the size of those that they are trained and tested on. Peaks
#: of a crystal's spectrum grow with its image: SFIN denoises 512 x 512 px better by such tiles than as a whole.
GLOBAL_WINDOW_PX = 256
#: How far from a pixel a network is asked to look; one that looks further is taken to see all of its image [px].
FARTHEST_PX = 128
#: How much larger than its core on each side a tile is for a network that sees all of it [px].
GLOBAL_OVERLAP_PX = 48

_FULL_WINDOW_WIDTH = 0.25  # of a network; wider ones have smaller tiles, so that channels take no more memory
_NARROW = 0.1  # how far a network looks does not depend on its width


@dataclass(frozen=True)
class Tile:
    """A part of an image: `window` is what the network sees, `core` what its map is taken of; the cores fill the image.

    Attributes
    ----------
    window, core : tuple of slice
        Rows and columns of the image.
    """

    window: tuple[slice, slice]
    core: tuple[slice, slice]

    @property
    def inner(self) -> tuple[slice, slice]:
        """Rows and columns of the window that are the core."""
        down, across = (
            slice(core.start - window.start, core.stop - window.start) for window, core in zip(self.window, self.core)
        )
        return down, across


def map_of(
    network: TrainedNetwork,
    image: np.ndarray,
    *,
    context: Mapping[str, np.ndarray] = {},
    progress: Progress | None = None,
) -> np.ndarray:
    """The map of a whole image; parameters as those of `maps_of_tiles`.

    Returns
    -------
    ndarray of float32, shape (y, x)
        Of a network that sees all of its image, maps of neighbouring tiles fade into each other.
    """
    whole = np.zeros(image.shape, np.float32)
    fading, margin = not np.isfinite(reach_of(network)), _rounded_up(GLOBAL_OVERLAP_PX, network.network.divisor)
    for tile, found in maps_of_tiles(network, image, context=context, progress=progress):
        if fading:
            rows, columns = (_fading(*part, margin) for part in zip(tile.window, tile.core))
            whole[tile.window] += rows[:, None] * columns * found
        else:
            whole[tile.core] = found[tile.inner]
    return whole


def maps_of_tiles(
    network: TrainedNetwork,
    image: np.ndarray,
    *,
    context: Mapping[str, np.ndarray] = {},
    progress: Progress | None = None,
) -> Iterator[tuple[Tile, np.ndarray]]:
    """The map of an image tile by tile, for images whose maps, or what is made of them, would not fit into memory.

    Parameters
    ----------
    network : TrainedNetwork
        The network.
    image : ndarray, shape (y, x)
        In [0, 1], as `frame.as_trained` gives it; it is normalised as a whole.
    context : mapping of ndarray
        What the network is told beside each tile, by name, as `Network.context` gives it.
    progress : callable, optional
        Told after each tile how many are done, and of how many.

    Yields
    ------
    tile : Tile
        Its place.
    found : ndarray of float32
        The map of its window. Inside its core it is that of the whole image: to rounding where the network looks a
        finite way, else nearly.

    Raises
    ------
    InputError
        If the network's maps are larger than the image.
    """
    if network.network.scale != 1:
        raise InputError(
            f"a network for {network.record['task']} gives maps of {network.network.scale} times the image's size; "
            "name one for a task without _2x"
        )
    seen = normalise(image.astype(np.float32, copy=False), network.record["normalisation"])
    divisor = network.network.divisor
    tiles = tiles_of(image.shape, divisor, reach_of(network), network.record["width"])
    told = {name: torch.from_numpy(values)[None].to(network.device) for name, values in context.items()}
    for done, tile in enumerate(tiles, 1):
        with torch.inference_mode(), _InWhole(tile, image.shape, divisor):
            part = torch.from_numpy(np.ascontiguousarray(seen[tile.window]))[None, None]
            output = network.network(part.to(network.device, memory_format=torch.channels_last), **told)
            found = restore(network.network.map_of(output)[0, 0].float(), network.record["normalisation"]).cpu()
        yield tile, found.numpy()
        if progress is not None:
            progress(done, len(tiles))


@contextmanager
def progress_bar(description: str) -> Iterator[Progress]:
    """A bar on standard error that shows progress, or nothing where that is no terminal."""
    from tqdm import tqdm

    with tqdm(desc=description, unit="tile", disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def tiles_of(shape: tuple[int, ...], divisor: int, reach: float, width: float) -> list[Tile]:
    """Tiles of an image, row by row.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the image [px].
    divisor : int
        Windows and cores begin at multiples of it.
    reach : float
        By how much windows are larger than cores on each side, at least [px]; infinite for a network that sees all.
    width : float
        Of the network.
    """
    overlap, window = GLOBAL_OVERLAP_PX, GLOBAL_WINDOW_PX
    if np.isfinite(reach):
        overlap, window = int(reach), int(WINDOW_PX * min(1, (_FULL_WINDOW_WIDTH / width) ** 0.5))
    margin = _rounded_up(overlap, divisor)
    down, across = (_along(length, window, margin, divisor) for length in shape)
    return [Tile((rows, columns), (y, x)) for rows, y in down for columns, x in across]


def _along(length: int, window: int, margin: int, divisor: int) -> list[tuple[slice, slice]]:
    """Windows and cores along one axis; cores are about equal, and no shorter than two margins but for the last."""
    count = 1 if length <= window else -(-length // (window - 2 * margin))
    core = _rounded_up(-(-length // count), divisor)
    edges = [*range(0, length, core), length]
    return [
        (slice(max(0, start - margin), min(length, stop + margin)), slice(start, stop))
        for start, stop in pairwise(edges)
    ]


def _rounded_up(number: int, divisor: int) -> int:
    return -(-number // divisor) * divisor


def _fading(window: slice, core: slice, margin: int) -> np.ndarray:
    """Weights of a window's pixels, which add up to 1 with those of its neighbours: 1/2 at the edges of cores."""
    places = np.arange(window.start, window.stop, dtype=np.float32) + 0.5
    weights = np.ones_like(places)
    if core.start > window.start:
        weights *= np.clip((places - core.start) / (2 * margin) + 0.5, 0, 1)
    if window.stop > core.stop:
        weights *= np.clip((core.stop - places) / (2 * margin) + 0.5, 0, 1)
    return weights


def reach_of(network: TrainedNetwork) -> float:
    """How far from a pixel of its map a network looks [px]; infinite if further than `FARTHEST_PX`."""
    options = tuple(sorted(network.record["options"].items()))
    return _reach(network.record["architecture"], options)


@cache
def _reach(architecture: str, options: tuple[tuple[str, Any], ...]) -> float:
    """Found by the gradient of a block of the map, as large as the pooling grid's cells, in the middle of a strip.

    The network is one of random positive weights, which sees positive numbers: no part of the gradient cancels, and
    every activation that passes positive numbers passes it. The map is taken before its sigmoid, which has no gradient
    where it is saturated. Where the largest is taken of several numbers, it is their mean, which looks at all.
    """
    network = build(architecture, _NARROW, 0, options=dict(options)).double().eval()
    random = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        mean = 1 / parameter[0].numel() if parameter.ndim > 1 else 1.0
        parameter.data.uniform_(0.5 * mean, 1.5 * mean, generator=random)
    return max(_reach_along(network, axis) for axis in (-2, -1))


def _reach_along(network: Network, axis: int) -> float:
    divisor = network.divisor
    first = _rounded_up(FARTHEST_PX, divisor) + divisor
    shape = [1, 1, *2 * [_rounded_up(2 * divisor, 32)]]
    shape[axis] = 2 * first + divisor
    strip = torch.ones(shape, dtype=torch.double, requires_grad=True)
    with _MeansForMaxima():
        block = network.map_of(network(strip, logits=True)).narrow(axis, first, divisor).sum()
    if not block.requires_grad:  # it finds boxes, and draws its map from them
        return np.inf
    (gradient,) = torch.autograd.grad(block, strip)
    seen = np.flatnonzero(gradient.abs().movedim(axis, 0).flatten(1).amax(dim=1).numpy())
    reach = max(first - int(seen[0]), int(seen[-1]) - (first + divisor - 1))
    return reach if reach <= FARTHEST_PX else np.inf


class _MeansForMaxima(TorchFunctionMode):
    """Pooling takes means instead of maxima."""

    def __torch_function__(self, function: Callable, _: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if function in (functional.max_pool2d, torch.max_pool2d):
            image, size = args[:2] if len(args) > 1 else (args[0], (kwargs or {})["kernel_size"])
            return functional.avg_pool2d(image, size)
        return function(*args, **kwargs or {})


class _InWhole(TorchFunctionMode):
    """Bilinear interpolation from corner to corner means the corners of the whole image, not those of a tile.

    How far it moves what it interpolates depends on the place in the image, by up to half a pixel.
    """

    def __init__(self, tile: Tile, shape: tuple[int, ...], divisor: int) -> None:
        super().__init__()
        self.starts = [part.start for part in tile.window]
        self.window = [_rounded_up(part.stop - part.start, divisor) for part in tile.window]
        self.whole = [_rounded_up(length, divisor) for length in shape]

    def __torch_function__(self, function: Callable, _: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if function is functional.interpolate and kwargs.get("align_corners") and self.window != self.whole:
            return self._interpolated(args[0], kwargs["scale_factor"])
        return function(*args, **kwargs)

    def _interpolated(self, features: torch.Tensor, factor: int) -> torch.Tensor:
        for dim, start, window, whole in zip((-2, -1), self.starts, self.window, self.whole):
            count = features.shape[dim]
            stride = window // count
            longest = whole // stride
            first = start // stride
            step = np.float32(longest - 1) / np.float32(longest * factor - 1)  # places are rounded as torch rounds them
            places = step * np.arange(first * factor, (first + count) * factor, dtype=np.float32) - np.float32(first)
            below = np.floor(places).clip(0, count - 1)
            part = torch.from_numpy((places - below).clip(0, 1)).to(features).unsqueeze(-1 if dim == -2 else 0)
            low, high = (
                features.index_select(dim, torch.from_numpy(at.astype(int)).to(features.device))
                for at in (below, (below + 1).clip(max=count - 1))
            )
            features = torch.lerp(low, high, part)
        return features
