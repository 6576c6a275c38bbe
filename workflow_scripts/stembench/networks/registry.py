"""How a network is built, and a trained one stored, loaded and applied."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors.torch import load_file
from safetensors.torch import save as serialised
from torch import nn

from stembench.datasets.store import Shards
from stembench.errors import CannotLoadError, InputError, in_short
from stembench.networks import NETWORKS
from stembench.networks.base import Network
from stembench.products import damaged, read_json, sha256, whole, write_json

Array = TypeVar("Array", np.ndarray, torch.Tensor)

_WEIGHTS = "weights.safetensors"
_GREY_LEVELS = 255.0
#: How a network may see images; `grey_levels` is the scale of its output as well.
NORMALISATIONS = ("standardise", "none", "grey_levels")


def build(architecture: str, width: float, seed: int, task: str = "localise", options: Mapping = {}) -> Network:
    """A network of the registry with freshly drawn weights, the same for the same seed.

    Parameters
    ----------
    architecture : str
        Its file in `networks/`.
    width : float
        Channels as a fraction of the published.
    seed : int
        Seed of the weights.
    task : str
        What it shall learn; with those of `..._2x` its output is twice as high and wide as the image.
    options : mapping
        Further arguments of its class.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = NETWORKS.load(architecture)(width, **options)
    network.scale = 2 if task.endswith("_2x") else 1
    return network


def normalise(images: Array, normalisation: str) -> Array:
    """What a network sees of stored images; one function for training, evaluation and use.

    Parameters
    ----------
    images : ndarray or Tensor, shape (..., y, x)
        Whole images (not crops: the statistics are of the image), in [0, 1].
    normalisation : str
        `standardise` (each image to mean 0 and SD 1), `none`, or `grey_levels` (from 0 to 255).
    """
    if normalisation not in NORMALISATIONS:
        raise ValueError(f"normalisation {normalisation!r} is none of {NORMALISATIONS}")
    if normalisation == "grey_levels":
        return images * _GREY_LEVELS
    if normalisation == "none":
        return images
    axes: dict[str, Any] = {"axis": (-2, -1), "keepdims": True}
    images = images - images.mean(**axes)
    return images / ((images**2).mean(**axes) ** 0.5).clip(1e-6)


def restore(maps: Array, normalisation: str) -> Array:
    """A network's output on the scale of the labels."""
    return maps / _GREY_LEVELS if normalisation == "grey_levels" else maps


def count_parameters(module: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def save(folder: str | Path, network: Network, record: dict) -> None:
    """Write `weights.safetensors` and `model.json` (the record with what is needed to build and apply the network)."""
    folder = Path(folder)
    _write_weights(folder, {name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    known = {
        "parameters": count_parameters(network),
        "normalisation": network.normalisation,
        "note": network.note,
        "weights_sha256": sha256(folder / _WEIGHTS),
    }
    write_json(folder / "model.json", record | known)


def save_untrained(folder: str | Path, record: dict, reason: str) -> None:
    """What stands in the place of a network that could not be trained: its record says why, and there is no history."""
    folder = Path(folder)
    _write_weights(folder, {})
    with whole(folder / "history.csv") as partial:
        partial.write_text("epoch,train_loss,validation_loss,learning_rate,seconds\n")
    write_json(folder / "model.json", record | {"parameters": 0, "not_trained": reason})


def _write_weights(folder: Path, weights: dict[str, torch.Tensor]) -> None:
    with whole(folder / _WEIGHTS) as partial:
        partial.write_bytes(serialised(weights))  # its own writing tells of a full disk in an error of its own


class TrainedNetwork:
    """A trained network, ready for use.

    Parameters
    ----------
    folder : str or Path
        Folder with `weights.safetensors` and `model.json`.

    Raises
    ------
    CannotLoadError
        If it could not be trained, or a package that it needs does not load.
    InputError
        If a file is damaged, or they do not belong together. Weights are read from safetensors alone: from other
        files, such as pickles, code could run.
    """

    def __init__(self, folder: str | Path) -> None:
        self.record = read_json(Path(folder) / "model.json")
        if reason := self.record.get("not_trained"):
            raise CannotLoadError(reason)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        weights = Path(folder) / _WEIGHTS
        try:
            made_as = {key: self.record[key] for key in ("architecture", "width", "task", "options")}
            if sha256(weights) != self.record["weights_sha256"]:
                raise damaged(weights, folder)
            if not 0 < made_as["width"] <= 1:  # one too large would take all memory before weights do not fit
                raise ValueError(f"width {made_as['width']} is not between 0 and 1")
            network = build(**made_as, seed=0)
            network.load_state_dict(load_file(weights))
        except InputError:
            raise
        except Exception as error:  # what files that were tampered with end in depends on where
            raise InputError(
                f"{folder}: model.json and {_WEIGHTS} are not those of a trained network "
                f"({type(error).__name__}: {in_short(error)}); delete {folder} and run again"
            ) from None
        # Torch's types leave `memory_format` out.
        self.network = network.to(self.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

    def read(
        self, folders: Sequence[str | Path], structures: Mapping, positions: Sequence[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """`maps_and_spacings` of the images of shards, told their structures: projections by (material, zone).

        `positions` are those of some images; without them all are read.
        """
        shards = Shards(folders, ["image"])
        samples = list(shards) if positions is None else [shards[position] for position in positions]
        contexts = [self.network.context(sample, structures) for sample in samples]
        told = {name: np.stack([context[name] for context in contexts]) for name in contexts[0]}
        return self.maps_and_spacings(np.stack([sample.images["image"] for sample in samples]), told)

    def __call__(self, images: np.ndarray, context: Mapping[str, np.ndarray] = {}) -> np.ndarray:
        """The maps of `maps_and_spacings` alone."""
        return self.maps_and_spacings(images, context)[0]

    @torch.inference_mode()
    def maps_and_spacings(
        self, images: np.ndarray, context: Mapping[str, np.ndarray] = {}
    ) -> tuple[np.ndarray, np.ndarray]:
        """Apply it to stored images of any height and width.

        Parameters
        ----------
        images : ndarray, shape (samples, y, x)
            Grey levels in [0, 1].
        context : mapping of ndarray, shape (samples, ...)
            What it is told of each beside its image, by name; see `Network.context`.

        Returns
        -------
        maps : ndarray of float32, shape (samples, y, x)
            Twice as high and wide if that is its task.
        spacings : ndarray, shape (samples,)
            What it tells of the columns' mean nearest-neighbour distance [px]; nan if it tells nothing.
        """
        seen = torch.from_numpy(normalise(images.astype(np.float32), self.record["normalisation"]))[:, None]
        told = {name: torch.from_numpy(values) for name, values in context.items()}
        maps: list[torch.Tensor] = []
        spacings: list[float] = []
        for first in range(0, len(seen), 16):
            part = slice(first, first + 16)
            batch = seen[part].to(self.device, memory_format=torch.channels_last)
            output = self.network(batch, **{name: values[part].to(self.device) for name, values in told.items()})
            maps.append(restore(self.network.map_of(output)[:, 0].float(), self.record["normalisation"]).cpu())
            spacing = self.network.spacing_of(output)
            spacings += [np.nan] * len(batch) if spacing is None else spacing.tolist()
        return torch.cat(maps).numpy(), np.array(spacings)
