"""How often the 95 % intervals of calibrated noise hold the truth, and what a calibration takes.

Noise of known parameters on the lattice of SrTiO3 [001], 512 x 512 px, fitted as that of a real image. One process a
core.
"""

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

import numpy as np
from stembench.crystals.cif import read_crystal
from stembench.crystals.field import CrystalField
from stembench.crystals.projection import Scatterers, project_structure
from stembench.imaging.linear import linear_image, strength_of
from stembench.imaging.probe import Probe
from stembench.noise.calibrated import NoiseParameters, calibrated_noise
from stembench.noise.fitting import NoiseFit, fit_parameters

CORES = 2
TRIALS = 100
PIXELS = 512
PIXEL_SIZE_A = 0.1
KNOWN = NoiseParameters(
    0.1, 4.4, 0.03, 9.0, 0.13, streak_px=12, pixel_correlation=0.15, jitter_x_px=0.8, jitter_y_px=0.6
)
SEED = 2026


def lattice() -> np.ndarray:
    """Noise-free, on grey levels that leave room for the noise."""
    crystal = project_structure(read_crystal(REPOSITORY / "structures" / "SrTiO3.cif"), (0, 0, 1))
    scatterers = Scatterers.of(crystal, lambda element: strength_of(element, 1.7))
    field = CrystalField.of(crystal, scatterers, (PIXELS * PIXEL_SIZE_A,) * 2, 0.1, np.array([0.3, 0.7]), 6.0)
    probe = Probe(200e3, 24, 0.9)
    image = linear_image(field.points, field.strengths, field.thermal_b, probe, (PIXELS, PIXELS), PIXEL_SIZE_A)
    return 35 + 180 * (image - image.min()) / np.ptp(image)


def fitted(trial: int) -> tuple[NoiseFit, float]:
    drawing, fitting = (np.random.default_rng([SEED, trial, stream]) for stream in (0, 1))
    noisy = calibrated_noise(lattice(), KNOWN, drawing)
    started = time.perf_counter()
    return fit_parameters(noisy, fitting), time.perf_counter() - started


if __name__ == "__main__":
    with ProcessPoolExecutor(CORES, get_context("fork")) as pool:
        fits, seconds = zip(*pool.map(fitted, range(TRIALS)))
    print(f"trials: {TRIALS}")
    for name, truth in asdict(KNOWN).items():
        estimates = np.array([getattr(fit.parameters, name) for fit in fits])
        held = [low <= truth <= high for low, high in (fit.interval(name) for fit in fits)]
        print(f"bias_in_sd_{name}: {(estimates.mean() - truth) / estimates.std(ddof=1):.2f}")
        print(f"within_10_percent_{name}: {np.mean(np.abs(estimates / truth - 1) <= 0.1):.2f}")
        print(f"coverage_{name}: {np.mean(held):.2f}")
    print(f"seconds_a_fit: {np.mean(seconds):.1f}")
