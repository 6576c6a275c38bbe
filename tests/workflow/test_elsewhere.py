"""A method that was run elsewhere stands in the tables."""

import shutil

import numpy as np
import pandas as pd
import tifffile
from copies import Copy
from stembench.planning import Layout

LAYOUT = Layout("tiny")


def test_predictions_of_a_test_set_become_rows_of_its_tables(finished, tiny_with, tmp_path):
    copy = Copy(shutil.copytree(finished.folder, tmp_path / "workflow", symlinks=True))
    exported = LAYOUT.export.path(testset="physical")
    assert copy.run(exported).returncode == 0
    columns = pd.read_parquet(copy.folder / LAYOUT.dataset_columns.path(dataset="physical"))
    samples = pd.read_parquet(copy.folder / LAYOUT.dataset_index.path(dataset="physical"))
    numbers = samples[samples.split == "test"]["sample"].sort_values()
    told = pd.read_csv(copy.folder / exported / "metadata.csv")
    predicted = copy.folder / "predictions" / "physical"
    predicted.mkdir(parents=True)
    for name, number in zip(told.image, numbers):
        shown = columns[(columns["sample"] == number) & columns.asked]
        shown[["x_A", "y_A"]].to_csv((predicted / name).with_suffix(".csv"), index=False)
        image = tifffile.imread(copy.folder / exported / name)
        tifffile.imwrite(predicted / name, (100 + 50 * image).astype(np.float32))
    config = tiny_with({"evaluation": {"external": {"truth": "predictions"}}})
    tables = [LAYOUT.table(name)[0] for name in ("detection", "detection_comparison", "enhancement")]
    done = copy.run(*tables, config=config)
    assert done.returncode == 0, done.stdout[-4000:]
    detection, comparison, enhancement = (pd.read_csv(copy.folder / path) for path in tables)
    row = detection[(detection.method == "truth") & (detection.subset == "all")].iloc[0]
    assert (row.kind, row.testset, row.f1, row.rmse_pm) == ("external", "physical", 1, 0)
    assert set(comparison.baseline[comparison.method == "truth"]) >= {"smoothed_maxima", "atomid_net"}
    row = enhancement[(enhancement.method == "truth") & (enhancement.subset == "all")].iloc[0]
    assert row.kind == "external"
    assert row.psnr_free_db > row.psnr_db  # another gain and offset
    (predicted / told.image[0]).with_suffix(".csv").unlink()
    refused = copy.run(tables[0], config=config)
    assert refused.returncode != 0
    assert "00000.csv is missing; predict every image of the test set" in refused.stdout
