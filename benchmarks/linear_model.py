"""Clean linear images per second, beside a plain loop that stamps each column; and the time of each kind of probe.

Materials, zone axes, TEMImageNet's five imaging conditions and fields of view are mixed, and everything is drawn anew
for each image: the crystal's place and rotation, its columns' strengths and thermal broadening, the probe's source and
aberrations. 256 x 256 px. The rates are those of one process per core, the times those of the processor for one image
in one thread. The workload stands here and not in the configuration, so that rates of different versions compare.
"""

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

import numpy as np
from scipy.special import j0
from stembench.config import Config
from stembench.crystals.cif import read_crystal
from stembench.crystals.field import CrystalField
from stembench.crystals.materials import find_materials
from stembench.crystals.projection import Projection, Scatterers, project_structure
from stembench.crystals.zones import parse_zone
from stembench.imaging.linear import linear_image, strength_of
from stembench.imaging.probe import Probe

CORES = 2
IMAGES = 2000
STAMPED = 40
TIMED = 100
PIXELS = 256
FIELDS_A = (8, 10, 20, 30, 40)


def projections() -> list[Projection]:
    materials = find_materials(REPOSITORY / "structures", Config())
    return [
        project_structure(read_crystal(REPOSITORY / "structures" / f"{material}.cif"), parse_zone(zone))
        for material, zones in materials.items()
        for zone in zones
    ]


CRYSTALS = projections()
FOCUSED = [
    Probe(energy, semiangle, source)
    for energy, semiangle, source in (
        (200e3, 24, 0.9),
        (100e3, 30, 0.8),
        (200e3, 10.5, 0.9),
        (200e3, 10, 1.6),
        (60e3, 30, 0.5),
    )
]
SHARP = FOCUSED[0]
KINDS = {
    "focused": FOCUSED,
    "defocused": [replace(SHARP, defocus=50.0)],
    "halo": [Probe(200e3, 20, 0.9, defocus=80.0, c3=2.57e5)],
    "uncorrected": [Probe(200e3, 10, 0.9, defocus=600.0, c3=1.2e7)],
    "astigmatic": [replace(SHARP, defocus=30.0, astigmatism=30.0, astigmatism_angle=0.5)],
    "comatic": [replace(SHARP, coma=2000.0, coma_angle=0.5)],
    "threefold": [replace(SHARP, defocus=20.0, threefold=600.0, threefold_angle=0.5)],
    "star": [replace(SHARP, star=2e4, star_angle=0.5)],
    "tailed": [replace(SHARP, source_tail=0.2, source_tail_size=2.5)],
    "residual": [
        Probe(200e3, 24, 0.9, 20.0, 1e4, 0.0, 10.0, 0.5, 400.0, 1.0, threefold=300.0, star=1e4, star_angle=2.0)
    ],
    "chromatic": [replace(SHARP, defocus=20.0, focal_spread=30.0)],
}


def drawn(number: int, probes: list[Probe] = FOCUSED) -> tuple[np.ndarray, np.ndarray, np.ndarray, Probe, float]:
    """Columns and probe of image `number`, and its pixel size."""
    rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(number,)))
    crystal, probe = CRYSTALS[rng.integers(len(CRYSTALS))], probes[rng.integers(len(probes))]
    # A probe of its own for each image, so that nothing of it is known from another.
    defocus = probe.defocus and probe.defocus + rng.uniform(-20, 20)
    probe = replace(probe, source_size=probe.source_size * rng.uniform(0.8, 1.2), defocus=defocus)
    field = float(rng.choice(FIELDS_A))
    offset = rng.uniform(0, 1, 2) @ crystal.lattice
    gamma, warmth, rotation = rng.uniform(1.6, 1.8), rng.uniform(0.7, 1.3), rng.uniform(0, np.pi / 2)
    scatterers = Scatterers.of(crystal, lambda element: strength_of(element, gamma))
    shown = CrystalField.of(crystal, scatterers, (field, field), rotation, offset, probe.reach)
    return shown.points, shown.strengths, warmth * shown.thermal_b, probe, field / PIXELS


def image(number: int) -> np.ndarray:
    positions, strengths, thermal_b, probe, pixel_size = drawn(number)
    return linear_image(positions, strengths, thermal_b, probe, (PIXELS, PIXELS), pixel_size)


def stamped(number: int) -> np.ndarray:
    """The same image, its columns added one after another from their radial profiles."""
    positions, strengths, thermal_b, probe, pixel_size = drawn(number)
    k, transfer = probe.radial_transfer
    radii = np.linspace(0, 1.5 * probe.reach, 500)
    bessel = j0(2 * np.pi * np.multiply.outer(radii, k))
    profiles = {
        b: np.trapezoid(2 * np.pi * k * transfer * np.exp(-b / 4 * k**2) * bessel, k, axis=-1)
        for b in np.unique(thermal_b)
    }
    total, axis = np.zeros((PIXELS, PIXELS)), np.arange(PIXELS) * pixel_size
    for (x, y), strength, b in zip(positions, strengths, thermal_b):
        columns, rows = (np.flatnonzero(np.abs(axis - centre) <= probe.reach) for centre in (x, y))
        distance = np.hypot(axis[columns] - x, axis[rows][:, None] - y)
        total[np.ix_(rows, columns)] += strength * np.interp(distance, radii, profiles[b])
    return total


def milliseconds(probes: list[Probe]) -> float:
    """Median time of the processor for an image, whose probe is drawn anew."""
    times = []
    for number in range(TIMED):
        positions, strengths, thermal_b, probe, pixel_size = drawn(number, probes)
        started = time.process_time()
        linear_image(positions, strengths, thermal_b, probe, (PIXELS, PIXELS), pixel_size)
        times.append(1e3 * (time.process_time() - started))
    return float(np.median(times))


def seconds(function, numbers) -> float:
    with ProcessPoolExecutor(CORES, get_context("fork")) as pool:
        list(pool.map(work, [(function, range(2))] * CORES))  # processes started, caches filled
        parts = [(function, numbers[start::CORES]) for start in range(CORES)]
        started = time.perf_counter()
        list(pool.map(work, parts))
        return time.perf_counter() - started


def work(job) -> None:
    function, numbers = job
    for number in numbers:
        function(number)


if __name__ == "__main__":
    differences = [np.abs(image(n) - stamped(n)).max() / image(n).max() for n in range(6)]
    ours = IMAGES / seconds(image, range(IMAGES))
    theirs = STAMPED / seconds(stamped, range(STAMPED))
    print(f"crystals: {len(CRYSTALS)}")
    print(f"largest_difference_of_maximum: {max(differences):.4f}")
    for kind, probes in KINDS.items():
        print(f"{kind}_ms_per_image: {milliseconds(probes):.2f}")
    print(f"stamping_images_per_s: {theirs:.1f}")
    print(f"images_per_s: {ours:.0f}")
    print(f"speedup: {ours / theirs:.1f}")
