"""The tables of results that `make results` writes."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from pages import REPOSITORY
from write_results import BEGINNING, END, block, page, with_block

ROW = {"task": "localise", "train_dataset": "physical", "scale": "demo", "width": 0.25, "n_seeds": 1}
LOCALISED = {"f1_at_3_counts": 0.98459, "f1_at_3_counts_low": 0.97035, "f1_at_3_counts_high": 0.99446}
BASELINE = {"kind": "baseline", "width": np.nan}
GAIN = {"task": "denoise_background", "gain_db": 2.195, "gain_db_low": 1.105, "gain_db_high": 3.378}
SIZES = {"parameters": 110005.0, "training_s": 101.4}


@pytest.fixture
def summary():
    rows = [
        {"method": "unet", "kind": "network", **ROW, **LOCALISED, **SIZES},
        {"method": "unet", "kind": "network", **ROW, **GAIN, **SIZES},
        {"method": "worse", **ROW, **BASELINE, **LOCALISED, "f1_at_3_counts": 0.5},
        {"method": "better", **ROW, **BASELINE, **LOCALISED, "f1_at_3_counts": 0.6},
        {"method": "filter", **ROW, **BASELINE, "task": "denoise_background", "gain_db": 0.0},
    ]
    return pd.DataFrame(rows)


def test_numbers_have_the_decimals_that_their_intervals_give_a_meaning(summary):
    assert "| `unet` | network | 0.985 [0.970, 0.994] |" in page(summary)
    assert "| `unet` | network | 2.2 [1.1, 3.4] |" in page(summary)
    assert "| `filter` | classical | 0.0 |" in page(summary)
    assert "| `unet` | localise | 110,000 | 1.7 min |" in page(summary)


def test_a_page_without_denoising_has_no_section_on_it(summary):
    shown = page(summary.drop(columns=["gain_db", "gain_db_low", "gain_db_high"]))
    assert "Columns found" in shown
    assert "denoised" not in shown


def test_the_readme_shows_every_network_once_and_the_best_classical_method_of_each_task(summary):
    rows = re.findall(r"^\| `(\w+)` ", block(summary), flags=re.MULTILINE)
    assert rows == ["unet", "better", "filter"]
    assert "| `unet` | network | 0.985 [0.970, 0.994] | 2.2 [1.1, 3.4] |" in block(summary)


@pytest.mark.parametrize("written", [page, block])
def test_numbers_of_the_demo_are_marked_as_such(summary, written):
    assert "From the demo: networks with 25 % of the published channels" in written(summary)
    assert "From the demo" not in written(summary.assign(scale="full", width=1.0))


def test_only_what_stands_between_the_marks_changes(summary):
    before, after = "# Title\n\n", "\n\nText \\1.\n"
    readme = f"{before}{BEGINNING}old\n{END}{after}"
    once = with_block(readme, block(summary))
    assert once == f"{before}{BEGINNING}{block(summary)}{END}{after}"
    assert with_block(once, block(summary)) == once


def test_the_readmes_numbers_are_those_of_the_page():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"-?\d+\.\d+(?: \[[^\]]+\])?", readme.partition(BEGINNING)[2].partition(END)[0])
    written = (REPOSITORY / "docs" / "results.md").read_text(encoding="utf-8")
    assert not [number for number in shown if number not in written], "run `make results`"


def test_without_a_run_the_command_that_makes_one_is_named(tmp_path):
    script = REPOSITORY / "workflow_scripts" / "write_results.py"
    done = subprocess.run([sys.executable, script, "demo"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "make demo" in done.stderr
