"""The tiny workflow and its studies in conda environments, which a stand-in for conda makes from an offline channel.

The channel is built of the running interpreter and the packages beside it; the files under envs/ are used as they are.
Snakemake runs in the environment of the report, as docs/how_to/conda.md shows.
"""

import base64
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from channel import build_channel, build_empty_channel
from copies import Copy
from environments import ENVIRONMENTS, imports, uses
from products import check_products
from stembench.planning import Layout

LAYOUT = Layout("tiny")
# The environment of atomap is for one of them.
STUDIES = [LAYOUT.table(name)[0] for name in ("priors", "enlarged", "enlarged_comparison")]
MATERIALS = ("Si", "SrTiO3")  # the fewest of which one can be taken for the other


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
    """A copy in which the tiny workflow and its studies have run in conda environments."""
    made = Copy(tmp_path_factory.mktemp("tiny"), repository)
    for cif in (made.folder / "structures").iterdir():
        if cif.stem not in MATERIALS:
            cif.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{conda / 'bin'}{os.pathsep}{os.environ['PATH']}")
        described, own = made.folder / "envs" / "reporting.yaml", conda / "envs" / "stembench"
        subprocess.run(["conda", "env", "create", "--file", described, "--prefix", own], check=True)
        done = made.run("all", *STUDIES, "--use-conda", python=own / "bin" / "python")
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
    assert len(check_products(ran.folder, ran.plan())) > 50


def test_the_report_on_two_materials_says_what_is_left_out(ran):
    first_page = (ran.folder / LAYOUT.run).read_text()
    assert "The test set held_out: none of its materials is in structures/." in first_page


@pytest.fixture(scope="module")
def tables(ran) -> dict[str, pd.DataFrame]:
    return {path.stem: pd.read_csv(path) for path in ran.folder.glob(LAYOUT.table("*")[0])}


def test_a_study_of_columns_comes_from_one_target(tables):
    table = tables["priors"]
    rows = table[table.subset == "all"].set_index("method")
    assert list(rows.index) == ["wrong", "right", "template_matching", "gaussian_fit_atomap"]
    assert list(rows.kind) == ["network", "oracle", "oracle", "baseline"]  # two are told the structure
    assert list(rows.localiser.dropna()) == ["maxima"] * 2 + ["gaussian_fit_atomap"]
    assert (rows.f1[["template_matching", "gaussian_fit_atomap"]] > 0.3).all()  # which no training of seconds makes


def test_a_study_of_images_has_their_quality_and_its_differences(tables):
    table = tables["enlarged"]
    rows = table[table.subset == "all"].set_index("method")
    assert list(rows.index) == ["atomsegnet_unet", "gaussian"]
    assert (rows.psnr_db > 5).all()  # of images of the label's own size
    assert set(tables["enlarged_comparison"].baseline) == {"atomsegnet_unet"}


def test_every_environment_but_the_detectors_was_made(environments):
    assert set(environments) == set(ENVIRONMENTS)


def test_every_job_ran_in_the_python_of_the_environment_that_its_rule_names(ran, environments):
    """By what Snakemake keeps of each product, and the first line of the log of the job that made it."""
    kept = [path for path in (ran.folder / ".snakemake" / "metadata").rglob("*") if path.is_file()]
    products = [json.loads(path.read_text()) for path in kept]
    assert len({product["rule"] for product in products}) > 30
    chosen = {use.rule for use in uses(ran.folder) if use.chosen_by}
    named = {use.rule: use.environment for use in uses(ran.folder)}
    for product in products:
        (log,) = product["log"]
        first = (ran.folder / log).read_text().splitlines()[0]
        prefix = Path(re.fullmatch(r"Python \S+ in (.+)", first)[1])
        content = base64.b64decode(product["conda_env"]).decode()
        assert content == prefix.with_suffix(".yaml").read_text(), log
        (name,) = (name for name, made in environments.items() if made == prefix)
        assert product["rule"] in chosen or name == named[product["rule"]], log


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_holds_all_that_the_scripts_of_its_rules_import(ran, environments, name):
    """At their beginning or later, without Snakemake's own packages, which a job would find on its path."""
    scripts = {use.script for use in uses(ran.folder) if use.environment == name}
    path = str(ran.folder / "workflow_scripts")
    asked = "; ".join(f"import {module}" for module in sorted(scripts | imports(ran.folder, name)))
    code = f"import sys; sys.path.insert(0, {path!r}); sys.dont_write_bytecode = True; {asked}"
    done = subprocess.run([environments[name] / "bin" / "python", "-I", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
