"""Build a network, scale its input and output, and store it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors.torch import save as serialised

from stembench.networks import NETWORKS
from stembench.networks.base import Network
from stembench.products import sha256, whole, write_json

Array = TypeVar("Array", np.ndarray, torch.Tensor)

WEIGHTS = "weights.safetensors"
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


def count_parameters(network: Network) -> int:
    """Number of trainable parameters, with those of published layers that no output depends on."""
    return sum(parameter.numel() for parameter in network.parameters()) + network.unused_parameters


def save(folder: str | Path, network: Network, record: dict) -> None:
    """Write `weights.safetensors` and `model.json` (the record with what is needed to build and apply the network)."""
    folder = Path(folder)
    _write_weights(folder, {name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    known = {
        "parameters": count_parameters(network),
        "normalisation": network.normalisation,
        "note": network.note,
        "weights_sha256": sha256(folder / WEIGHTS),
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
    with whole(folder / WEIGHTS) as partial:
        partial.write_bytes(serialised(weights))  # its own writing tells of a full disk in an error of its own
