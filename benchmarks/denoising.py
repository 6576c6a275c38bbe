"""The network that denoises by default beside Gaussian filters, on simulated images.

Images of the test split of `physical`, 256 x 256 px, at 1 to 100 counts/px. Prints by dose the mean PSNR [dB] against
the image without noise, with gain and offset free: of the image itself, of the Gaussian filter that is best for each
image, which nobody knows who has the noisy image alone, and of the network; then the seconds a megapixel of the network
on one core.
"""

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

from time import perf_counter

import numpy as np
import torch
from refinement import factory  # first: it puts the library on the path
from scipy.ndimage import gaussian_filter
from stembench.application.denoising import denoise
from stembench.config import Config
from stembench.evaluation.metrics import free_image_quality
from stembench.planning.choice import choose
from stembench.trained_network import TrainedNetwork

COUNTS, STRUCTURES, LARGE_PX = (1.0, 3.0, 10.0, 30.0, 100.0), 24, 1024
SIGMAS_PX = np.geomspace(0.3, 5.0, 15)


def psnr(made: np.ndarray, clear: np.ndarray) -> float:
    return free_image_quality(made, clear)["psnr_free_db"]


def main() -> None:
    """Print what each makes of the images."""
    torch.set_num_threads(1)
    config = Config()
    noise = config.datasets["physical"].noise.model_copy(update={"test_counts_per_px": COUNTS})
    drawn = factory(lambda name, zone: True, COUNTS, noise=noise)
    network = TrainedNetwork(choose(config, "denoise", results=None).folder)
    scores: dict[tuple[float, str], list[float]] = {}
    for position in range(STRUCTURES * len(COUNTS)):
        sample = drawn.sample("test", position)
        image, clear = sample.images["image"], sample.images["noNoise"]
        made = {
            "image": psnr(image, clear),
            "best_gaussian": max(psnr(gaussian_filter(image, sigma), clear) for sigma in SIGMAS_PX),
            "network": psnr(denoise(image, sample.parameters["pixel_size_A"], network), clear),
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
