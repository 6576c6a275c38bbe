"""The training run against a bare loop of forward, backward and step on tensors that are already in memory.

Prints samples a second and `loop_efficiency` of each network, the run's rate over the bare loop's. Both go on in turns
on the same device with the same arithmetic and batches, so that a machine's moods meet both. By default the scale is
`full` on a GPU and `demo` on a CPU: `training_step.py SCALE`.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))
from stembench.config import Config
from stembench.datasets.loading import Crops
from stembench.networks.registry import build, normalise, restore
from stembench.training.losses import LOSSES, ON_LOGITS
from stembench.training.run import train, use_threads

NETWORKS = {"atomsegnet_unet": "localise", "atomai_segmentor": "localise"}
# The study `denoisers_equal_time` takes its factors from these.
NETWORKS |= dict.fromkeys(("sfin", "sffn", "fcn", "atomsegnet_unet_sfin_recipe"), "denoise_background")
IMAGES, PIXELS, SECONDS_A_TURN, TURNS = 512, 128, 12, 3
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SCALE = next(iter(sys.argv[1:]), "full" if DEVICE.type == "cuda" else "demo")


def bare_rate(network, batches, recipe, seconds) -> float:
    """Samples a second of forward, backward and step alone."""
    network = network.to(DEVICE, memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    batches = [tuple(part.to(DEVICE) for part in batch) for batch in batches]
    loss, on_logits = LOSSES[recipe.loss], recipe.loss in ON_LOGITS
    seen, started = 0, None
    while started is None or time.perf_counter() - started < seconds:
        for image, target in batches:
            with torch.autocast(DEVICE.type, torch.bfloat16, enabled=DEVICE.type == "cuda"):
                output = network(image.to(memory_format=torch.channels_last), logits=on_logits)
            optimizer.zero_grad()
            output = output.float() if on_logits else restore(output.float(), network.normalisation)
            loss(output, target).backward()
            optimizer.step()
            seen += len(image)
            if started is None:  # the first step allocates
                _wait()
                seen, started = 0, time.perf_counter()
        _wait()
    return seen / (time.perf_counter() - started)


def _wait() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def compared(name: str, task: str) -> tuple[float, float]:
    """Medians of the samples a second: of the run, and of the bare loop."""
    config = Config(scale=SCALE)
    recipe = config.recipe(name)
    made_as = config.networks[name].architecture, recipe.width, 0, task
    network = build(*made_as)
    rng = np.random.default_rng(0)
    edge = max(PIXELS, recipe.crop_px)
    images, targets = rng.random((2, IMAGES, edge, edge)).astype(np.float32)
    pairs = list(zip(normalise(images, network.normalisation), targets[:, None]))
    crops = Crops(pairs, crop=recipe.crop_px, batch=recipe.batch_images, seed=0)
    batches = list(crops.epoch(0))
    guess = bare_rate(network, batches[:2], recipe, 2)
    samples = max(2 * recipe.batch_images, int(guess * SECONDS_A_TURN))
    validation = Crops(pairs[: recipe.batch_images], crop=recipe.crop_px, batch=recipe.batch_images, seed=0)
    ours, bare = [], []
    for _ in range(TURNS):
        bare.append(bare_rate(build(*made_as), batches, recipe, SECONDS_A_TURN))
        crops = Crops(pairs, crop=recipe.crop_px, batch=recipe.batch_images, seed=0, samples=samples)
        with tempfile.TemporaryDirectory() as folder:
            history = train(
                build(*made_as),
                crops,
                validation,
                recipe=recipe,
                epochs=1,
                checkpoints=folder,
                report=lambda _: None,
            )
        ours.append(crops.steps * crops.batch / history.seconds.sum())
    return float(np.median(ours)), float(np.median(bare))


def main() -> None:
    use_threads(os.cpu_count())
    print(f"device: {DEVICE.type}, {torch.get_num_threads()} threads, scale {SCALE}")
    for name, task in NETWORKS.items():
        ours, bare = compared(name, task)
        print(f"{name}: {ours:.1f} samples/s of {bare:.1f}")
        print(f"loop_efficiency {name}: {ours / bare:.3f}")


if __name__ == "__main__":
    main()
