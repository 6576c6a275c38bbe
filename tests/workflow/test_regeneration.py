"""What is made again after a change, and what is not."""

import shutil
from contextlib import ExitStack, contextmanager

import pytest
import yaml
from copies import TINY
from stembench.planning import Layout, Training

LAYOUT = Layout("tiny")
REPORT = {LAYOUT.report, LAYOUT.run}
TRAINED = vars(Training("atomid_net", "localise", "physical", 0))
HOURS_9 = 9 * 3600


@contextmanager
def changed(file, old, new):
    """A file with some of its text changed."""
    original = file.read_text()
    assert old in original
    file.write_text(original.replace(old, new))
    try:
        yield
    finally:
        file.write_text(original)


@pytest.fixture
def library(finished):
    return finished.folder / "workflow_scripts" / "stembench"


def test_a_changed_figure_style_draws_that_figure_again_and_nothing_else(finished, library):
    with changed(library / "reporting" / "figures" / "precision_vs_dose.py", 'xscale="log"', 'xscale="linear"'):
        assert set(finished.pending()) == {*LAYOUT.figure("precision_vs_dose"), *REPORT}


def test_a_changed_metric_evaluates_again_and_trains_nothing(finished, library):
    with changed(library / "evaluation" / "metrics.py", "gaussian_weights=True", "gaussian_weights=False"):
        again = finished.pending()
    scored = LAYOUT.enhanced_images.path(task="denoise_background", testset="physical", method="gaussian")
    assert {scored, *LAYOUT.table("enhancement"), *LAYOUT.table("detection"), *REPORT} <= set(again)
    made_before = {"train_network", "generate_shard", "project_structure", "tune_detection", "tune_enhancement"}
    assert not made_before & set(again.values())


def test_a_changed_filter_reruns_what_uses_it_and_a_comment_in_it_nothing(finished, library):
    module = library / "baselines" / "filters" / "gaussian.py"
    original = module.read_text()
    with changed(module, original, original + "\n# a comment\n"):
        assert finished.pending() == {}
    with changed(module, original, original + "\n_UNUSED = 1\n"):
        again = finished.pending()
    tuned = LAYOUT.enhancement_tuning.path(task="denoise_background", dataset="physical", method="gaussian")
    assert {tuned, *LAYOUT.table("enhancement")} <= set(again)
    others = {"project_structure", "generate_shard", "train_network", "tune_detection", "validate_network"}
    assert not {rule for rule in again.values() if rule in others or rule.startswith("evaluate_network_by")}


def test_what_changes_no_product_makes_nothing_again(finished, library, tiny_with):
    """A release, the words of a message, who published a recipe, and how fast a training is computed."""
    version = (library / "__init__.py").read_text().split('__version__ = "')[1].split('"')[0]
    config = tiny_with(
        {
            "training": {"compile": True},
            "networks": {"atomid_net": {"recipes": {"tiny": {"source": "somebody else"}}}},
        }
    )
    with (
        changed(library / "__init__.py", f'"{version}"', '"99.0"'),
        changed(library / "products.py", "is read-only", "cannot be written to"),
    ):
        assert finished.pending(config=config) == {}


def test_files_that_are_touched_without_a_change_make_nothing_again(finished):
    for name in (
        "structures/Si.cif",
        "config/config.yaml",
        "workflow_scripts/train_network.py",
        "workflow_scripts/stembench/training/run.py",
        LAYOUT.weights.path(**TRAINED),
        LAYOUT.table("precision_vs_dose")[0],
    ):
        (finished.folder / name).touch()
    assert finished.pending() == {}


def test_a_dropped_cif_adds_its_structure_and_the_datasets_that_take_it(finished):
    dropped = finished.folder / "structures" / "Dropped-1.cif"
    shutil.copy(finished.folder / "structures" / "Au.cif", dropped)
    try:
        again = finished.pending()
    finally:
        dropped.unlink()
    projected = [path for path, rule in again.items() if rule == "project_structure"]
    assert projected == [LAYOUT.projection.path(material="Dropped-1", zone="001")]
    assert "simulate_tile" not in again.values()
    shards = {path.split("/")[3] for path, rule in again.items() if rule == "generate_shard"}
    assert {"physical", "calibrated", "occluded"} <= shards
    assert not shards & {"multislice", "particle"}  # of materials that are named


def test_another_scale_touches_nothing_of_a_finished_one(finished, tiny_with):
    settings = yaml.safe_load(TINY.read_text())
    own = {"other": {"parent": "tiny", "train_images": 50}}
    config = tiny_with({"scale": "other", "scales": settings["scales"] | own})
    again = finished.pending(config=config)
    assert "train_network" in again.values()
    assert Layout("other").report in again
    assert not [path for path in again if path.startswith(f"{LAYOUT.folder}/")]


@pytest.fixture
def costly(finished, tiny_with):
    """A configuration that would train anew what took nine hours; the path of the weights."""
    history = finished.folder / LAYOUT.history.path(**TRAINED)
    original = history.read_text()
    header, *rows = original.splitlines()
    column = header.split(",").index("seconds")
    slow = [row.split(",") for row in rows]
    for row in slow:
        row[column] = str(HOURS_9 / len(slow))
    with ExitStack() as stack:
        stack.callback(history.write_text, original)
        history.write_text("\n".join([header, *map(",".join, slow)]) + "\n")
        recipe = {"recipes": {"tiny": {"learning_rate": 0.0123}}}
        yield tiny_with({"networks": {"atomid_net": recipe}}), LAYOUT.weights.path(**TRAINED)


def test_costly_weights_are_trained_anew_only_when_they_are_named_or_all_are_allowed(finished, costly):
    config, weights = costly
    refused = finished.look("-n", config=config)
    assert refused.returncode != 0
    assert "Traceback" not in refused.stdout, refused.stdout[-4000:]
    for told in ("9.0 hours", "arams have changed", f"snakemake --cores all {weights}", "training='{retrain: true}'"):
        assert told in refused.stdout, refused.stdout[-4000:]
    for allowed in ([weights], ["--config", "training={retrain: true}"]):
        done = finished.look("-n", *allowed, config=config)
        assert done.returncode == 0, done.stdout[-4000:]
        assert "train_network" in done.stdout
