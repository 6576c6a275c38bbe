"""Conda environments and the lock file."""

import re
import subprocess
import sys

import pytest
from environments import CONDA_NAMES, ENVIRONMENTS, dependencies, imports, package_of, uses
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from stembench.config import Config

pytestmark = pytest.mark.slow

PYPI_NAMES = {conda: name for name, conda in CONDA_NAMES.items()}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_is_locked_lies_in_the_ranges_of_the_environments(repository, name):
    lines = [line for line in (repository / "requirements.lock").read_text().splitlines() if "==" in line]
    locked = {canonicalize_name(package): version for package, _, version in (line.partition("==") for line in lines)}
    for package, wanted in dependencies(repository, name).items():
        if package not in ("python", "pip"):  # which make the environment that is locked
            assert locked[PYPI_NAMES.get(package, package)] in SpecifierSet(wanted), package


def test_what_is_locked_is_whole_and_fits_together():
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_environment_is_one_of_rules_and_every_rule_that_runs_code_has_one(repository):
    assert {use.environment for use in uses(repository)} == {path.stem for path in (repository / "envs").glob("*.yaml")}
    assert all(use.script for use in uses(repository))


@pytest.mark.parametrize("name", [*ENVIRONMENTS, "detector"])
def test_an_environment_holds_what_its_rules_import_and_says_what_else_it_is_for(repository, name):
    text = (repository / "envs" / f"{name}.yaml").read_text()
    explained = set(re.findall(r"^  - (\S+).*  # \w", text, re.MULTILINE))
    assert set(dependencies(repository, name)) - explained == {"python", *map(package_of, imports(repository, name))}


def test_the_environment_of_a_method_or_product_is_that_of_what_it_is_made_with(repository):
    special = {"gaussian_fit_atomap": "atomap", "faster_rcnn": "detector"}
    special |= dict.fromkeys(["arrangements", "thickness"], "structures")  # which make crystals and images themselves
    chosen = [use for use in uses(repository) if use.chosen_by]
    assert {use.environment for use in chosen} == {"training", "reporting", *special.values()}
    for use in chosen:
        usual = "reporting" if use.rule in ("make_table", "plot_figure") else "training"
        assert use.environment == special.get(use.chosen_by.partition("-")[0], usual), use


def test_the_detector_runs_in_no_environment_of_other_rules_and_atomap_in_that_of_its_exports(repository):
    fixed = {use.environment: use.rule for use in uses(repository) if not use.chosen_by}
    assert set(fixed) == {"structures", "lab", "training", "reporting", "atomap"}
    assert fixed["atomap"] == "export_columns"


def test_no_network_by_default_is_the_detector():
    assert not Config().networks["faster_rcnn"].tasks
