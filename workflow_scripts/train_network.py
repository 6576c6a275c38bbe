"""One network, trained for one task on one dataset from one seed."""

import functools
import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from job import running, say
from stembench.config import Recipe, Training
from stembench.crystals.material import structures_of
from stembench.datasets.labels import TASK_LABELS
from stembench.datasets.loading import Crops, StoredPairs, kept, mean_target
from stembench.datasets.store import read_recipe
from stembench.errors import CannotLoadError, InputError
from stembench.networks.base import Network
from stembench.networks.registry import build, normalise, save, save_untrained
from stembench.products import whole
from stembench.training.run import is_first_process, train, use_threads

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def train_and_save(job: "snakemake", network: Network) -> None:
    """Train a network that was just built, and write it."""
    name, task, dataset, seed = (job.wildcards[key] for key in ("network", "task", "dataset", "seed"))
    machine, recipe, seed = Training(**job.params.machine), Recipe(**job.params.recipe), int(seed)
    length, cores = job.params.length, job.threads
    use_threads(cores)
    asked = {
        "name": TASK_LABELS[task],
        "seen": functools.partial(normalise, normalisation=network.normalisation),
        "asked": functools.partial(network.asked, task=task, structures=structures_of(job.input.projections)),
    }
    pairs = {split: StoredPairs(job.input[split], **asked) for split in ("train", "validation")}
    pixel_sizes = [drawn["pixel_size_A"] for drawn in pairs["train"].shards.parameters]
    record = job.params.made_as | {
        "network": name,
        "task": task,
        "label": TASK_LABELS[task],
        "dataset": dataset,
        "dataset_recipe": read_recipe(job.input.train[0]),
        "seed": seed,
        "scale": job.params.scale_name,
        "source": network.source,
        "pixel_size_A": (min(pixel_sizes), max(pixel_sizes)),
        "training": recipe.model_dump() | length | {"precision": machine.precision, "data": machine.data},
    }
    sizes = {"crop": recipe.crop_px, "batch": recipe.batch_images, "seed": seed}
    samples = length["samples_seen"] // length["epochs"]
    shown = pairs["train"]
    if job.params.sampling:
        from sample_factory import factory_of
        from stembench.datasets.on_the_fly import DrawnCrops

        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        crops = DrawnCrops(factory_of(job), **asked, **sizes, samples=samples, workers=cores, device=device)
    else:
        shown, workers = kept(shown, cores)
        crops = Crops(shown, **sizes, samples=samples, workers=workers)
    identity = json.dumps([record, job.params.code], sort_keys=True)
    folder = Path(job.output.weights).parent
    checkpoints = folder / "checkpoints" / hashlib.sha256(identity.encode()).hexdigest()[:16]
    network.start_from(mean_target(shown, network.maps))
    history = train(
        network,
        crops,
        Crops(kept(pairs["validation"], cores)[0], **sizes),
        recipe=recipe,
        epochs=length["epochs"],
        checkpoints=checkpoints,
        machine=machine,
        report=lambda line: say(f"{name} {task} seed {seed}: {line}"),
    )
    if is_first_process():
        with whole(job.output.history) as partial:
            history.to_csv(partial, index=False)
        save(folder, network, record)
        shutil.rmtree(checkpoints.parent)


if __name__ == "__main__":
    with running(snakemake):
        made_as, asked = snakemake.params.made_as, snakemake.wildcards
        try:
            network = build(**made_as, seed=int(asked.seed), task=asked.task)
            if asked.task not in network.tasks:
                learns = ", ".join(network.tasks)
                raise InputError(f"networks.{asked.network} cannot learn to {asked.task}; it learns {learns}")
        except CannotLoadError as error:
            say(str(error))
            save_untrained(Path(snakemake.output.weights).parent, made_as | {"network": asked.network}, str(error))
        else:
            train_and_save(snakemake, network)
