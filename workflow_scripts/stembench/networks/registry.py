"""Names of the networks, and how a trained one is stored, loaded and applied."""

from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from stembench.errors import InputError
from stembench.networks import NETWORKS
from stembench.products import read_json, whole, write_json

_NORMALISATIONS = ("standardise", "none")


def network_class(network: str) -> type[nn.Module]:
    """The class of a network of the registry.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if network not in NETWORKS:
        raise InputError(f"networks.{network}: no such network; the registry holds {', '.join(NETWORKS)}")
    return import_module(f"stembench.networks.{network}").NETWORK


def build(network: str, width: float, seed: int) -> nn.Module:
    """A network of the registry with freshly drawn weights, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return network_class(network)(width)


def normalise(images: np.ndarray, normalisation: str) -> np.ndarray:
    """What a network sees of stored images; one function for training, evaluation and use.

    Parameters
    ----------
    images : ndarray, shape (..., y, x)
        Whole images (not crops: the statistics are of the image).
    normalisation : str
        `standardise` (each image to mean 0 and SD 1) or `none`.
    """
    if normalisation not in _NORMALISATIONS:
        raise ValueError(f"normalisation {normalisation!r} is none of {_NORMALISATIONS}")
    images = images.astype(np.float32)
    if normalisation == "none":
        return images
    axes = (-2, -1)
    return (images - images.mean(axes, keepdims=True)) / np.maximum(images.std(axes, keepdims=True), 1e-6)


def count_parameters(module: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def save(folder: str | Path, module: nn.Module, record: dict) -> None:
    """Write `weights.safetensors` and `model.json` (the record with what is needed to build and apply the network)."""
    folder = Path(folder)
    with whole(folder / "weights.safetensors") as partial:
        save_file({name: tensor.contiguous() for name, tensor in module.state_dict().items()}, partial)
    record = record | {"parameters": count_parameters(module), "normalisation": module.normalisation}
    write_json(folder / "model.json", record)


class TrainedNetwork:
    """A trained network, ready for use.

    Parameters
    ----------
    folder : str or Path
        Folder with `weights.safetensors` and `model.json`.
    """

    def __init__(self, folder: str | Path) -> None:
        self.record = read_json(Path(folder) / "model.json")
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        module = build(self.record["network"], self.record["width"], seed=0)
        module.load_state_dict(load_file(Path(folder) / "weights.safetensors"))
        self.module = module.to(self.device, memory_format=torch.channels_last).eval()

    @torch.inference_mode()
    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Apply it to stored images of any height and width.

        Parameters
        ----------
        images : ndarray, shape (samples, y, x)
            Grey levels in [0, 1].

        Returns
        -------
        ndarray of float32, shape (samples, y, x)
        """
        seen = torch.from_numpy(normalise(images, self.record["normalisation"]))[:, None]
        height, width = images.shape[-2:]
        divisor = self.module.divisor
        seen = functional.pad(seen, (0, -width % divisor, 0, -height % divisor), mode="reflect")
        outputs = []
        for batch in seen.split(16):
            batch = batch.to(self.device, memory_format=torch.channels_last)
            outputs.append(self.module(batch)[:, 0, :height, :width].float().cpu())
        return torch.cat(outputs).numpy()
