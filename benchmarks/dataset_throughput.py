"""Samples of the demo recipe simulated and written a second, their memory, and stored samples read a second.

256 x 256 px, each sample complete: noisy image with a background, and the labels of the five training tasks. One
process a core writes shards; each runs anew for 100 and for 10,000 samples, so that its peak memory shows whether it
grows. Then the torch loader goes through them, shuffled, in two worker processes; and a label is made from columns, and
read where it is stored, in one.
"""

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import hashlib
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

import numpy as np
from stembench.config import Config
from stembench.crystals.cif import read_crystal
from stembench.crystals.material import Material
from stembench.crystals.materials import find_materials
from stembench.crystals.projection import project_structure
from stembench.crystals.zones import parse_zone
from stembench.datasets.factory import Factory
from stembench.datasets.labels import label
from stembench.datasets.sample import Sample
from stembench.datasets.store import Shards, open_shards, read_table, write_shard

CORES = 2
SAMPLES = 10_000
FEW = 100
PIXELS = 256
LABELS = ("circularMask", "gaussianMask", "noNoise", "noBackgroundnoNoise", "noNoiseNoBackgroundSuperresolution")
LOADED = 4000
LABELLED = 300
BATCH = 16


def factory() -> Factory:
    config = Config()
    structures = config.structures
    materials = [
        Material.of(
            name,
            zone,
            project_structure(read_crystal(REPOSITORY / "structures" / f"{name}.cif"), parse_zone(zone)),
            name in structures.single_layers,
        )
        for name, zones in find_materials(REPOSITORY / "structures", config).items()
        if name not in structures.held_out
        for zone in zones
    ]
    return Factory(config.datasets["physical"], config.arrangements, config.imaging, materials, PIXELS)


def write(folder: Path, first: int, last: int) -> float:
    """A shard; returns the process's peak memory [MB]."""
    folder.mkdir(parents=True)
    made = factory()
    write_shard(folder, (made.sample("train", i) for i in range(first, last)), {}, LABELS)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def written(folder: Path, samples: int) -> tuple[list[Path], float, float]:
    """Shards of a number of samples, a core each; seconds, and the largest peak memory [MB]."""
    ends = [samples * core // CORES for core in range(CORES + 1)]
    shards = [folder / f"{samples}" / f"{core:05d}" for core in range(CORES)]
    started = time.perf_counter()
    with ProcessPoolExecutor(CORES, get_context("spawn")) as pool:
        memory = max(pool.map(write, shards, ends[:-1], ends[1:]))
    return shards, time.perf_counter() - started, memory


def distinct(shards: list[Path]) -> int:
    """How many images differ."""
    hashes = set()
    for shard in shards:
        for image in open_shards([shard], ["image"])["image"]:
            hashes.add(hashlib.sha256(image.tobytes()).digest())
    return len(hashes)


def label_ms(shards: list[Path], name: str) -> tuple[float, float]:
    """Milliseconds to read a stored label, and to make it."""
    stored = Shards(shards, [name])
    samples = [stored[i] for i in range(LABELLED)]
    started = time.perf_counter()
    for i in range(LABELLED):
        stored.arrays[0][name][i]
    read = time.perf_counter()
    for sample in samples:
        blank = np.broadcast_to(np.float32(0), sample.images[name].shape)
        label(Sample({"image": blank}, sample.columns, sample.parameters), name)
    return 1e3 * (read - started) / LABELLED, 1e3 * (time.perf_counter() - read) / LABELLED


def loaded(shards: list[Path], label: str) -> float:
    """Shuffled samples a second out of the loader, once its workers run."""
    from stembench.datasets.loading import Crops, StoredPairs

    crops = Crops(StoredPairs(shards, label), crop=PIXELS, batch=BATCH, seed=0, workers=CORES)
    batches = iter(crops.epoch(0))
    next(batches)
    started = time.perf_counter()
    for _ in range(LOADED // BATCH):
        next(batches)
    return LOADED // BATCH * BATCH / (time.perf_counter() - started)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        _, _, few = written(Path(name), FEW)
        shards, seconds, many = written(Path(name), SAMPLES)
        print(f"samples: {len(read_table(shards, 'samples'))}")
        print(f"distinct: {distinct(shards)}")
        print(f"peak_memory_mb_of_{FEW}: {few:.0f}")
        print(f"loader_samples_per_s_stored_label: {loaded(shards, 'noBackgroundnoNoise'):.0f}")
        print(f"loader_samples_per_s: {loaded(shards, 'gaussianMask'):.0f}")
        for name in ("circularMask", "gaussianMask", "noNoiseNoBackgroundSuperresolution"):
            read, made = label_ms(shards, name)
            print(f"ms_read_and_made_{name}: {read:.2f} {made:.2f}")
        print(f"peak_memory_mb: {many:.0f}")
        print(f"seconds_of_{SAMPLES}: {seconds:.0f}")
        print(f"samples_per_s: {SAMPLES / seconds:.1f}")
