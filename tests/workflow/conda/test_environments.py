"""The tiny workflow in its conda environments, which a stand-in for conda makes from an offline channel.

The channel is built of the running interpreter and the packages beside it; the files under envs/ are used as they are.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from channel import build_channel, build_empty_channel
from copies import Copy
from products import check_products

ENVIRONMENTS = (
    "structures",
    "lab",
    "training",
    "atomap",
    "reporting",
)  # the detector's packages are not installed here


@pytest.fixture(scope="module")
def conda(tmp_path_factory) -> Path:
    """Folder of the stand-in: its channels, and bin/ for the PATH."""
    root = tmp_path_factory.mktemp("conda")
    build_channel(root / "channels" / "conda-forge")
    build_empty_channel(root / "channels" / "bioconda")
    command = (sys.executable, Path(__file__).with_name("stand_in.py"))
    (root / "bin").mkdir()
    for name, lines in {
        "conda": f'STAND_IN_CONDA_ROOT={shlex.quote(str(root))} exec {shlex.join(map(str, command))} "$@"',
        "activate": 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"',
    }.items():
        (root / "bin" / name).write_text(f"#!/bin/sh\n{lines}\n")
        (root / "bin" / name).chmod(0o755)
    return root


@pytest.fixture(scope="module")
def ran(conda, tmp_path_factory, repository) -> Copy:
    """A copy in which the tiny workflow has run in conda environments."""
    made = Copy(tmp_path_factory.mktemp("tiny"), repository)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{conda / 'bin'}{os.pathsep}{os.environ['PATH']}")
        done = made.run("--use-conda")
    assert done.returncode == 0, done.stdout[-8000:]
    return made


@pytest.fixture(scope="module")
def environments(ran) -> dict[str, Path]:
    """Where each environment was made."""
    made = {}
    for copied in (ran.folder / ".snakemake" / "conda").glob("*.yaml"):
        for name in ENVIRONMENTS:
            if copied.read_text() == (ran.folder / "envs" / f"{name}.yaml").read_text():
                made[name] = copied.with_suffix("")
    return made


def test_the_tiny_workflow_makes_every_product(ran):
    assert len(check_products(ran.folder / "results")) > 50


def test_every_environment_but_the_detectors_was_made(environments):
    assert set(environments) == set(ENVIRONMENTS)


def test_every_job_ran_in_the_python_of_an_environment(ran):
    logs = [log for log in (ran.folder / "results" / "logs").rglob("*.log") if log.stat().st_size]
    assert len(logs) > 100
    for log in logs:
        first = log.read_text().splitlines()[0]
        assert re.fullmatch(rf"Python \S+ in {re.escape(str(ran.folder))}/\.snakemake/conda/\w+", first), (log, first)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_holds_all_that_the_scripts_of_its_rules_import(ran, environments, name):
    """Without Snakemake's own packages, which a job would find on its path."""
    scripts = set()
    for file in (ran.folder / "rules").glob("*.smk"):
        for rule in re.split(r"\n(?=rule )", file.read_text()):
            if f"../envs/{name}.yaml" in rule or (name in ("training", "atomap") and "method_environment" in rule):
                scripts |= set(re.findall(r"../workflow_scripts/(\w+)\.py", rule))
    assert scripts
    path = str(ran.folder / "workflow_scripts")
    imports = "; ".join(f"import {script}" for script in sorted(scripts))
    code = f"import sys; sys.path.insert(0, {path!r}); sys.dont_write_bytecode = True; {imports}"
    done = subprocess.run([environments[name] / "bin" / "python", "-I", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
