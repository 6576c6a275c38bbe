import ast
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from pydantic import BaseModel
from stembench import sources
from stembench.config import load_config
from stembench.planning.identity import LIBRARY, code_digest, training_identity

CONFIG = load_config({})
NETWORK, TASK = "sffn", "denoise_background"
SAMPLING = {"recipe": {"mode": "HAADF"}, "image_px": 128}


def changed(section, path: str, value):
    """A section of the configuration with another value at `path`."""
    name, _, rest = path.partition("/")
    if isinstance(section, BaseModel):
        return section.model_copy(update={name: changed(getattr(section, name), rest, value) if rest else value})
    return section | {name: changed(section[name], rest, value) if rest else value}


RETRAIN_SETTINGS = {
    f"networks/{NETWORK}/recipes/demo/loss": "mse",
    f"networks/{NETWORK}/recipes/demo/learning_rate": 0.0123,
    f"networks/{NETWORK}/recipes/demo/weight_decay": 0.0123,
    f"networks/{NETWORK}/recipes/demo/schedule": "steps",
    f"networks/{NETWORK}/recipes/demo/width": 0.77,
    f"networks/{NETWORK}/recipes/demo/crop_px": 80,
    f"networks/{NETWORK}/recipes/demo/batch_images": 7,
    f"networks/{NETWORK}/architecture": "sfin",
    f"networks/{NETWORK}/options": {"frequency": False},
    f"scales/demo/samples_seen/{TASK}": 77,
    "scales/demo/epochs": 77,
    "training/precision": "tf32",
    "scale": "full",
}
KEPT_SETTINGS = {
    f"networks/{NETWORK}/recipes/demo/source": "another paper",
    f"networks/{NETWORK}/recipes/full/learning_rate": 0.0123,
    f"networks/{NETWORK}/tasks": (),
    "networks/sfin/recipes/demo/learning_rate": 0.0123,
    "scales/demo/samples_seen/localise": 77,
    "scales/demo/seeds": 7,
    "scales/demo/bootstrap": 777,
    "training/compile": True,
    "training/devices": 4,
    "training/nodes": 2,
    "evaluation/match_radius_A": 0.77,
}


def identity(config=CONFIG, seed=0, sampling=None, **options):
    return training_identity(config, NETWORK, TASK, seed, sampling, **options)


@pytest.mark.parametrize("path", RETRAIN_SETTINGS)
def test_a_setting_that_changes_what_is_trained_retrains(path):
    assert identity(changed(CONFIG, path, RETRAIN_SETTINGS[path])) != identity()


@pytest.mark.parametrize("path", KEPT_SETTINGS)
def test_a_setting_that_changes_nothing_in_a_training_keeps_it(path):
    assert identity(changed(CONFIG, path, KEPT_SETTINGS[path])) == identity()


def test_another_seed_retrains():
    assert identity(seed=1) != identity(seed=0)


def test_another_recipe_of_samples_retrains_what_draws_them_on_the_fly():
    drawn = identity(sampling=SAMPLING)
    assert identity(sampling=SAMPLING | {"image_px": 256}) != drawn != identity()


def test_other_weights_to_start_from_retrain():
    assert len({str(identity(starts_from=weights)) for weights in (None, "a", "b")}) == 3


def test_an_identity_tells_the_weights_that_a_training_starts_from_and_else_says_nothing_of_them():
    assert identity(starts_from="a") == identity() | {"starts_from": "a"}
    assert "starts_from" not in identity()


def test_an_identity_holds_what_its_job_builds_and_trains_from():
    """The scale's sizes stand in for what a recipe leaves open; sizes here are those of the demo's SFFN."""
    told = identity()
    assert told["made_as"] == {"architecture": "sffn", "width": 0.25, "options": {}}
    assert (told["recipe"]["crop_px"], told["recipe"]["loss"]) == (48, "rmse")
    assert training_identity(CONFIG, "sffn_spatial_only", TASK, 0)["made_as"] == {
        "architecture": "sffn",
        "width": 0.25,
        "options": {"frequency": False},
    }


def forget():
    """Forget what was read of the library, which stays as it is while a workflow runs."""
    sources._read.cache_clear()
    code_digest.cache_clear()


