"""Another workflow, in a folder of its own, that uses this one as a module, as docs/how_to/other_workflow.md shows."""

import re
import shutil
import subprocess
import sys

import pytest
from copies import MATERIALS
from stembench.planning import Layout

PROJECTION = Layout("demo").projection.path(material="Au", zone="001")
RULE = f"""
rule mine:
    input:
        "{PROJECTION}",
    output:
        "mine.json",
    shell:
        "cp {{input}} {{output}}"
"""


@pytest.fixture
def run(tmp_path, repository):
    """Run Snakemake on a workflow that holds the lines of the page; the module's rules get a name."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text("scale: demo")
    (tmp_path / "stembench").symlink_to(repository)
    for name in ("workflow", "structures", "images"):
        (tmp_path / name).mkdir()
    for material in MATERIALS:
        shutil.copy(repository / "structures" / f"{material}.cif", tmp_path / "structures")
    page = (repository / "docs" / "how_to" / "other_workflow.md").read_text()
    (lines,) = re.findall(r"```text\n(configfile.*?)```", page, re.DOTALL)

    def ran(*arguments: str, name: str = "*") -> subprocess.CompletedProcess:
        (tmp_path / "workflow" / "Snakefile").write_text(f"{lines.rstrip()} as {name}\n{RULE}")
        return snakemake(tmp_path, *arguments)

    return ran


def snakemake(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def planned(done):
    """Numbers of jobs of a dry run by rule."""
    assert done.returncode == 0, done.stdout[-4000:]
    table = re.search(r"^job +count\n-.*\n((?:\w+ +\d+\n)+)", done.stdout, re.MULTILINE)[1]
    return {name: int(count) for name, count in (row.split() for row in table.splitlines())}


def test_another_workflow_plans_the_same_jobs_in_its_own_folder(run, tmp_path):
    renamed = planned(run("-n", "stembench_all", name="stembench_*"))
    alone = snakemake(tmp_path, "-n", "--snakefile", "stembench/Snakefile", "--workflow-profile", "none")
    assert {name.removeprefix("stembench_"): count for name, count in renamed.items()} == planned(alone)
    assert renamed["stembench_train_network"] > 1


def test_a_product_of_the_module_is_made_for_a_rule_of_the_other_workflow(run, tmp_path):
    done = run("mine")
    assert done.returncode == 0, done.stdout[-4000:]
    assert "columns" in (tmp_path / "mine.json").read_text()


def test_a_snakefile_without_its_library_says_what_to_give(run, repository, tmp_path):
    (tmp_path / "alone" / "rules").mkdir(parents=True)
    for name in ("Snakefile", "rules/common.smk"):
        shutil.copy(repository / name, tmp_path / "alone" / name)
    done = snakemake(tmp_path, "-n", "--snakefile", "alone/Snakefile")
    assert done.returncode
    assert "clone the repository" in done.stdout
