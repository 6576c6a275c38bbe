"""Samples for training that nothing stores: drawn by the factory as they are asked for.

On a CPU, workers draw whole samples (`DrawnPairs`). Beside a GPU they draw plans alone (`Plans`), which is less work (a
quarter of it where no label asks which columns are visible), and the GPU turns batches of them into images
(`rendered_on`).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial

import numpy as np
import torch
from scipy import ndimage
from torch.utils.data import DataLoader, Dataset, Subset

from stembench.config import PhysicalNoise
from stembench.datasets.factory import Factory, Plan
from stembench.datasets.forward import LinearModel
from stembench.datasets.labels import MADE_FROM, upsampled
from stembench.datasets.loading import Asked, Pair, Seen, cropped, labelled, one_thread, randomness
from stembench.datasets.sample import Sample
from stembench.datasets.store import STORED
from stembench.imaging.detectors import DARK_FIELD
from stembench.noise.physical import smoothed
from stembench.noise.scan import average, frames_of, recorded

_DEVICE_STREAM = 2  # of a sample's random numbers on a device, beside the factory's own


class DrawnPairs(Dataset[Pair]):
    """(image, label) of a recipe's samples, drawn as they are asked for: the stored ones, and nothing is stored.

    Parameters
    ----------
    factory : Factory
        What draws them.
    split : str
        Split.
    count : int
        Number of samples.
    name : str
        The label.
    seen : callable, optional
        Makes of an image what the network sees of it.
    asked : callable, optional
        Makes of a sample all that stands beside the image; by default the label alone.
    """

    def __init__(
        self,
        factory: Factory,
        split: str,
        count: int,
        name: str,
        seen: Seen = np.asarray,
        asked: Asked | None = None,
    ) -> None:
        self.factory, self.split, self.count = factory, split, count
        self.seen, self.asked = seen, asked or labelled(name)

    def __len__(self) -> int:
        """Number of samples."""
        return self.count

    def __getitem__(self, position: int) -> Pair:
        """The pair at a position; raises IndexError beyond the last."""
        if position >= len(self):
            raise IndexError(position)
        sample = self.factory.sample(self.split, position)
        return self.seen(sample.images["image"]), *self.asked(sample)


class Plans(Dataset[tuple]):
    """Plans of a split's samples, in the order of `positions`, with what is asked where the columns alone make it."""

    def __init__(
        self, factory: Factory, split: str, positions: Sequence[int], name: str, asked: Asked | None = None
    ) -> None:
        self.factory, self.split, self.positions, self.name = factory, split, positions, name
        self.asked = asked or labelled(name)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.positions)

    def __getitem__(self, place: int) -> tuple:
        """The plan at a place in the order."""
        plan = self.factory.plan(self.split, self.positions[place])
        if self.name in STORED or self.name in MADE_FROM:
            return plan, None
        blank = np.broadcast_to(np.float32(0), (self.factory.image_px,) * 2)
        return plan, *self.asked(Sample({"image": blank}, self.factory.columns(plan), plan.parameters))


