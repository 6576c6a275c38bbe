"""A synthetic microscope whose noise is known, from its images to networks that have learnt it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from copies import Copy
from stembench import denoise, find_columns
from stembench.config import CalibratedNoise, Config, Dataset, Evaluation, Imaging
from stembench.crystals.material import Material
from stembench.datasets.factory import Factory
from stembench.datasets.sample import Sample
from stembench.evaluation.intervals import Resampled, paired_difference
from stembench.evaluation.matching import Truth, score_columns
from stembench.evaluation.metrics import detection_metrics, detection_sums, free_image_quality
from stembench.evaluation.ranking import rank
from stembench.noise.calibrated import NoiseParameters
from stembench.planning import Layout
from stembench.products import read_json
from stembench.trained_network import TrainedNetwork

LAYOUT = Layout("small")
SETTINGS = Path(__file__).with_name("instrument.yaml")
SHIPPED = Path("workflow_scripts/stembench/weights")
SEEDS = range(3)
EVALUATION = Evaluation()
# Streaks along the rows, which no dose of electrons draws.
KNOWN = NoiseParameters(
    scan_slope=0.15, scan_intercept=26, pointwise_slope=0.05, pointwise_intercept=12, tukey_lambda=0.1
)
PIXEL_SIZE_A = 0.1
# Noise this strong hides the signal that a part of it grows with: the slope of one image is 7 % (SD) off.
DAYS = ("monday", "tuesday", "thursday", "friday")


def microscope(projection_of, image_px: int, **recipe) -> Factory:
    """What the microscope would record of a crystal."""
    exact = {name: {"estimate": value, "standard_error": 0.0} for name, value in KNOWN.to_dict().items()}
    calibration = {"image_fits": {"known": exact}, "grey_ends": {"known": (0.0, 255.0)}}
    noise = CalibratedNoise(instrument="known")
    seen = Dataset(noise=noise, images_per_structure=1, seed=77, pixel_size_A=(PIXEL_SIZE_A, PIXEL_SIZE_A), **recipe)
    material = Material.of("SrTiO3", "001", projection_of("SrTiO3", "001"))
    return Factory(seen, Config().arrangements, Imaging(), [material], image_px, calibration)


def trained(task: str, seed: int = 0) -> dict:
    network = {"localise": "instrument_column_finder", "denoise": "instrument_denoiser"}[task]
    return {"network": network, "task": task, "dataset": "instrument", "seed": seed}


@pytest.fixture(scope="module")
def made(tmp_path_factory, repository, projection_of) -> Copy:
    """A folder in which networks learnt the microscope's noise and read its images."""
    copy = Copy(tmp_path_factory.mktemp("instrument"), repository)
    recorded = microscope(projection_of, 384, background=0)
    for position, name in enumerate(DAYS):
        tifffile.imwrite(copy.folder / "images" / f"{name}.tif", recorded.sample("train", position).images["image"])
    (copy.folder / "images" / "images.csv").write_text(
        "image,pixel_size_A\n" + "".join(f"{name},{PIXEL_SIZE_A}\n" for name in DAYS)
    )
    refused = copy.run("apply", "-n", config=SETTINGS)
    assert refused.returncode != 0
    assert "`snakemake instrument --cores all`" in refused.stdout
    shown = LAYOUT.calibration_figure.path(instrument="instrument")
    others = [LAYOUT.characterisation.path(**trained("localise", seed)) for seed in SEEDS[1:]]
    for targets in (("instrument", shown, *others), ("apply",)):
        done = copy.run(*targets, config=SETTINGS)
        assert done.returncode == 0, done.stdout[-8000:]
    return copy


@pytest.fixture(scope="module")
def seen(projection_of) -> list[Sample]:
    """Images of the microscope that no network was trained on, with their truth."""
    factory = microscope(projection_of, 128)
    return [factory.sample("test", position) for position in range(60)]


def outcomes(sample: Sample, found: np.ndarray) -> dict[str, float]:
    """What becomes of strontium and titanium; oxygen, which hardly any image shows, counts neither way."""
    rows, columns = sample.images["image"].shape
    extent = (rows * PIXEL_SIZE_A, columns * PIXEL_SIZE_A)
    scored = score_columns(found, Truth.of(sample.columns, EVALUATION), extent, EVALUATION)
    return detection_sums(scored[scored.resolved])


def finding(sample: Sample, network: Path) -> dict[str, float]:
    """What becomes of the columns of an image that a network reads."""
    return outcomes(sample, find_columns(sample.images["image"], PIXEL_SIZE_A, network)[["x_A", "y_A"]].to_numpy())


