"""A network trained on the shards of a dataset and stored, and the digest of all that its training depends on."""

import functools
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from stembench.config import Recipe
from stembench.datasets.labels import TASK_LABELS
from stembench.datasets.loading import Batches, Crops, Pairs, StoredPairs, kept, mean_target
from stembench.datasets.store import read_recipe
from stembench.errors import InputError
from stembench.networks.base import Network
from stembench.networks.registry import normalise, save
from stembench.products import CHECKSUMS, whole
from stembench.training.run import is_first_process, train

if TYPE_CHECKING:
    from stembench.datasets.factory import Factory  # which counts in trainings that draw on the fly alone


def train_on_dataset(
    network: Network,
    folder: str | Path,
    train_shards: Sequence[str | Path],
    validation_shards: Sequence[str | Path],
    *,
    task: str,
    identity: Mapping[str, Any],
    structures: Mapping,
    mixed_shards: Sequence[str | Path] = (),
    factory: "Factory | None" = None,
    about: Mapping = {},
    devices: int = 1,
    compiled: bool = False,
    cores: int = 1,
    report: Callable[[str], None] = print,
) -> None:
    """Train a new network on a dataset; write `weights.safetensors`, `model.json` and `history.csv`.

    An interrupted training continues from `folder`/checkpoints when it is called again, if neither `identity` nor the
    content of a shard has changed.

    Parameters
    ----------
    network : Network
        As `registry.build` makes it of `identity["made_as"]`, the seed and `task`, or with the weights that
        `starting.take_weights` then gave it.
    folder : str or Path
        Where to write.
    train_shards, validation_shards : sequence of str or Path
        Folders of both splits.
    task : str
        What it learns, one of `network.tasks`.
    identity : mapping
        What the training depends on beside its shards, as `planning.identity.training_identity` gives it: `made_as`,
        `recipe`, `length`, `seed`, `precision`, `sampling`, `code`; `starts_from`, as `starting.take_weights` returns
        it, where the network has trained weights; `mixed_with`, where it has `mixed_shards`.
    structures : mapping
        Projections by (material, zone), for networks that are told them.
    mixed_shards : sequence of str or Path
        Folders of images of another dataset, which are trained on as well. Not with a factory.
    factory : Factory, optional
        Draws new training samples in every pass, as `identity["sampling"]` says; by default the stored ones are read.
    about : mapping
        What else `model.json` shall say.
    devices, compiled : int, bool
        See `run.train`.
    cores : int
        Processes that read or draw samples.
    report : callable
        Takes a line of progress after each epoch.

    Raises
    ------
    InputError
        If the network cannot learn the task, a shard is damaged, or for the reasons of `run.train`.
    """
    recipe, seed = Recipe(**identity["recipe"]), identity["seed"]
    samples_seen, epochs = identity["length"]["samples_seen"], identity["length"]["epochs"]
    if task not in network.tasks:
        raise InputError(
            f"{identity['made_as']['architecture']} cannot learn to {task}; it learns {', '.join(network.tasks)}: "
            "ask for one of these, or take the task out of the network's entry under `networks`"
        )
    if recipe.crop_px is None or recipe.batch_images is None:
        raise InputError("the recipe leaves crop_px or batch_images open; set both")
    name, crop, batch = TASK_LABELS[task], recipe.crop_px, recipe.batch_images
    seen = functools.partial(normalise, normalisation=network.normalisation)
    asked = functools.partial(network.asked, task=task, structures=structures)
    stored, validated = (StoredPairs(shards, name, seen, asked) for shards in (train_shards, validation_shards))
    pixel_sizes = [drawn["pixel_size_A"] for drawn in stored.shards.parameters]
    samples = samples_seen // epochs
    pairs: Pairs = stored
    mixed = [StoredPairs(mixed_shards, name, seen, asked)] if mixed_shards else []
    crops: Batches
    if factory:
        from stembench.datasets.on_the_fly import DrawnCrops

        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        sizes = {"crop": crop, "batch": batch, "samples": samples, "seed": seed, "workers": cores}
        crops = DrawnCrops(factory, name, **sizes, device=device, seen=seen, asked=asked)
    else:
        pairs, workers = kept([stored, *mixed], cores)
        crops = Crops(pairs, crop=crop, batch=batch, seed=seed, samples=samples, workers=workers)
    if "starts_from" not in identity:
        network.start_from(mean_target(pairs, network.maps))
    shards = [*train_shards, *mixed_shards, *validation_shards]
    history = train(
        network,
        crops,
        Crops(kept([validated], cores)[0], crop=crop, batch=batch, seed=seed),
        recipe=recipe,
        epochs=epochs,
        checkpoints=Path(folder) / "checkpoints" / _digest(identity, task, shards),
        precision=identity["precision"],
        devices=devices,
        compiled=compiled,
        report=report,
    )
    if is_first_process():
        with whole(Path(folder) / "history.csv") as partial:
            history.to_csv(partial, index=False)
        training = {**identity["recipe"], **identity["length"], "precision": identity["precision"]}
        training["data"] = "on_the_fly" if factory else "stored"
        learnt = {"task": task, "label": name, "seed": seed, "source": network.source}
        learnt |= {"dataset_recipe": read_recipe(train_shards[0]), "pixel_size_A": (min(pixel_sizes), max(pixel_sizes))}
        learnt |= {key: identity[key] for key in ("starts_from", "mixed_with") if key in identity}
        save(folder, network, {**identity["made_as"], **about, **learnt, "training": training})
        shutil.rmtree(Path(folder) / "checkpoints")


def _digest(identity: Mapping[str, Any], task: str, shards: Sequence[str | Path]) -> str:
    """Return the digest of what a training depends on; it continues only from checkpoints of the same."""
    contents = [(Path(folder) / CHECKSUMS).read_text() for folder in shards]
    depends_on = {"identity": dict(identity), "task": task, "contents": contents}
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True, default=dict).encode()).hexdigest()[:16]
