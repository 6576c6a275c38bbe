"""`make clean` in a folder with the products of two scales."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from stembench.planning.layout import SHARED, Layout

LAYOUTS = Layout("demo"), Layout("full")
WHICH = {"network": "sfin", "task": "localise", "dataset": "physical", "seed": 0}


@pytest.fixture
def folder(repository, tmp_path) -> Path:
    shutil.copy(repository / "Makefile", tmp_path)
    made = [
        path for layout in LAYOUTS for path in (layout.weights.path(**WHICH), layout.report, layout.table("cost")[0])
    ]
    for path in [*made, *(f"results/{name}/file" for name in SHARED), "results/README.md"]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("a product")
    return tmp_path


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in (folder / "results").rglob("*") if path.is_file()}


def clean(folder: Path, *settings: str) -> subprocess.CompletedProcess:
    return subprocess.run(["make", "clean", *settings], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize(
    "setting", ["", "SCALE=", "SCALE=..", "SCALE=.", "SCALE=demo/models", "SCALE=/", "SCALE=mine", "SCALE=lab"]
)
def test_without_a_scale_nothing_goes_and_those_that_are_there_are_named(folder, setting):
    before = files(folder)
    done = clean(folder, setting) if setting else clean(folder)
    assert done.returncode != 0
    assert files(folder) == before
    assert re.findall(r"^\S+\tresults/(\w+)$", done.stdout, re.MULTILINE) == ["demo", "full"]
    (shared,) = re.findall(r"^ *rm -r (.*)$", done.stdout, re.MULTILINE)
    assert set(shared.split()) == {f"results/{name}" for name in SHARED}


def test_a_scale_goes_but_for_its_trained_networks(folder):
    before = files(folder)
    assert clean(folder, "SCALE=demo").returncode == 0
    weights = LAYOUTS[0].weights.path(**WHICH)
    assert files(folder) == {path for path in before if path == weights or not path.startswith("results/demo/")}


def test_trained_networks_go_when_that_is_asked_for(folder):
    before = files(folder)
    assert clean(folder, "SCALE=demo", "NETWORKS=1").returncode == 0
    assert files(folder) == {path for path in before if not path.startswith("results/demo/")}
    assert not (folder / "results" / "demo").exists()