class DrawnCrops:
    """Batches of random crops as `loading.Crops` gives them, of images that are drawn once and rendered on a device.

    Parameters
    ----------
    factory : Factory
        What draws the samples of the training split, each shown once.
    name : str
        The label.
    crop, batch, samples, seed, workers
        As for `Crops`; the workers draw plans, or whole samples where the device cannot render them.
    device : torch.device
        Where the batches are wanted.
    seen : callable, optional
        Makes of images what the network sees of them.
    asked : callable, optional
        As for `DrawnPairs`.
    """

    def __init__(
        self,
        factory: Factory,
        name: str,
        *,
        crop: int,
        batch: int,
        samples: int,
        seed: int,
        workers: int,
        device: torch.device,
        seen: Callable[[torch.Tensor], torch.Tensor] = torch.Tensor.float,
        asked: Asked | None = None,
    ) -> None:
        self.factory, self.name, self.crop, self.batch, self.seed = factory, name, crop, batch, seed
        self.workers, self.device, self.seen, self.asked = workers, device, seen, asked
        self.steps = max(1, samples // batch)

    def positions(self, number: int) -> np.ndarray:
        """Which samples an epoch shows, in their order; shape (steps * batch,)."""
        return np.arange(self.steps * self.batch) + number * self.steps * self.batch

    def epoch(self, number: int, process: int = 0, processes: int = 1) -> "_DrawnEpoch":
        """Batches of (input, target), of shape (batch, 1, edge, edge) and (batch, maps, edge, edge)."""
        return _DrawnEpoch(self, self.positions(number)[process::processes].tolist())


class _DrawnEpoch:
    """Batches of some samples; has a length, without which Lightning loses the first batch."""

    def __init__(self, crops: DrawnCrops, samples: list[int]) -> None:
        self.crops, self.samples = crops, samples

    def __len__(self) -> int:
        return self.crops.steps

    def __iter__(self) -> Iterator[tuple]:
        crops, size = self.crops, len(self.samples) // len(self)
        drawing = (crops.factory, "train", self.samples, crops.name, size, crops.device, crops.workers, crops.asked)
        for first, (images, targets, *beside) in zip(range(0, len(self.samples), size), drawn_batches(*drawing)):
            parts = [
                cropped(image, target, crops.crop, randomness(crops.seed, sample))
                for sample, image, target in zip(self.samples[first:], crops.seen(images), targets)
            ]
            yield *(torch.stack(part) for part in zip(*parts)), *beside


def drawn_batches(
    factory: Factory,
    split: str,
    positions: Sequence[int],
    name: str,
    batch: int,
    device: torch.device,
    workers: int,
    asked: Asked | None = None,
) -> Iterator[tuple]:
    """Batches of (image, label) on a device, of shape (batch, y, x) each, and of what else is asked.

    A linear recipe with physical noise is rendered on a GPU, everything else in the workers. Clean images agree between
    the two within 1e-5, the noise in its statistics.

    Parameters
    ----------
    factory, split, positions
        What draws the samples, and which.
    name : str
        The label.
    batch : int
        Samples a batch; the last may be smaller.
    device : torch.device
        Where the batches are wanted.
    workers : int
        Processes that draw.
    asked : callable, optional
        As for `DrawnPairs`.
    """
    on_device = _renders_on(device, factory)
    source: Dataset[tuple]
    if on_device:
        source = Plans(factory, split, positions, name, asked)
    else:
        source = Subset(DrawnPairs(factory, split, max(positions) + 1, name, asked=asked), positions)

    def moved(arrays: Sequence[np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(np.stack(arrays)).to(device)

    for items in DataLoader(source, batch, num_workers=workers, collate_fn=list, worker_init_fn=one_thread):
        first, targets, *beside = zip(*items)
        told = [{key: moved([each[key] for each in part]) for key in part[0]} for part in beside]
        if not on_device:
            yield moved(first), moved(targets), *told
            continue
        rendered = rendered_on(factory, first, device)
        for source_name in MADE_FROM.get(name, ()):
            targets = tuple(map(upsampled, rendered[source_name].cpu().numpy()))
        yield rendered["image"], rendered[name] if name in rendered else moved(targets), *told


def _renders_on(device: torch.device, factory: Factory) -> bool:
    linear = isinstance(factory.forward, LinearModel)
    return device.type == "cuda" and linear and isinstance(factory.recipe.noise, PhysicalNoise)


@torch.inference_mode()
def rendered_on(factory: Factory, plans: Sequence[Plan], device: torch.device) -> dict[str, torch.Tensor]:
    """Images of linear plans with physical noise, rendered on a device as `Factory.rendered` does on the CPU.

    Parameters
    ----------
    factory : Factory
        Which drew the plans.
    plans : sequence of Plan
        A batch, its frames of one size.
    device : torch.device
        Where.

    Returns
    -------
    dict of Tensor, shape (batch, y, x)
        `image`, `noNoise` and `noBackgroundnoNoise` in [0, 1].
    """
    forward = factory.forward
    if not isinstance(forward, LinearModel) or not isinstance(factory.recipe.noise, PhysicalNoise):
        raise ValueError("only linear images with physical noise are rendered on a device")
    put = partial(_put, device=device)
    size = max(plan.frame.shape[0] for plan in plans)
    dark = _linear_images(plans, size, device)
    background = _batch([plan.background for plan in plans], (size, size), device)
    clean, image = _detected(forward, plans, dark, background)
    coefficients = _spline_coefficients(torch.cat([clean, image]))
    still_clean, still = (_frames(coefficients, plans, first, device, steady=True) for first in (0, len(plans)))
    moving = _frames(coefficients, plans, len(plans), device, steady=False)
    noisy = torch.stack(
        [
            recorded(frames, plan.parameters, plan.scans, _Randomness(factory.recipe.seed, plan, device), put)
            for plan, frames in zip(plans, moving)
        ]
    )
    widths = [plan.parameters["smoothing_px"] for plan in plans]
    clean, image = (
        torch.stack([smoothed(average(each), width, put) for each, width in zip(frames, widths)])
        for frames in (still_clean, still)
    )
    images = {"image": _unit(noisy), "noNoise": _unit(image), "noBackgroundnoNoise": _unit(clean)}
    return {name: values.float() for name, values in images.items()}


def _linear_images(plans: Sequence[Plan], size: int, device: torch.device) -> torch.Tensor:
    """`imaging.linear.linear_image` of a batch, each over `size` pixels a side; see there."""
    parts = []
    for plan in plans:
        scene, probe, frame = plan.scene, plan.probe, plan.frame
        box = frame.pixel_size * (frame.shape[0] - 1) + 2 * probe.reach
        points = scene.points + frame.corner + probe.reach
        near = np.all((points >= 0) & (points <= box), axis=1)
        conjugates = [np.conj(half) for half in probe.transfer_in_box(box, box)]
        strengths = scene.strengths / scene.brightest(probe) * 2 / box**2
        at = (frame.pixel_size * np.arange(size) + probe.reach) / box
        parts.append((points[near] / box, strengths[near], scene.thermal_b[near] / box**2, *conjugates, at))
    places, amplitudes, damped, uppers, lowers, axes = zip(*parts)
    most, highest = max(map(len, places)), max(map(len, uppers))
    turns = _batch(places, (most, 2), device)
    order = torch.arange(highest, device=device)
    damping = torch.exp(-_batch(damped, (most,), device)[..., None] / 4 * order**2)
    waves = [damping * torch.exp(-2j * torch.pi * turns[..., axis, None] * order) for axis in (0, 1)]
    waves[1] = waves[1] * _batch(amplitudes, (most,), device)[..., None]
    weights = torch.where(order == 0, 0.5, 1.0) * torch.where(order == 0, 0.5, 1.0)[:, None]
    plane = (highest, highest)
    upper = waves[1].mT @ waves[0] * _batch(uppers, plane, device) * weights
    lower = waves[1].conj().mT @ waves[0] * _batch(lowers, plane, device) * weights
    along = torch.exp(2j * torch.pi * _batch(axes, (size,), device)[..., None] * order)
    return ((along @ upper + along.conj() @ lower) @ along.mT).real


def _detected(
    forward: LinearModel, plans: Sequence[Plan], dark: torch.Tensor, background: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """`LinearModel.image` of a batch from its dark field: clean, and with background."""
    if forward.mode in DARK_FIELD:
        return dark, dark + background
    contrast = forward.imaging.bright_field_contrast
    inside = [np.s_[: plan.frame.shape[0], : plan.frame.shape[1]] for plan in plans]
    clean, whole = (
        torch.stack([1 - contrast * each / each[where].max().clamp(min=1) for each, where in zip(images, inside)])
        for images in (dark, dark + background)
    )
    return clean, whole


def _spline_coefficients(images: torch.Tensor) -> torch.Tensor:
    """`noise.physical.spline_coefficients` on a device, by the filter written as a matrix."""
    matrix = torch.tensor(_spline_filter(images.shape[-1]), device=images.device)
    return matrix @ images @ matrix.T


@lru_cache
def _spline_filter(size: int) -> np.ndarray:
    return ndimage.spline_filter1d(np.eye(size), 3, axis=0, mode="mirror")


def _frames(
    coefficients: torch.Tensor, plans: Sequence[Plan], first: int, device: torch.device, *, steady: bool
) -> tuple[torch.Tensor, ...]:
    """The frames of each plan, whose images begin at the place `first`; each of shape (frames, rows, rows).

    Rows lie where columns appear if `steady`, else where the scan puts them.
    """
    counts = [len(plan.scans) for plan in plans]
    places = np.repeat(np.arange(len(plans)) + first, counts).tolist()
    pads = np.repeat([plan.frame.pad for plan in plans], counts).tolist()
    scans = [scan for plan in plans for scan in plan.scans]
    widths = np.repeat([plan.probe.fwhm / plan.frame.pixel_size for plan in plans], counts).tolist()
    over = widths if steady else None
    return frames_of(coefficients, scans, places, pads, over, partial(_put, device=device)).split(counts)


class _Randomness:
    """`noise.physical.Randomness` on a device, from a stream of random numbers of the sample's own."""

    def __init__(self, seed: int, plan: Plan, device: torch.device) -> None:
        sequence = np.random.SeedSequence(seed, spawn_key=(plan.parameters["sample"], _DEVICE_STREAM))
        self.generator = torch.Generator(device).manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))

    def poisson(self, lam: torch.Tensor) -> torch.Tensor:
        return torch.poisson(lam, self.generator)

    def standard_normal(self, size: Sequence[int]) -> torch.Tensor:
        device = self.generator.device
        return torch.randn(size, generator=self.generator, device=device, dtype=torch.float64)


def _put(array: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(array).to(device)


def _batch(parts: Sequence[np.ndarray], shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Arrays of one batch, with zeros up to a common shape."""
    whole = np.zeros((len(parts), *shape), np.result_type(*parts))
    for target, part in zip(whole, parts):
        target[tuple(slice(n) for n in part.shape)] = part
    return _put(whole, device)


def _unit(images: torch.Tensor) -> torch.Tensor:
    """Each between 0 (its minimum) and 1 (its maximum)."""
    low = images.amin((-2, -1), keepdim=True)
    return (images - low) / (images.amax((-2, -1), keepdim=True) - low).clamp(min=1e-12)
