"""The network that denoises by default beside Gaussian filters, on simulated images.

Images of the test split of `physical`, 256 x 256 px, at 1 to 100 counts/px. Prints by dose the mean PSNR [dB] against
the image without noise, with gain and offset free: of the image itself, of the Gaussian filter that is best for each
image, which nobody knows who has the noisy image alone, and of the network; then the seconds a megapixel of the network
on one core.
"""

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import sys
from pathlib import Path
from time import perf_counter

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from stembench.application.denoising import denoise
from stembench.config import Config
from stembench.crystals.cif import read_crystal
from stembench.crystals.material import Material
from stembench.crystals.materials import find_materials
from stembench.crystals.projection import project_structure
from stembench.crystals.zones import parse_zone
from stembench.datasets.factory import Factory
from stembench.evaluation.metrics import free_image_quality
from stembench.planning.choice import choose
from stembench.trained_network import TrainedNetwork

COUNTS, STRUCTURES, IMAGE_PX, LARGE_PX = (1.0, 3.0, 10.0, 30.0, 100.0), 24, 256, 1024
SIGMAS_PX = np.geomspace(0.3, 5.0, 15)


def factory(config: Config) -> Factory:
    """Of `physical`, a structure at each dose."""
    folder = REPOSITORY / "structures"
    materials = [
        Material.of(name, zone, project_structure(read_crystal(folder / f"{name}.cif"), parse_zone(zone)))
        for name, zones in find_materials(folder, config).items()
        if name not in (*config.structures.held_out, *config.structures.single_layers)
        for zone in zones
    ]
    recipe = config.datasets["physical"]
    noise = recipe.noise.model_copy(update={"test_counts_per_px": COUNTS})
    recipe = recipe.model_copy(update={"noise": noise, "images_per_structure": len(COUNTS)})
    return Factory(recipe, config.arrangements, config.imaging, materials, IMAGE_PX)


def main() -> None:
    """Print what each makes of the images."""
    torch.set_num_threads(1)
    config = Config()
    network, drawn = TrainedNetwork(choose(config, "denoise", results=None).folder), factory(config)
    scores: dict[tuple[float, str], list[float]] = {}
    for position in range(STRUCTURES * len(COUNTS)):
        sample = drawn.sample("test", position)
        image, size = sample.images["image"], sample.parameters["pixel_size_A"]

        def psnr(made: np.ndarray, clear: np.ndarray = sample.images["noNoise"]) -> float:
            return free_image_quality(made, clear)["psnr_free_db"]

        made = {
            "image": psnr(image),
            "best_gaussian": max(psnr(gaussian_filter(image, sigma)) for sigma in SIGMAS_PX),
            "network": psnr(denoise(image, size, network)),
        }
        for name, score in made.items():
            scores.setdefault((sample.parameters["counts_per_px"], name), []).append(score)
    for (counts, name), each in sorted(scores.items(), key=lambda row: row[0][0]):
        print(f"psnr_free_db_{name}_{counts:g}_counts: {np.mean(each):.2f}")
    large = np.random.default_rng(0).random((LARGE_PX, LARGE_PX), np.float32)
    start = perf_counter()
    denoise(large, 0.15, network)
    print(f"s_per_megapixel: {(perf_counter() - start) / (large.size / 1e6):.2f}")


if __name__ == "__main__":
    main()
