"""One network, trained for one task on one dataset from one seed."""

import functools
import hashlib
import json
import shutil
from pathlib import Path

from job import running, say
from stembench.config import Network
from stembench.datasets.loading import Crops, StoredPairs, kept, mean_target, stacked
from stembench.datasets.store import read_recipe
from stembench.networks.registry import build, normalise, save
from stembench.products import whole
from stembench.training.run import TASK_LABELS, train, use_threads

if __name__ == "__main__":
    with running(snakemake):
        name, task, dataset, seed = (snakemake.wildcards[key] for key in ("network", "task", "dataset", "seed"))
        recipe, sizes, seed = Network(**snakemake.params.recipe), snakemake.params.sizes, int(seed)
        use_threads(snakemake.threads)
        label = TASK_LABELS[task]
        network = build(name, sizes["width"], seed)
        seen = functools.partial(normalise, normalisation=network.normalisation)
        pairs = {split: StoredPairs(snakemake.input[split], label, seen) for split in ("train", "validation")}
        pixel_sizes = [drawn["pixel_size_A"] for drawn in pairs["train"].shards.parameters]
        train_pairs, workers = kept(pairs["train"], snakemake.threads)
        crops = Crops(
            train_pairs,
            crop=sizes["crop_px"],
            batch=sizes["batch_images"],
            repeats=sizes["crops_per_image"],
            seed=seed,
            workers=workers,
        )
        record = {
            "network": name,
            "task": task,
            "label": label,
            "dataset": dataset,
            "dataset_recipe": read_recipe(snakemake.input.train[0]),
            "seed": seed,
            "scale": snakemake.params.scale_name,
            "width": sizes["width"],
            "pixel_size_A": (min(pixel_sizes), max(pixel_sizes)),
            "training": snakemake.params.recipe | sizes,
        }
        identity = json.dumps([record, snakemake.params.code], sort_keys=True)
        folder = Path(snakemake.output.weights).parent
        checkpoints = folder / "checkpoints" / hashlib.sha256(identity.encode()).hexdigest()[:16]
        network.start_from(mean_target(train_pairs))
        history = train(
            network,
            crops,
            stacked(pairs["validation"]),
            epochs=sizes["epochs"],
            learning_rate=recipe.learning_rate,
            checkpoints=checkpoints,
            report=lambda line: say(f"{name} {task} seed {seed}: {line}"),
        )
        with whole(snakemake.output.history) as partial:
            history.to_csv(partial, index=False)
        save(folder, network, record)
        shutil.rmtree(checkpoints.parent)
