"""A synthetic microscope whose noise is known, from its images to networks that have learnt it."""

from pathlib import Path

import pandas as pd
import pytest
import tifffile
from copies import Copy
from stembench.config import CalibratedNoise, Config, Dataset, Imaging
from stembench.crystals.material import Material
from stembench.datasets.factory import Factory
from stembench.datasets.temimagenet import export_temimagenet
from stembench.noise.calibrated import NoiseParameters
from stembench.planning import Layout
from stembench.products import read_json

LAYOUT = Layout("small")
COMPARED = LAYOUT.table("instrument_comparison")[0]
SETTINGS = Path(__file__).with_name("instrument.yaml")
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


def trained(task: str) -> dict:
    return {"network": "atomsegnet_unet", "task": task, "dataset": "instrument", "seed": 0}


@pytest.fixture(scope="module")
def made(tmp_path_factory, repository, projection_of) -> Copy:
    """A folder in which networks learnt the microscope's noise, were scored beside default ones, and read images."""
    copy = Copy(tmp_path_factory.mktemp("instrument"), repository)
    recorded = microscope(projection_of, 384, background=0)
    for position, name in enumerate(DAYS):
        tifffile.imwrite(copy.folder / "images" / f"{name}.tif", recorded.sample("train", position).images["image"])
    (copy.folder / "images" / "images.csv").write_text(
        "image,pixel_size_A\n" + "".join(f"{name},{PIXEL_SIZE_A}\n" for name in DAYS)
    )
    (copy.folder / "known").mkdir()
    seen = microscope(projection_of, 128)
    export_temimagenet((seen.sample("test", position) for position in range(240)), copy.folder / "known")
    refused = copy.run("apply", "-n", config=SETTINGS)
    assert refused.returncode != 0
    assert "`snakemake instrument --cores all`" in refused.stdout
    shown = (COMPARED, LAYOUT.calibration_figure.path(instrument="instrument"))
    for targets in (("instrument", *shown), ("apply",)):
        done = copy.run(*targets, config=SETTINGS)
        assert done.returncode == 0, done.stdout[-8000:]
    return copy


def test_the_fitted_noise_is_the_known_one(made):
    fitted = read_json(made.folder / LAYOUT.calibration.path(instrument="instrument"))["fitted"]
    known = KNOWN.to_dict()
    found = {name: fitted[name]["mean"] for name in known}
    assert [found.pop(f"jitter_{axis}_px") for axis in "xy"] == pytest.approx(
        [known.pop(f"jitter_{axis}_px") for axis in "xy"], abs=0.1
    )
    assert found.pop("pixel_correlation") == pytest.approx(known.pop("pixel_correlation"), abs=0.05)
    assert found == pytest.approx(known, rel=0.1)


def test_networks_are_trained_at_the_pixel_size_of_the_images(made):
    model = read_json(made.folder / LAYOUT.record.path(**trained("localise")))
    low, high = model["pixel_size_A"]
    assert 0.8 * PIXEL_SIZE_A < low < PIXEL_SIZE_A < high < 1.2 * PIXEL_SIZE_A


def test_networks_that_have_learnt_it_find_more_columns_than_default_ones(made):
    compared = pd.read_csv(made.folder / COMPARED)
    f1 = compared[compared.metric == "f1"].iloc[0]
    assert (f1.method, f1.baseline, f1.n_seeds) == ("instrument", "default", 3)
    assert f1.low > 0


def test_its_images_are_read_by_the_networks_that_have_learnt_it(made):
    for name in DAYS:
        folder = made.folder / LAYOUT.applied.path(image=name, product="")
        summary = read_json(folder / "summary.json")
        assert summary["network"] == LAYOUT.model.path(**trained("localise"))
        assert summary["denoiser"] == LAYOUT.model.path(**trained("denoise_background"))
        # 38.4 A a side, two columns in 3.905 A squared.
        assert len(pd.read_csv(folder / "columns.csv")) == pytest.approx(2 * (38.4 / 3.905) ** 2, rel=0.15)
