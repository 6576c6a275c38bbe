"""The demo's networks on large images: seconds a megapixel, and time and memory that 8192 x 8192 px take.

Prints for each network `s_per_megapixel`, of a tile in the middle of a large image over the area of its core, on 2
threads. `seconds` and `peak_memory_gb`, the highest resident memory of a process, are those of the networks that ship:
of finding the columns of an image of 8192 x 8192 px, with Gaussians fitted to them, and of denoising it.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))
from stembench.application.columns import find_columns
from stembench.application.denoising import denoise
from stembench.application.tiling import maps_of_tiles, reach_of, tiles_of
from stembench.evaluation.inference_cost import peak_memory
from stembench.networks.registry import build, save
from stembench.planning.choice import SHIPPED
from stembench.trained_network import TrainedNetwork

NETWORKS = {
    "atomsegnet_unet": "localise",
    "atomsegnet_unetpp": "localise",
    "atomai_segmentor": "localise",
    "atomid_net": "localise",
    "structural_prior": "localise",
    "fcn": "denoise_background",
    "sfin": "denoise_background",
    "sffn": "denoise_background",
}
WIDTH, THREADS, LARGE_PX = 0.25, 2, 8192
PIXEL_SIZE_A, SPACING_PX, SIGMA_PX = 0.1, 32, 5.0


def untrained(folder: str, name: str, task: str) -> TrainedNetwork:
    record = {"architecture": name, "width": WIDTH, "task": task, "options": {}, "pixel_size_A": (0.08, 0.156)}
    save(folder, build(name, WIDTH, 0, task), record)
    return TrainedNetwork(folder)


def seconds_a_megapixel(name: str, task: str) -> float:
    """The faster of two middle tiles' times, over the area of a middle core."""
    with tempfile.TemporaryDirectory() as folder:
        network = untrained(folder, name, task)
    divisor, reach = network.network.divisor, reach_of(network)
    tile = max(tiles_of((LARGE_PX, LARGE_PX), divisor, reach, WIDTH), key=lambda tile: size(tile.window))
    image = np.random.default_rng(0).random([part.stop - part.start for part in tile.window], np.float32)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        for _ in maps_of_tiles(network, image):
            pass
        seconds.append(time.perf_counter() - start)
    return min(seconds) / (size(tile.core) / 1e6)


def size(part: tuple[slice, slice]) -> int:
    """Pixels of a part of an image."""
    rows, columns = part
    return (rows.stop - rows.start) * (columns.stop - columns.start)


def lattice() -> np.ndarray:
    """Counts of a square lattice of columns, float32."""
    at = np.arange(SPACING_PX) - SPACING_PX / 2
    column = np.exp(-np.add.outer(at**2, at**2) / (2 * SIGMA_PX**2))
    rng, rows = np.random.default_rng(0), np.tile(5 + 30 * column, (1, LARGE_PX // SPACING_PX))
    return np.concatenate([rng.poisson(rows).astype(np.float32) for _ in range(LARGE_PX // SPACING_PX)])


def columns_of_all() -> None:
    """Find the columns of a large image, and see that they are those that it has."""
    columns = find_columns(lattice(), PIXEL_SIZE_A, SHIPPED / "column_finder", refine=True)
    assert abs(len(columns) / (LARGE_PX // SPACING_PX) ** 2 - 1) < 0.01, len(columns)


def denoise_all() -> None:
    """Denoise a large image."""
    denoise(lattice(), PIXEL_SIZE_A, TrainedNetwork(SHIPPED / "atomsegnet_unet"))


WHOLE = {"find_columns": columns_of_all, "denoise": denoise_all}


def main() -> None:
    print(f"threads: {THREADS}")
    for name, task in NETWORKS.items():
        print(f"s_per_megapixel {name}: {seconds_a_megapixel(name, task):.2f}", flush=True)
    for name in WHOLE:  # each in a process that held nothing before
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    if len(sys.argv) > 1:
        start = time.perf_counter()
        WHOLE[sys.argv[1]]()
        print(f"seconds {sys.argv[1]} {LARGE_PX} px: {time.perf_counter() - start:.0f}")
        print(f"peak_memory_gb {sys.argv[1]} {LARGE_PX} px: {peak_memory(torch.device('cpu')) / 1e9:.2f}", flush=True)
    else:
        main()
