"""The 2-D Gaussian fit against atomap's `refine_atom_positions_using_2d_gaussian`, from the same starts.

512 x 512 px, 625 columns of width 4 px about 20.3 px apart on a background of a quarter of their peak, Poisson noise,
starts off by 0.7 px (SD) along each axis. For each dose at the peak: `speedup` over one pass of atomap (both timed in
turns), `rmse_ratio` to the best of atomap's first three passes, and `rmse_over_crlb` (of six images) to the Cramer-Rao
bound of these Gaussians. Then half the error of the spacing of dumbbells 12 px apart without noise, and the spacing of
the silicon dumbbells of a lab image where the environment variable STEMBENCH_LAB names the folder that holds it.
"""

import os
import sys
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))
from scipy.spatial import KDTree
from skimage.io import imread
from stembench.localisation.cramer_rao import gaussian_position_bound
from stembench.localisation.gaussian_fit import fit_gaussians
from stembench.localisation.peaks import PeakSettings, find_columns

COUNTS, SIZE, PITCH, WIDTH, START_ERROR = (200, 20, 5), 512, 20.3, 4.0, 0.7
PASSES, IMAGES = 3, 6
SILICON, SILICON_PX_A, CRYSTAL_PM = "03_afterimage_8nm_crp.png", 0.0944, 135.8


def expected_image(positions: np.ndarray, counts: float) -> np.ndarray:
    along_x, along_y = (np.exp(-((np.arange(SIZE) - p[:, None]) ** 2) / (2 * WIDTH**2)) for p in positions.T)
    return counts * (along_y.T @ along_x + 0.25)


def drawn_lattice(rng: np.random.Generator) -> np.ndarray:
    axis = np.arange(25) * PITCH + 12
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return grid + rng.uniform(-0.5, 0.5, grid.shape)


def started(positions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return positions + rng.normal(0, START_ERROR, positions.shape)


def rmse(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((found - truth) ** 2)))


def compare(counts: float) -> None:
    """Print the ratios at one dose."""
    import atomap.api as atomap

    rng = np.random.default_rng(int(counts))
    truth = drawn_lattice(rng)
    expected = expected_image(truth, counts)
    image, starts = rng.poisson(expected).astype(float), started(truth, rng)
    peer = atomap.Sublattice(starts.tolist(), image=image)
    peer.find_nearest_neighbors()
    ours, theirs, their_errors = [], [], []
    for _ in range(PASSES):
        for _ in range(5):
            start = perf_counter()
            fit = fit_gaussians(image, starts)
            ours.append(perf_counter() - start)
        start = perf_counter()
        peer.refine_atom_positions_using_2d_gaussian(show_progressbar=False)
        theirs.append(perf_counter() - start)
        their_errors.append(rmse(np.array(peer.atom_positions), truth))
    errors, bounds = [], []
    for _ in range(IMAGES):
        positions = drawn_lattice(rng)
        expected = expected_image(positions, counts)
        errors.append(rmse(fit_gaussians(rng.poisson(expected), started(positions, rng)).positions, positions))
        ones = np.ones(len(positions))
        bounds.append(gaussian_position_bound(expected, positions, counts * ones, WIDTH * ones))
    for key, value in {
        "counts_per_px": counts,
        "seconds": np.median(ours),
        "atomap_seconds_a_pass": np.median(theirs),
        "rmse_px": rmse(fit.positions, truth),
        "atomap_rmse_px": min(their_errors),
        "crlb_px": np.sqrt(np.mean(np.square(bounds))),
        "speedup": np.median(theirs) / np.median(ours),
        "rmse_ratio": rmse(fit.positions, truth) / min(their_errors),
        "rmse_over_crlb": np.sqrt(np.mean(np.square(errors)) / np.mean(np.square(bounds))),
    }.items():
        print(f"{key}: {value:.4g}", flush=True)


def dumbbell_bias() -> float:
    """Mean error of half the spacing of noise-free dumbbells 12 px apart [px]."""
    rng = np.random.default_rng(0)
    axis = np.arange(20, SIZE - 20, 44)
    centres = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2) + rng.uniform(-0.5, 0.5, (len(axis) ** 2, 2))
    truth = np.concatenate([centres - np.array([6, 0]), centres + np.array([6, 0])])
    left, right = np.split(fit_gaussians(expected_image(truth, 200), started(truth, rng)).positions, 2)
    return float(np.mean(right[:, 0] - left[:, 0] - 12)) / 2


def dumbbell_spacings(folder: Path) -> np.ndarray:
    """Spacings of the dumbbells of silicon [110] in a lab image, those within 2.8 A of its edge left out [pm].

    A dumbbell is two fitted columns that are each other's nearest and closer than 200 pm; about one in twelve shows a
    single maximum to start from and is left out.
    """
    image = imread(folder / SILICON).astype(float)
    starts = find_columns(image, SILICON_PX_A, PeakSettings(0.25, 0.0, 0.35, relative=True))[0]
    fit = fit_gaussians(image, starts / SILICON_PX_A)
    found = fit.positions[fit.fitted]
    distances, partners = (each[:, 1] for each in KDTree(found).query(found, k=2))
    inside = ((found > 30) & (found < np.array(image.shape[::-1]) - 30)).all(axis=1)
    spacings = 100 * SILICON_PX_A * distances
    each_other = (partners[partners] == np.arange(len(found))) & (partners > np.arange(len(found)))
    return spacings[each_other & inside & inside[partners] & (spacings < 200)]


def main() -> None:
    warnings.simplefilter("ignore")
    print(f"threads: {torch.get_num_threads()}")
    for counts in COUNTS:
        compare(counts)
    print(f"dumbbell_bias_px: {dumbbell_bias():.4f}")
    folder = os.environ.get("STEMBENCH_LAB")
    if not folder:
        print("silicon_dumbbells: not measured, STEMBENCH_LAB is not set")
        return
    spacings = dumbbell_spacings(Path(folder))
    print(f"silicon_dumbbells: {len(spacings)}")
    print(f"silicon_spacing_pm: {spacings.mean():.1f}")
    print(f"silicon_spacing_sd_pm: {spacings.std():.2f}")
    print(f"silicon_spacing_over_crystal: {spacings.mean() / CRYSTAL_PM:.4f}")


if __name__ == "__main__":
    main()