class Library:
    """A copy of the scripts and the library whose files are edited."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.first = folder, {}
        shutil.copytree(LIBRARY, folder, ignore=shutil.ignore_patterns("__pycache__"))

    def edit(self, patterns: Iterable[str], change: Callable[[str], str]) -> None:
        """Change files; at least one by each pattern."""
        for pattern in patterns:
            texts = {path: path.read_text(encoding="utf-8") for path in self.folder.glob(pattern)}
            edited = {path: other for path, text in texts.items() if (other := change(text)) != text}
            assert edited, pattern
            for path, text in edited.items():
                self.first.setdefault(path, texts[path])
                path.write_text(text, encoding="utf-8")
        forget()

    def restore(self) -> None:
        while self.first:
            path, text = self.first.popitem()
            path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def copied_library(tmp_path_factory):
    return Library(tmp_path_factory.mktemp("copied") / "workflow_scripts")


@pytest.fixture
def library(copied_library):
    forget()
    yield copied_library
    copied_library.restore()
    forget()


def in_function(name: str):
    """Add a statement that does something to a function."""

    def change(text: str) -> str:
        *_, function = (
            node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef) and node.name == name
        )  # a protocol's comes first
        lines, last = text.splitlines(keepends=True), function.body[-1]
        lines.insert(last.lineno - 1, " " * last.col_offset + "print()\n")
        return "".join(lines)

    return change


def replaced(pattern: str, other: str):
    return lambda text: re.sub(pattern, other, text, flags=re.MULTILINE)


def code_added(text: str) -> str:
    return text + "\nprint('more')\n"


PACKAGE = "stembench/"
RETRAIN_CODE = {
    "the script": ("train_network.py", in_function("train_network")),
    "a loss": (PACKAGE + "training/losses.py", replaced(r"largest / 10\b", "largest / 20")),
    "the optimiser": (PACKAGE + "training/run.py", in_function("configure_optimizers")),
    "a layer": (PACKAGE + "networks/sffn.py", replaced(r"dirac_", "ones_")),
    "layers that networks share": (PACKAGE + "networks/_fourier.py", code_added),
    "what every network is": (PACKAGE + "networks/base.py", in_function("forward")),
    "normalisation": (PACKAGE + "networks/registry.py", in_function("normalise")),
    "cropping": (PACKAGE + "datasets/loading.py", in_function("cropped")),
    "the order of samples": (PACKAGE + "datasets/loading.py", in_function("positions")),
    "a label": (PACKAGE + "datasets/labels.py", in_function("gaussian_mask")),
    "reading of a dataset": (PACKAGE + "datasets/store.py", code_added),
}
KEPT_CODE = {
    "the version": (["stembench/__init__.py"], replaced(r'__version__ = ".*"', '__version__ = "7.7"')),
    "what the package offers": (
        ["stembench/__init__.py"],
        replaced(r'import_module\("stembench._interface"\)', 'import_module("stembench.another")'),
    ),
    "comments": (["**/*.py"], lambda text: text.replace("\n", "\n# a comment\n", 1) + "# another\n"),
    "docstrings": (["*.py", "stembench/*/*.py"], replaced(r'\A"""', '"""Now: ')),
    "hints": (
        ["stembench/training/losses.py", "stembench/networks/base.py"],
        replaced(r"target: torch\.Tensor\b", "target: object"),
    ),
    "a message of a label": (["stembench/datasets/labels.py"], replaced("needs images", "wants images")),
    "a message of a training": (
        ["stembench/training/callbacks.py"],
        replaced("training diverged", "the loss exploded"),
    ),
    "progress of a training": (["stembench/training/run.py"], replaced(r"report\(f\"", 'report(f"so: ')),
    "messages and helpers of products": (["stembench/products.py", "stembench/errors.py"], code_added),
    "the log": (["job.py"], code_added),
    "the paper that a network quotes": (["stembench/networks/sffn.py"], replaced('source = ".*"', 'source = "none"')),
    "other networks": (["stembench/networks/atom*.py", "stembench/networks/localisers/*.py"], code_added),
    "the configuration": (["stembench/config/*.py"], code_added),
    "planning": (["stembench/planning/*.py"], code_added),
    "how trained networks are applied": (["stembench/trained_network.py", "stembench/application/*.py"], code_added),
    "figures and tables": (["stembench/reporting/*.py", "plot_*.py", "make_table.py"], code_added),
    "evaluation": (["stembench/evaluation/*.py", "stembench/baselines/*.py", "evaluate_*.py"], code_added),
    "application to the user's images": (["stembench/application/*.py", "stembench/lab/*.py"], code_added),
    "reading of CIFs": (["stembench/crystals/cif/*.py"], code_added),
    "what draws samples, where they are stored": (
        ["sample_factory.py", "stembench/datasets/on_the_fly.py"],
        code_added,
    ),
    "simulation, where samples are stored": (["stembench/imaging/*.py", "stembench/noise/*.py"], code_added),
}


@pytest.mark.parametrize("edit", RETRAIN_CODE)
def test_a_change_to_what_a_training_computes_retrains(library, edit):
    file, change = RETRAIN_CODE[edit]
    library.edit([file], change)
    assert identity(library=library.folder)["code"] != identity()["code"]


@pytest.mark.parametrize("edit", KEPT_CODE)
def test_a_change_to_other_code_keeps_a_training(library, edit):
    patterns, change = KEPT_CODE[edit]
    library.edit(patterns, change)
    assert identity(library=library.folder) == identity()


def test_a_network_that_is_added_keeps_the_trainings_of_others(library):
    added = library.folder / "stembench" / "networks" / "another.py"
    added.write_text("NETWORK = None\n")
    kept = identity(library=library.folder) == identity()
    added.unlink()
    assert kept


@pytest.mark.parametrize(
    "file", ["sample_factory.py", "stembench/datasets/on_the_fly.py", "stembench/noise/physical.py"]
)
def test_a_change_to_what_draws_samples_retrains_where_they_are_drawn_on_the_fly(library, file):
    library.edit([file], code_added)
    assert identity(sampling=SAMPLING, library=library.folder)["code"] != identity(sampling=SAMPLING)["code"]


def test_a_change_to_how_networks_are_applied_keeps_a_training_that_starts_from_trained_weights(library):
    library.edit(["stembench/trained_network.py", "stembench/application/*.py"], code_added)
    assert identity(starts_from="a", library=library.folder) == identity(starts_from="a")


def test_the_digest_of_a_script_counts_the_networks_it_loads_and_what_reads_their_maps(library):
    def digests():
        return [
            code_digest("denoise_image", library=library.folder),
            code_digest("denoise_image", "stembench.networks.sffn", library=library.folder),
            code_digest("denoise_image", "stembench.networks.atomai_segmentor", library=library.folder),
            code_digest(
                "find_columns",
                "stembench.networks.atomai_segmentor",
                "stembench.networks.localisers.atomai_segmentor",
                library=library.folder,
            ),
        ]

    before = digests()
    library.edit(["stembench/networks/atomai_segmentor.py", "stembench/networks/localisers/*.py"], code_added)
    assert [one == other for one, other in zip(before, digests())] == [True, True, False, False]