def quality(sample: Sample, network: Path) -> dict[str, float]:
    """How well an image is denoised, with gain and offset free."""
    denoised = denoise(sample.images["image"], PIXEL_SIZE_A, network)
    return free_image_quality(denoised, sample.images["noNoise"]) | {"images": 1.0}


def mean_psnr(sums: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"psnr_free_db": sums.psnr_free_db / sums.images})


def resampled(seen: Sequence[Sample], networks: Sequence[Path], score: Callable, metrics: Callable) -> Resampled:
    rows = [
        {"unit": number, "seed": seed} | score(sample, network)
        for seed, network in enumerate(networks)
        for number, sample in enumerate(seen)
    ]
    return Resampled.of(pd.DataFrame(rows), metrics, 1000)


def better_by(ours: Resampled, theirs: Resampled, metric: str) -> dict:
    """The paired difference, which `pytest -rP` prints with both values."""
    difference = paired_difference(ours, theirs, metric)
    told = " ".join(f"{key} {difference[key]:.3f}" for key in ("difference", "low", "high"))
    print(f"{metric} on the known noise: ships {theirs.value[metric]:.3f}, tuned {ours.value[metric]:.3f}, {told}")
    return difference


def test_the_fitted_noise_is_the_known_one(made):
    fitted = read_json(made.folder / LAYOUT.calibration.path(instrument="instrument"))["fitted"]
    known = KNOWN.to_dict()
    found = {name: fitted[name]["mean"] for name in known}
    assert [found.pop(f"jitter_{axis}_px") for axis in "xy"] == pytest.approx(
        [known.pop(f"jitter_{axis}_px") for axis in "xy"], abs=0.1
    )
    assert found.pop("pixel_correlation") == pytest.approx(known.pop("pixel_correlation"), abs=0.05)
    assert found == pytest.approx(known, rel=0.1)


def test_networks_are_trained_at_the_pixel_sizes_of_the_one_that_ships(made):
    model = read_json(made.folder / LAYOUT.record.path(**trained("localise")))
    shipped = read_json(made.folder / SHIPPED / "column_finder" / "model.json")
    assert model["pixel_size_A"] == pytest.approx(shipped["pixel_size_A"], rel=0.02)
    assert model["starts_from"]["weights_sha256"] == shipped["weights_sha256"]


def test_networks_that_have_learnt_it_find_more_columns_than_the_one_that_ships(made, seen):
    tuned = [made.folder / LAYOUT.model.path(**trained("localise", seed)) for seed in SEEDS]
    ours = resampled(seen, tuned, finding, detection_metrics)
    theirs = resampled(seen, [made.folder / SHIPPED / "column_finder"], finding, detection_metrics)
    assert better_by(ours, theirs, "f1")["low"] > 0


@pytest.mark.parametrize(
    ("task", "shipped", "lost"), [("localise", "column_finder", 0.02), ("denoise", "image_denoiser", 0.1)]
)
def test_what_has_learnt_it_keeps_what_it_started_from(made, task, shipped, lost):
    before = rank(
        TrainedNetwork(made.folder / SHIPPED / shipped),
        [made.folder / LAYOUT.common_validation],
        structures={},
        task=task,
        evaluation=EVALUATION,
    )
    after = read_json(made.folder / LAYOUT.ranking.path(**trained(task)))
    print(f"{before['metric']} on general images: ships {before['score']:.3f}, tuned {after['score']:.3f}")
    assert after["score"] > before["score"] - lost


def test_a_network_that_has_learnt_it_denoises_better_than_the_one_that_ships(made, seen):
    tuned = [made.folder / LAYOUT.model.path(**trained("denoise"))]
    ours = resampled(seen, tuned, quality, mean_psnr)
    theirs = resampled(seen, [made.folder / SHIPPED / "image_denoiser"], quality, mean_psnr)
    assert better_by(ours, theirs, "psnr_free_db")["low"] > 0


def test_its_images_are_read_by_the_networks_that_have_learnt_it(made, projection_of):
    recorded = microscope(projection_of, 384, background=0)
    for position, name in enumerate(DAYS):
        folder = made.folder / LAYOUT.applied.path(image=name, product="")
        summary = read_json(folder / "summary.json")
        assert summary["network"] == LAYOUT.model.path(**trained("localise"))
        assert summary["denoiser"] == LAYOUT.model.path(**trained("denoise"))
        found = pd.read_csv(folder / "columns.csv")[["x_A", "y_A"]].to_numpy()
        sums = pd.DataFrame([outcomes(recorded.sample("train", position), found)])
        assert detection_metrics(sums).f1[0] > 0.95
