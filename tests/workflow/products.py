"""Look at every product of a run: it is there, it parses, and it says what it should."""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import xarray as xr
from copies import Copy
from PIL import Image
from safetensors.numpy import load_file
from stembench.planning import SPLITS, Layout, Plan

IDENTITY = ["method", "kind", "task", "train_dataset", "scale", "width", "n_seeds", "testset", "subset"]
LOCALISED = ("detection", "generalisation", "detection_comparison", "precision_vs_dose")
SHARED_LOCALISERS = ("maxima", "otsu", "otsu_split")
OWN_LOCALISERS = ("atomai_segmentor", "atomid_net")
STORED = {"image", "noNoise", "noBackgroundnoNoise"}


def check_products(folder: Path, plan: Plan) -> list[str]:
    """Check everything that a plan reports, and what it is made from; return what was looked at."""
    seen, layout = [], plan.layout
    tables, figures = (
        [name for name, planned in made.items() if planned.product.reported(plan, planned.subject)]
        for made in (plan.report.tables, plan.report.figures)
    )

    def found(template: str, *below: str) -> list[Path]:
        pattern = "/".join([re.sub(r"{\w+}", "*", template), *below])
        paths = sorted(folder.glob(pattern))
        assert paths, f"no {pattern}"
        seen.extend(str(path) for path in paths)
        return paths

    def table(name: str) -> pd.DataFrame:
        return pd.read_csv(folder / layout.table(name)[0])

    for path in (*plan.report.products, layout.report):
        found(path)
    for path in found(layout.projection):
        stored = json.loads(path.read_text())
        assert {"lattice_A", "rise_A", "period_A", "columns", "provenance"} <= set(stored)
        assert path.with_name("structure.png").exists()
    for path in found(layout.tile, "tile.zarr"):
        with xr.open_zarr(path, consolidated=False, chunks=None) as stored:
            assert stored.intensity.dims == ("detector", "thickness", "y", "x")
            assert 0 <= float(stored.intensity.min()) <= float(stored.intensity.max()) <= 1
    for path in found(layout.lab_image, "image.zarr"):
        with xr.open_zarr(path, consolidated=False, chunks=None) as stored:
            assert stored.image.ndim in (2, 3)  # an image, or a series
            assert stored.image.attrs["pixel_size_A"] > 0
            assert stored.image.attrs["licence"]
    for path in found(layout.calibration):
        calibration = json.loads(path.read_text())
        assert calibration["fitted"]["scan_slope"]["standard_error"] >= 0
        assert all("raw_scan_slope" in raw for raw in calibration["raw"].values())
    for path in found(layout.shard, "data.zarr"):
        with xr.open_zarr(path, consolidated=False, chunks=None) as stored:
            assert set(stored.data_vars) >= STORED | {"pixel_size_A"}
            assert 0 <= float(stored.image[0].min()) <= float(stored.image[0].max()) <= 1
    for path in found(layout.dataset_index):
        index = pd.read_parquet(path)
        assert set(index.split) == {split for split in SPLITS if plan.datasets.images(path.parent.name, split)}
        held_out = set(index.material[index.split == "held_out"])
        assert not held_out & set(index.material[index.split != "held_out"])
        assert index["sample"].is_unique
        assert (index.groupby("structure").split.nunique() == 1).all(), "a structure is in two splits"
        assert path.with_name("README.md").read_text().startswith("# Dataset")
        assert path.with_name("browser.html").read_text().startswith("<!DOCTYPE html>")
    for path in found(layout.record):
        assert json.loads(path.read_text())["parameters"] > 0
        assert load_file(path.with_name("weights.safetensors"))
        assert len(pd.read_csv(path.with_name("history.csv")))
    for template in (layout.scored_columns, layout.scored_images, layout.enhanced_images):
        for path in found(template):
            assert len(pd.read_parquet(path))
    for name in tables:
        (path,) = found(layout.table(name)[0])
        assert len(pd.read_csv(path))
        assert path.with_suffix(".md").read_text().startswith("|")
        assert "tabular" in path.with_suffix(".tex").read_text()
    for name in LOCALISED:
        localised = table(name)
        assert list(localised.columns[:10]) == [*IDENTITY, "localiser"]
        networks = localised[localised.kind == "network"].groupby("method").localiser.unique()
        assert "atomid_net" in networks.index
        for method, localisers in networks.items():
            several = {*SHARED_LOCALISERS, *(["own"] if method in OWN_LOCALISERS else [])}
            assert set(localisers) == ({"maxima"} if name in ("detection_comparison", "generalisation") else several), (
                name,
                method,
            )
    detection = table("detection").set_index("testset")
    assert detection.filter(regex="^paper_").isna().all().all(), "none is public"
    assert detection.loc["perovskite"].filter(regex="^(rmse|bias)").isna().all().all(), "references are no truth"
    assert detection.loc["physical"].rmse_pm.notna().any()
    comparison = table("detection_comparison")
    known = comparison.dropna(subset="low")
    beyond_zero = (known.low > 0) | (known.high < 0)
    assert not (known.significant & ~beyond_zero).any(), "the correction for their number takes some away, adds none"
    assert len(known)
    enhancement = table("enhancement")
    assert enhancement.paper_psnr_db[enhancement.subset != "all"].isna().all()
    lattice = table("lattice_precision")
    maxima = lattice[lattice.method == "smoothed_maxima"].set_index("axis")
    assert maxima.mean_pm.round(-1).to_dict() == {"a": 280, "b": 390}
    assert (maxima.response_slope > 0.9).all()
    assert "floor" not in set(lattice.kind)
    denoised = pd.read_csv(folder / layout.table("localisation_after_denoising")[0], keep_default_na=False)
    assert "sfin" in set(denoised.denoiser[denoised.denoiser_task == "denoise_background"])
    filters = set(denoised.denoiser[denoised.denoiser_task == ""]) - {"none"}
    assert len(filters) == 1, "the best one"
    assert {"gaussian_fit"} < set(denoised.method), "a network as well"
    assert not denoised.duplicated(["method", "testset", "axis", "denoiser", "denoiser_task", "denoiser_dataset"]).any()
    cost = table("cost")
    applied = ["macs_per_px", "inference_ms_per_megapixel", "peak_memory_mib", "device"]
    assert cost[applied].notna().all(axis=None)
    realism = table("realism")
    noises = set(realism.noise)
    assert {noise for noise in noises if not noise.startswith("dataset: ")} == {
        *("calibrated", "published", "temimagenet", "real_halves")
    }
    assert any(noise.startswith("dataset: ") for noise in noises)
    pictures = [
        layout.structure_figure,
        layout.calibration_figure,
        *(layout.figure(name)[0] for name in figures),
    ]
    pictures += [layout.model_figure(name)[0] for name in ("curves", "validation")]
    for template in pictures:
        for path in found(template):
            with Image.open(path) as figure:
                figure.load()
                assert min(figure.size) > 200
    for name in figures:
        assert found(layout.figure(name)[1])[0].read_bytes().startswith(b"%PDF")
    assert "stembench" in (folder / layout.report).read_text()
    return seen


