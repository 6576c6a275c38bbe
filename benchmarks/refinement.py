"""Columns fitted with the image's own profile, beside the 2-D Gaussian fit and the starts, on simulated images.

Images of the test split of `physical`, 256 x 256 px, shot noise alone, at 1 to 300 counts/px at the peak. Starts are
true positions off by 15 pm (SD along each axis), which the fits do not know of, or maxima of the smoothed image less
its background. `rmse_over_crlb` is of resolved columns, those within 2 A of the edge and those whose bound exceeds a
third of the match radius left out; by dose, and at each dose of those images that the model describes: constant or
ramped background, no column too weak to be asked for. Then the bias of half the spacing of Si [110] dumbbells at 24
mrad and 300 counts/px [pm], and the seconds for 1,000 columns of a 640 x 640 px image on one core.
"""

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

import numpy as np
import pandas as pd
import torch
from scipy.spatial import KDTree
from stembench.config import Config
from stembench.crystals.cif import read_crystal
from stembench.crystals.material import Material
from stembench.crystals.materials import find_materials
from stembench.crystals.projection import project_structure
from stembench.crystals.zones import parse_zone
from stembench.datasets.factory import Factory
from stembench.datasets.sample import Sample
from stembench.localisation.gaussian_fit import fit_gaussians
from stembench.localisation.peaks import PeakSettings, find_columns
from stembench.localisation.profile_fit import fit_profiles

Fit = Callable[[np.ndarray, np.ndarray], np.ndarray]

COUNTS, STRUCTURES, START_ERROR_A = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0), 24, 0.15
BORDER_A, MATCH_A, WORST_PM = 2.0, 0.5, 100 * 0.5 / 3
DUMBBELLS, LONGEST_A = 6, 1.7
FITS: dict[str, Fit] = {
    "profile": lambda image, starts: fit_profiles(image, starts).positions,
    "gaussian": lambda image, starts: fit_gaussians(image, starts).positions,
    "starts": lambda image, starts: starts,
}


def factory(chosen: Callable[[str, str], bool], counts: tuple[float, ...], **more: object) -> Factory:
    """Images of `physical`, each structure at every dose; shot noise alone, unless `more` holds another noise."""
    config = Config()
    materials = [
        Material.of(
            name,
            zone,
            project_structure(read_crystal(REPOSITORY / "structures" / f"{name}.cif"), parse_zone(zone)),
            name in config.structures.single_layers,
        )
        for name, zones in find_materials(REPOSITORY / "structures", config).items()
        if name not in config.structures.held_out
        for zone in zones
        if chosen(name, zone)
    ]
    recipe = config.datasets["physical"]
    noise = recipe.noise.model_copy(update={"test_counts_per_px": counts, "shot_noise_alone": 1.0})
    recipe = recipe.model_copy(update={"noise": noise, "images_per_structure": len(counts), **more})
    return Factory(recipe, config.arrangements, config.imaging, materials, 256)


def counted(sample: Sample) -> np.ndarray:
    low, high = (sample.parameters[f"level_{end}"] for end in ("low", "high"))
    return low + (high - low) * sample.images["image"].astype(float)


def maxima(image: np.ndarray, pixel_size: float, counts: float) -> np.ndarray:
    sigma = float(np.clip(0.15 * 2 / np.sqrt(counts), 0.15, 0.35))
    return find_columns(image, pixel_size, PeakSettings(sigma, 1.0, 0.3, relative=True))[0]


