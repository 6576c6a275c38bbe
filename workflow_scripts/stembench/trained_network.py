"""Load a trained network and apply it. No training depends on this module: one that starts from weights says which."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file

from stembench.application.frame import as_trained, fitting_pixel_size
from stembench.datasets.sample import Sample
from stembench.datasets.store import Shards
from stembench.errors import CannotLoadError, InputError, in_short
from stembench.networks.registry import WEIGHTS, build, normalise, restore
from stembench.products import damaged, read_json, sha256

if TYPE_CHECKING:
    from stembench.crystals.projection import Projection


class TrainedNetwork:
    """A trained network, ready for use.

    Parameters
    ----------
    folder : str or Path
        Folder with `weights.safetensors` and `model.json`.

    Raises
    ------
    CannotLoadError
        If the network could not be trained, or a package that it needs does not load.
    InputError
        If a file is damaged, or the files do not belong together. Weights are read from safetensors only, because
        other formats, such as pickle, can run code.
    """

    def __init__(self, folder: str | Path) -> None:
        self.record = read_json(Path(folder) / "model.json")
        if reason := self.record.get("not_trained"):
            raise CannotLoadError(reason)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        weights = Path(folder) / WEIGHTS
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
                f"{folder}: model.json and {WEIGHTS} are not those of a trained network "
                f"({type(error).__name__}: {in_short(error)}); delete {folder} and run again"
            ) from None
        # Torch's types leave `memory_format` out.
        self.network = network.to(self.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

    def read(
        self, folders: Sequence[str | Path], structures: Mapping, positions: Sequence[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Apply the network to images of shards, and return what `maps_and_spacings` does.

        Parameters
        ----------
        folders : sequence of str or Path
            Shards.
        structures : mapping
            Projected structures by material and zone axis, for networks with a structural prior.
        positions : sequence of int, optional
            Positions of the images in the shards; by default all images.
        """
        shards = Shards(folders, ["image"])
        samples = list(shards) if positions is None else [shards[position] for position in positions]
        return self._read(samples, structures)

    def read_as_applied(
        self, folders: Sequence[str | Path], structures: Mapping
    ) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """Apply the network to images of shards as to a user's image: brought to pixels of the trained range first.

        Parameters
        ----------
        folders : sequence of str or Path
            Shards.
        structures : mapping
            As for `read`.

        Returns
        -------
        maps : list of ndarray of float32, shape (y', x')
            Output of the network for each image.
        spacings : ndarray, shape (samples,)
            As of `maps_and_spacings`, in pixels of the maps.
        pixel_sizes : ndarray, shape (samples,)
            Of the maps [A]; pixel 0 is where it is in the image.
        """
        samples = [self._as_trained(sample) for sample in Shards(folders, ["image"])]
        pixel_sizes = np.array([sample.parameters["pixel_size_A"] for sample in samples])
        maps, spacings = [np.empty((0, 0))] * len(samples), np.empty(len(samples))
        shapes = [sample.images["image"].shape for sample in samples]
        for shape in dict.fromkeys(shapes):
            alike = [position for position, other in enumerate(shapes) if other == shape]
            found, spacings[alike] = self._read([samples[position] for position in alike], structures)
            for position, surface in zip(alike, found):
                maps[position] = surface
        return maps, spacings, pixel_sizes

    def told_of(self, structure: "Projection", pixel_size: float) -> dict[str, np.ndarray]:
        """What the network is told of a structure at a pixel size [A], by name; empty where it knows no structures."""
        drawn = {"pixel_size_A": pixel_size, "material": "named", "zone": "named"}
        return self.network.context(Sample({}, pd.DataFrame(), drawn), {("named", "named"): structure})

    def _as_trained(self, sample: Sample) -> Sample:
        """The sample itself where its pixels lie in the trained range."""
        pixel_size = sample.parameters["pixel_size_A"]
        if fitting_pixel_size(pixel_size, self.record["pixel_size_A"]) == pixel_size:
            return sample
        image, target = as_trained(
            sample.images["image"], pixel_size, self.record, mode=sample.parameters.get("mode", "HAADF")
        )
        return replace(sample, images={"image": image}, parameters=sample.parameters | {"pixel_size_A": target})

    def _read(self, samples: Sequence[Sample], structures: Mapping) -> tuple[np.ndarray, np.ndarray]:
        """`maps_and_spacings` of samples of one shape."""
        contexts = [self.network.context(sample, structures) for sample in samples]
        told = {name: np.stack([context[name] for context in contexts]) for name in contexts[0]}
        return self.maps_and_spacings(np.stack([sample.images["image"] for sample in samples]), told)

    def __call__(self, images: np.ndarray, context: Mapping[str, np.ndarray] = {}) -> np.ndarray:
        """Return the maps of `maps_and_spacings`."""
        return self.maps_and_spacings(images, context)[0]

    @torch.inference_mode()
    def maps_and_spacings(
        self, images: np.ndarray, context: Mapping[str, np.ndarray] = {}
    ) -> tuple[np.ndarray, np.ndarray]:
        """Apply the network to images of any height and width.

        Parameters
        ----------
        images : ndarray, shape (samples, y, x)
            Grey levels in [0, 1].
        context : mapping of ndarray, shape (samples, ...)
            Further inputs of each image by name, such as the structure; see `Network.context`.

        Returns
        -------
        maps : ndarray of float32, shape (samples, y, x)
            Output of the network, twice as high and wide for tasks that end in `_2x`.
        spacings : ndarray, shape (samples,)
            Mean nearest-neighbour distance of the columns [px] if the network predicts one, else nan.
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
