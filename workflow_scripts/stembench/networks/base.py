"""What every network of the registry is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from stembench.datasets.labels import OF_COLUMNS, TASK_LABELS, ignored, label
from stembench.datasets.sample import Sample

#: What `compute` gives: maps, or a tuple that begins with them; a network's own methods know which.
Output = Any
Compare = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def in_single_precision(layer: Callable[[torch.Tensor], torch.Tensor], features: torch.Tensor) -> torch.Tensor:
    """Compute a last layer in float32 where the layers before it have less.

    In bfloat16 a sigmoid is exactly 1 from a logit of about 6 on, and has no gradient there: what a network is sure of
    by mistake, it could not unlearn.
    """
    with torch.autocast(features.device.type, enabled=False):
        return layer(features if features.dtype == torch.float64 else features.float())


class Network(nn.Module, ABC):
    """A network: `compute` maps normalised images to maps; what else differs from the usual is overridden.

    Attributes
    ----------
    source : str
        Where it was published.
    published_parameters : int
        Trainable parameters at width 1, as published.
    unused_parameters : int
        How many of those belong to published layers that no output depends on. They are counted and not built: devices
        that train together wait for the gradient of every parameter.
    tasks : tuple of str
        Keys of `TASK_LABELS` that it was published for.
    divisor : int
        By what the sides of the images that `compute` gets are divisible.
    normalisation : str
        What it sees of an image, and the scale of its output; see `registry.normalise`.
    sigmoid : bool
        Whether `compute` gives logits, of which `forward` takes the sigmoid.
    note : str
        What tables say of it.
    maps : int
        Planes of its target that are maps, from the first on.
    scale : int
        How many times as high and wide as the image its output is.
    """

    source: str
    published_parameters: int
    unused_parameters: int = 0
    tasks: tuple[str, ...] = tuple(TASK_LABELS)
    divisor: int = 1
    normalisation: str = "standardise"
    sigmoid: bool = False
    note: str = ""
    maps: int = 1
    scale: int = 1

    def forward(
        self, image: torch.Tensor, *, logits: bool = False, **context: torch.Tensor
    ) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Maps of images of any height and width, in their frame.

        Parameters
        ----------
        image : Tensor, shape (batch, 1, y, x)
            Normalised images. Where the output is `scale` times as large they are first interpolated to its size.
        logits : bool
            Whether a network that ends in a sigmoid gives what stands before it. Losses on logits need this: where a
            network is sure, its sigmoid has no gradient.
        **context : Tensor
            What `context` gives of each sample, stacked.

        Returns
        -------
        Tensor, shape (batch, maps, scale * y, scale * x)
            Or a tuple that begins with it.
        """
        if self.scale > 1:
            image = functional.interpolate(image, scale_factor=self.scale, mode="bicubic", align_corners=False)
        height, width = image.shape[-2:]
        down, right = -height % self.divisor, -width % self.divisor
        if down or right:
            mode = "reflect" if down < height and right < width else "replicate"
            image = functional.pad(image, (0, right, 0, down), mode=mode)
        output = self.compute(image, **context)
        maps, *others = output if isinstance(output, tuple) else (output,)
        maps = maps[..., :height, :width]
        if self.sigmoid and not logits:
            maps = torch.sigmoid(maps)
        return (maps, *others) if others else maps

    @abstractmethod
    def compute(self, image: torch.Tensor, *_: Any, **context: Any) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """The network itself, told by name what `context` gives; sides of the image are multiples of `divisor`."""

    def start_from(self, mean: float) -> None:
        """Let the untrained output be about the targets' mean, where the network can be told."""

    def target(self, sample: Sample, task: str) -> np.ndarray:
        """What it should make of a sample: shape (maps, y, x), here the task's label.

        It is NaN where a target of columns says nothing; no loss counts such pixels.
        """
        made = label(sample, TASK_LABELS[task])[None]
        return np.where(ignored(sample), np.float32("nan"), made) if task in OF_COLUMNS else made

    def context(self, sample: Sample, structures: Mapping) -> dict[str, np.ndarray]:
        """What it is told of a sample beside its image, by name; `structures` are projections by (material, zone)."""
        return {}

    def asked(self, sample: Sample, task: str, structures: Mapping) -> tuple:
        """All that stands beside a sample's image in training: its target, and what the network is told."""
        context = self.context(sample, structures)
        return (self.target(sample, task), context) if context else (self.target(sample, task),)

    def loss(self, output: Output, target: torch.Tensor, compare: Compare) -> torch.Tensor:
        """Loss of an output, given the recipe's comparison of two stacks of maps."""
        return compare(output, target)

    def map_of(self, output: Output) -> torch.Tensor:
        """The one map that is used of an output, shape (batch, 1, y, x)."""
        return output

    def spacing_of(self, output: Output) -> torch.Tensor | None:
        """Mean nearest-neighbour distance of each image's columns [px], shape (batch,), if it tells one."""
        return None
