"""Conda environments and the lock file."""

import re

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib", "snakemake-minimal": "snakemake"}
ENVIRONMENTS = ("structures", "lab", "training", "atomap", "reporting")  # the detector has a lock file of its own


def ranges(repository, name):
    """The range of versions of each package of an environment."""
    content = yaml.safe_load((repository / "envs" / f"{name}.yaml").read_text())
    found = dict(line.partition(" ")[::2] for line in content["dependencies"])
    return {CONDA_NAMES.get(package, package): wanted for package, wanted in found.items()}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_is_locked_lies_in_the_ranges_of_the_environments(repository, name):
    lines = [line for line in (repository / "requirements.lock").read_text().splitlines() if "==" in line]
    locked = {canonicalize_name(package): version for package, _, version in (line.partition("==") for line in lines)}
    for package, wanted in ranges(repository, name).items():
        if package not in ("python", "pip"):  # which make the environment that is locked
            pinned = f"=={wanted}" if re.match(r"\d", wanted) else wanted
            assert locked[package] in SpecifierSet(pinned), (package, wanted, locked[package])


def test_every_environment_is_one_of_rules_and_every_rule_that_runs_code_has_one(repository):
    rules = "".join(path.read_text() for path in sorted((repository / "rules").glob("*.smk")))
    named = set(re.findall(r"\.\./envs/(\w+)\.yaml", rules)) | {"detector", "training", "atomap"}
    assert named == {path.stem for path in (repository / "envs").glob("*.yaml")}
    for rule in re.split(r"\n(?=rule )", rules)[1:]:
        assert ("script:" in rule) == ("conda:" in rule), rule.splitlines()[0]