def check_claims(folder: Path, layout: Layout) -> list[str]:
    """Check what the demo stands for; return each figure that was looked at."""

    def table(name: str) -> pd.DataFrame:
        return pd.read_csv(folder / layout.table(name)[0])

    index = pd.read_parquet(folder / layout.dataset_index.path(dataset="physical"))
    test = index[index.split == "test"]
    columns = pd.read_parquet(folder / layout.dataset_columns.path(dataset="physical"))
    asked = columns[columns["sample"].isin(test["sample"]) & columns.asked]
    assert len(test) >= 200
    assert len(asked) >= 5000
    assert set(test.material) == set(index.material[index.split != "held_out"])
    assert set(test.counts_per_px) == {1, 3, 10, 30, 100}
    lines = [f"simulated test set: {len(test)} images, {len(asked)} columns, {test.material.nunique()} materials"]

    detection = table("detection")
    networks = detection[(detection.localiser == "maxima") & (detection.kind == "network")]
    networks = networks[networks.testset == "physical"]
    for name, network in networks.groupby("method", sort=False):
        network = network.set_index("subset")
        assert network.f1["all"] >= 0.85, name
        assert network.width["all"] >= 0.25, name
        assert "unresolved=true" in network.index
        lines.append(f"{name}: F1 over all doses {network.f1['all']:.4f} at width {network.width['all']:g}")
    cost = table("cost")
    assert len(cost) == len(list(folder.glob(layout.record.where(network="*", task="*", dataset="*", seed=0)))) >= 9
    assert (cost.groupby("task").samples_seen.nunique() == 1).all()
    lines.append(f"{len(cost)} trainings, {cost.training_s.sum():.0f} s of a core together")

    detection = table("detection")
    assert {"atomsegnet_unet", "atomid_net"} <= set(detection.method[detection.kind == "network"])
    denoised = table("localisation_after_denoising")
    assert {"atomsegnet_unet", "sfin"} <= set(denoised.denoiser)
    assert {"gaussian_fit", "atomsegnet_unet"} <= set(denoised.method)

    pairs = table("detection_comparison")
    usual = pairs.baseline.isin(["smoothed_maxima", "gaussian_fit_atomap"])
    pairs = pairs[usual & pairs.testset.isin(["physical", "perovskite"]) & (pairs.subset == "counts_per_px=3")]
    better = [name for name, rows in pairs.groupby("method") if len(rows) == 4 and rows.low.min() > 0]
    assert better, pairs
    for row in pairs[pairs.method.isin(better)].itertuples():
        difference = f"{row.difference:+.4f} [{row.low:+.4f}, {row.high:+.4f}]"
        lines.append(f"{row.method}: F1 at 3 counts/px on {row.testset} over {row.baseline}: {difference}")

    beyond = table("generalisation")
    assert {"rim=edge", "rim=inside", "hidden=true", "counts_per_px=0.3", "pixel_size_A=0-0.05"} <= set(beyond.subset)
    assert "structural_prior_wrong_prior" in set(beyond.method)
    whole = beyond[(beyond.subset == "all") & (beyond.kind != "floor")]
    assert whole[["f1", "f1_low", "f1_high"]].notna().all(axis=None)
    for testset, rows in whole.groupby("testset"):
        best = rows.loc[rows.f1.idxmax()]
        lines.append(f"{testset}: best F1 {best.f1:.3f} by {best.method}, {rows.method.nunique()} methods")

    realism = table("realism")
    for image, rows in realism[realism.statistic == "all"].groupby("image"):
        distance = rows.set_index("noise").distance
        assert distance.calibrated < distance[["published", "temimagenet"]].min(), image
        lines.append(f"distance from {image}: {distance.round(2).to_dict()}")

    enhancement = table("enhancement")
    gains = table("enhancement_comparison")
    gains = gains[(gains.testset == "physical") & (gains.subset == "all")]
    gains = gains[gains.baseline.isin(enhancement.method[enhancement.kind == "baseline"])]
    plain, gains = (gains[gains.metric == metric] for metric in ("psnr_db", "psnr_free_db"))
    assert plain.groupby("method").difference.min().max() > 0, plain
    over_best = {name: rows.loc[rows.difference.idxmin()] for name, rows in gains.groupby("method", sort=False)}
    # Networks beat the filters that their papers compare them with; no other filter stands in these papers.
    over_published = gains[gains.baseline.isin(["absf", "wiener"])].set_index("method").low
    for name in ("fcn", "sfin"):
        assert over_published[name].min() > 0, gains
    for name, row in over_best.items():
        gain = f"{row.difference:+.2f} [{row.low:+.2f}, {row.high:+.2f}]"
        lines.append(f"{name}: PSNR over the best filter ({row.baseline}): {gain} dB")
    return lines


if __name__ == "__main__":  # of a folder, and of the scale that its configuration names
    here = Copy(Path(sys.argv[1]))
    plan = here.plan(here.folder / "config" / "config.yaml")
    print(f"{len(check_products(here.folder, plan))} products are there and parse")
    print("\n".join(check_claims(here.folder, plan.layout)))
