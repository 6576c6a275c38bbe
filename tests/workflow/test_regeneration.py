"""What is made again after a change, and what is not."""

import re
import shutil
from contextlib import contextmanager


def planned(finished, **options):
    """Rules that a run would carry out, with how often."""
    done = finished.run("-n", **options)
    assert done.returncode == 0, done.stdout[-4000:]
    found = re.findall(r"^(\w+) +(\d+)$", done.stdout, re.MULTILINE)
    return {rule: int(number) for rule, number in found if rule not in ("all", "total")}


@contextmanager
def changed(file, old, new):
    """A file with one of its lines changed."""
    original = file.read_text()
    assert old in original
    file.write_text(original.replace(old, new))
    try:
        yield
    finally:
        file.write_text(original)


def test_a_changed_figure_style_draws_that_figure_again_and_nothing_else(finished):
    figure = finished.folder / "workflow_scripts" / "stembench" / "reporting" / "precision_figure.py"
    with changed(figure, 'xscale="log"', 'xscale="linear"'):
        assert planned(finished) == {"plot_precision_vs_dose": 1, "report": 1}


def test_a_changed_metric_evaluates_again_and_trains_nothing(finished):
    metrics = finished.folder / "workflow_scripts" / "stembench" / "evaluation" / "metrics.py"
    with changed(metrics, "gaussian_weights=True", "gaussian_weights=False"):
        again = planned(finished)
    assert {"evaluate_enhancement", "tabulate_enhancement", "tabulate_detection", "report"} <= set(again)
    made_before = {"train_network", "generate_shard", "project_structure", "tune_detection", "tune_enhancement"}
    assert not made_before & set(again)


def test_a_dropped_cif_adds_its_structure_and_the_datasets_that_take_it(finished):
    dropped = finished.folder / "structures" / "Dropped-1.cif"
    made = "results/structures/Dropped-1/001/projection.json"
    try:
        shutil.copy(finished.folder / "structures" / "Pt.cif", dropped)
        done = finished.run("-n")
        run = finished.run(made)
    finally:
        dropped.unlink()
    assert run.returncode == 0, run.stdout[-4000:]
    assert (finished.folder / made).exists()
    shutil.rmtree(finished.folder / "results" / "structures" / "Dropped-1")
    projected = re.findall(r"Project (\S+) along", done.stdout)
    assert projected == ["Dropped-1"]
    simulated = set(re.findall(r"Simulate (\w+)/", done.stdout))
    assert {"physical", "calibrated", "occluded"} <= simulated
    assert not simulated & {"multislice", "particle"}  # of materials that are named
    assert "Simulate the tile" not in done.stdout


def test_files_that_are_touched_without_a_change_make_nothing_again(finished):
    for name in (
        "structures/Si.cif",
        "config/config.yaml",
        "workflow_scripts/train_network.py",
        "workflow_scripts/stembench/training/run.py",
        "results/models/atomid_net/localise/physical/seed0/weights.safetensors",
        "results/tables/precision_vs_dose.csv",
    ):
        (finished.folder / name).touch()
    assert not planned(finished)
