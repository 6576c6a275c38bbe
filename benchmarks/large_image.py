"""The demo's networks on large images: seconds a megapixel, and the memory that 8192 x 8192 px take.

Prints for each network `s_per_megapixel`, of a tile in the middle of a large image over the area of its core, on 2
threads. `peak_memory_gb` is the highest resident memory of a process that denoises an image: with the network that is
fastest measured at 8192 x 8192 px, and with the one whose tiles take most at two sizes, from which a straight line
leads to 8192 x 8192, for a tile takes as much in any image.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))
from stembench.application.denoising import denoise
from stembench.application.tiling import maps_of_tiles, reach_of, tiles_of
from stembench.evaluation.inference_cost import peak_memory
from stembench.networks.registry import TrainedNetwork, build, save

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
FASTEST, LARGEST, SIZES_PX = "atomai_segmentor", "atomsegnet_unetpp", (2048, 4096)
PIXEL_SIZE_A = 0.1


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


def denoise_noise(name: str, edge: int) -> None:
    """Print the highest resident memory [GB] of this process, which denoises an image of so many pixels an edge."""
    with tempfile.TemporaryDirectory() as folder:
        network = untrained(folder, name, "denoise_background")
    denoise(np.random.default_rng(0).random((edge, edge), np.float32), PIXEL_SIZE_A, network)
    print(peak_memory(torch.device("cpu")) / 1e9)


def peak_memory_of(name: str, edge: int) -> float:
    """The same of a process of its own, that held no more before."""
    command = [sys.executable, __file__, name, str(edge)]
    peak = float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    print(f"peak_memory_gb {name} {edge} px: {peak:.2f}", flush=True)
    return peak


def main() -> None:
    print(f"threads: {THREADS}")
    for name, task in NETWORKS.items():
        print(f"s_per_megapixel {name}: {seconds_a_megapixel(name, task):.2f}", flush=True)
    fastest = peak_memory_of(FASTEST, LARGE_PX)
    slope, start = np.polyfit(np.square(SIZES_PX), [peak_memory_of(LARGEST, edge) for edge in SIZES_PX], 1)
    largest = start + slope * LARGE_PX**2
    print(f"peak_memory_gb {LARGEST} {LARGE_PX} px by a straight line: {largest:.2f}")
    print(f"peak_memory_gb: {max(fastest, largest):.2f}")


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    if len(sys.argv) > 1:
        denoise_noise(sys.argv[1], int(sys.argv[2]))
    else:
        main()
