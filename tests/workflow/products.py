"""Look at every product of a run: it is there, it parses, and it says what it should."""

import json
import sys
from pathlib import Path

import pandas as pd
import xarray as xr
from PIL import Image
from safetensors.numpy import load_file

IDENTITY = ["method", "kind", "task", "train_dataset", "scale", "width", "n_seeds", "testset", "subset"]
TABLES = ("detection", "detection_comparison", "precision_vs_dose", "enhancement", "enhancement_comparison")
LABELS = {"image", "noNoise", "noBackgroundnoNoise", "gaussianMask", "circularMask"}


def check_products(results: Path) -> list[str]:
    """Check everything under `results/`; return what was looked at."""
    seen = []

    def found(pattern: str) -> list[Path]:
        paths = sorted(results.glob(pattern))
        assert paths, f"no {pattern}"
        seen.extend(str(path) for path in paths)
        return paths

    for path in found("structures/*/*/projection.json"):
        assert {"lattice_A", "period_A", "columns", "provenance"} <= set(json.loads(path.read_text()))
    for path in found("lab/*/image.zarr"):
        with xr.open_zarr(path, consolidated=False, chunks=None) as stored:
            assert stored.image.ndim == 2
            assert stored.image.attrs["pixel_size_A"] > 0
            assert stored.image.attrs["licence"]
    for path in found("calibration/*.json"):
        calibration = json.loads(path.read_text())
        assert calibration["fitted"]["scan_slope"]["standard_error"] >= 0
        assert "raw_scan_slope" in calibration["raw"][0]
    for path in found("datasets/*/*/*/data.zarr"):
        with xr.open_zarr(path, consolidated=False, chunks=None) as stored:
            assert set(stored.data_vars) == LABELS | {"pixel_size_A"}
            assert 0 <= float(stored.image[0].min()) <= float(stored.image[0].max()) <= 1
    for path in found("datasets/*/index.parquet"):
        index = pd.read_parquet(path)
        assert set(index.split) == {"train", "validation", "test"}
        assert index["sample"].is_unique
        assert (index.groupby("structure").split.nunique() == 1).all(), "a structure is in two splits"
    for path in found("models/*/*/*/*/model.json"):
        assert json.loads(path.read_text())["parameters"] > 0
        assert load_file(path.with_name("weights.safetensors"))
        assert len(pd.read_csv(path.with_name("history.csv")))
    for pattern in (
        "evaluation/*/*/columns.parquet",
        "evaluation/*/*/images.parquet",
        "enhancement/*/*/images.parquet",
    ):
        for path in found(pattern):
            assert len(pd.read_parquet(path))
    for name in TABLES:
        (path,) = found(f"tables/{name}.csv")
        table = pd.read_csv(path)
        assert list(table.columns[:9]) == IDENTITY
        assert len(table)
        assert found(f"tables/{name}.md")[0].read_text().startswith("|")
        assert "tabular" in found(f"tables/{name}.tex")[0].read_text()
    for path in found("figures/*.png") + found("calibration/*.png") + found("models/*/*/*/*/curves.png"):
        with Image.open(path) as figure:
            figure.load()
            assert min(figure.size) > 200
    for path in found("figures/*.pdf"):
        assert path.read_bytes().startswith(b"%PDF")
    (report,) = found("report.html")
    assert "stembench" in report.read_text()
    return seen


if __name__ == "__main__":
    print(f"{len(check_products(Path(sys.argv[1])))} products are there and parse")
