"""One network, trained for one task on one dataset from one seed."""

import hashlib
import json
import shutil
from pathlib import Path

from job import running, say
from stembench.config import Network
from stembench.datasets.crops import Crops
from stembench.datasets.store import open_shards, read_recipe
from stembench.networks.registry import build, normalise, save
from stembench.products import whole
from stembench.training.run import TASK_LABELS, train, use_threads

if __name__ == "__main__":
    with running(snakemake):
        name, task, dataset, seed = (snakemake.wildcards[key] for key in ("network", "task", "dataset", "seed"))
        recipe, sizes, seed = Network(**snakemake.params.recipe), snakemake.params.sizes, int(seed)
        use_threads(snakemake.threads)
        label = TASK_LABELS[task]
        pairs = {}
        network = build(name, sizes["width"], seed)
        for split in ("train", "validation"):
            stored = open_shards(snakemake.input[split], ["image", label])
            pairs[split] = normalise(stored.image.values, network.normalisation), stored[label].values
            if split == "train":
                pixel_sizes = float(stored.pixel_size_A.min()), float(stored.pixel_size_A.max())
        crops = Crops(
            *pairs["train"],
            crop=sizes["crop_px"],
            batch=sizes["batch_images"],
            repeats=sizes["crops_per_image"],
            seed=seed,
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
            "pixel_size_A": pixel_sizes,
            "training": snakemake.params.recipe | sizes,
        }
        identity = json.dumps([record, snakemake.params.code], sort_keys=True)
        folder = Path(snakemake.output.weights).parent
        checkpoints = folder / "checkpoints" / hashlib.sha256(identity.encode()).hexdigest()[:16]
        network.start_from(float(pairs["train"][1].mean()))
        history = train(
            network,
            crops,
            pairs["validation"],
            epochs=sizes["epochs"],
            learning_rate=recipe.learning_rate,
            checkpoints=checkpoints,
            report=lambda line: say(f"{name} {task} seed {seed}: {line}"),
        )
        with whole(snakemake.output.history) as partial:
            history.to_csv(partial, index=False)
        save(folder, network, record)
        shutil.rmtree(checkpoints.parent)