def errors(sample: Sample, rng: np.random.Generator) -> list[dict]:
    """Squared error and squared bound of each column that counts [pm^2], by start and by fit."""
    size, columns = sample.parameters["pixel_size_A"], sample.columns
    asked, image = columns[columns.asked], counted(sample)
    described = sample.parameters["background"] in ("constant", "ramp") and len(asked) == len(columns)
    truth, bound = asked[["x_A", "y_A"]].to_numpy(), asked.crlb_pm.to_numpy()
    inside = ((truth > BORDER_A) & (truth < size * len(image) - BORDER_A)).all(axis=1)
    counts = sample.parameters["counts_per_px"]
    starts = {"near": truth + rng.normal(0, START_ERROR_A, truth.shape), "maxima": maxima(image, size, counts)}
    rows = []
    for start, places in starts.items():
        if not len(places):
            continue
        distances, nearest = KDTree(places).query(truth)
        good = inside & asked.resolved.to_numpy() & (distances < MATCH_A) & (bound < WORST_PM)
        for name, fit in FITS.items():
            off = 100 * (size * fit(image, places / size)[nearest[good]] - truth[good])
            squares = zip(np.mean(off**2, axis=1), bound[good] ** 2)
            told = {"start": start, "fit": name, "counts": counts, "described": described}
            rows += [told | {"square": square, "bound": limit} for square, limit in squares]
    return rows


def dumbbell_bias(fit: Fit) -> float:
    """Mean of half the error of the spacing [pm]; starts are off by `START_ERROR_A`."""
    made = factory(
        lambda name, zone: (name, zone) == ("Si", "110"),
        (300.0,),
        conditions=("200keV_24mrad",),
        backgrounds=("constant",),
    )
    rng, found = np.random.default_rng(1), []
    for number in range(DUMBBELLS):
        sample = made.sample("test", number)
        size, truth = sample.parameters["pixel_size_A"], sample.columns[["x_A", "y_A"]].to_numpy()
        places = size * fit(counted(sample), (truth + rng.normal(0, START_ERROR_A, truth.shape)) / size)
        inside = ((truth > BORDER_A) & (truth < 256 * size - BORDER_A)).all(axis=1)
        pairs = np.array([pair for pair in KDTree(truth).query_pairs(LONGEST_A) if inside[list(pair)].all()])
        between, true = (np.linalg.norm(p[pairs[:, 0]] - p[pairs[:, 1]], axis=1) for p in (places, truth))
        found.append(50 * (between - true))
    return float(np.concatenate(found).mean())


def seconds(fit: Fit) -> float:
    """For 1,000 columns of width 4 px about 20 px apart at 30 counts/px; the median of five."""
    rng = np.random.default_rng(0)
    axis = np.arange(12, 630, 20.0)
    truth = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2) + rng.uniform(-0.5, 0.5, (len(axis) ** 2, 2))
    along_x, along_y = (np.exp(-((np.arange(640) - p[:, None]) ** 2) / 32) for p in truth.T)
    image = rng.poisson(30 * (along_y.T @ along_x + 0.2)).astype(float)
    starts, taken = truth + rng.normal(0, 1.5, truth.shape), []
    for _ in range(5):
        started = perf_counter()
        fit(image, starts)
        taken.append(perf_counter() - started)
    return float(np.median(taken)) * 1000 / len(truth)


def main() -> None:
    torch.set_num_threads(1)
    made, rng = factory(lambda name, zone: True, COUNTS), np.random.default_rng(0)
    blocks = range(0, 7 * STRUCTURES, 7)  # steps through the materials, not in their order
    samples = (made.sample("test", block * len(COUNTS) + k) for block in blocks for k in range(len(COUNTS)))
    table = pd.DataFrame([row for sample in samples for row in errors(sample, rng)])
    for key, part in (("", table), ("_described", table[table.described])):
        for (start, fit, counts), rows in part.groupby(["start", "fit", "counts"]):
            ratio = np.sqrt(rows.square.mean() / rows.bound.mean())
            print(f"rmse_over_crlb{key}_{fit}_from_{start}_{counts:g}: {ratio:.3f}", flush=True)
    for name in ("profile", "gaussian"):
        print(f"dumbbell_bias_pm_{name}: {dumbbell_bias(FITS[name]):.3f}", flush=True)
        print(f"seconds_a_1000_columns_{name}: {seconds(FITS[name]):.3f}", flush=True)


if __name__ == "__main__":
    main()
