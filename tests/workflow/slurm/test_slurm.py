"""The workflow on a real SLURM that is started for the test, by its profile and without accounting."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cluster as slurm
import pytest
import yaml
from copies import TINY, Copy
from stembench.planning import Layout

pytestmark = pytest.mark.skipif(slurm.why_not() is not None, reason=slurm.why_not() or "")

CONFIGURATION = ("--configfile", str(TINY), str(Path(__file__).with_name("small.yaml")))
MATERIAL = "SrTiO3"  # the one that the workflow has here
MEMORY_MB = 2000  # of a job: a node has half of this machine's
SLOW = """
rule slow:
    output: "done.txt"
    resources: runtime=lambda wildcards, attempt: 1 if attempt == 1 else 10, slurm_partition="gpu"
    shell: "sleep 100; touch {output}"
"""


@dataclass(frozen=True)
class Runs:
    """A small workflow during which a node was lost, and a job of 100 s that first has a minute."""

    small: Copy
    jobs: list[dict[str, str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory, repository):
    small, slow = (Copy(tmp_path_factory.mktemp(name), repository) for name in ("small", "slow"))
    for cif in (small.folder / "structures").iterdir():
        if cif.stem != MATERIAL:
            cif.unlink()
    (slow.folder / "Snakefile").write_text(SLOW)
    with slurm.cluster(tmp_path_factory.mktemp("slurm")) as cluster:
        with snakemake(cluster, slow.folder) as waiting, snakemake(cluster, small.folder, *CONFIGURATION) as working:
            node = slurm.wait_for(lambda: node_of("shown", cluster), "a group to run", 400)
            cluster.lose(node)
            time.sleep(5)
            cluster.boot(node)
        for run, copy in ((working, small), (waiting, slow)):
            assert run.returncode == 0, (copy.folder / "said.txt").read_text()[-6000:]
        yield Runs(small, cluster.jobs())


def snakemake(cluster, folder, *arguments):
    fit(folder / "profiles" / "slurm" / "config.yaml")
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", "profiles/slurm", *arguments]
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{cluster.environment['PATH']}"
    environment = cluster.environment | {"PATH": path, "PYTHONDONTWRITEBYTECODE": ""}  # as in `Copy.start`
    with open(folder / "said.txt", "w") as said:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)


def fit(path):
    """Fit the profile to nodes that are shares of one small machine, and have it ask often."""
    profile = yaml.safe_load(path.read_text())
    profile |= {"cores": 2, "set-threads": {"train_network": 1}, "latency-wait": 10}
    profile |= {"slurm-init-seconds-before-status-checks": 2, "seconds-between-status-checks": 2}
    profile["default-resources"] = ['slurm_partition="cpu"', f"mem_mb={MEMORY_MB}", "runtime=20"]
    for resources in profile["set-resources"].values():
        resources |= {"mem_mb": MEMORY_MB}
    path.write_text(yaml.safe_dump(profile))


def node_of(group, cluster):
    """Node on which a job of a group has run for some seconds, empty where none has."""
    running = cluster.ask("squeue", "-h", "-t", "RUNNING", "-o", "%N %k %M").splitlines()
    jobs = (line.split() for line in running)
    return next((node for node, rule, ran in jobs if rule.startswith(f"rule_{group}") and ran >= "0:05"), "")


def of_rule(name, runs):
    return [job for job in runs.jobs if job.get("Comment", "").startswith(f"rule_{name}")]


def test_the_workflow_makes_all_of_its_products(runs):
    assert "Nothing to be done" in runs.small.run("--dry-run", *CONFIGURATION, config=None).stdout


def test_the_report_on_a_single_material_says_what_is_left_out(runs):
    first_page = (runs.small.folder / Layout("tiny").run).read_text()
    assert "Left out" in first_page
    assert "The test set particle: none of its materials is in structures/." in first_page


def test_jobs_of_every_stage_were_sent(runs):
    profile = yaml.safe_load((runs.small.folder / "profiles" / "slurm" / "config.yaml").read_text())
    stages = {group.partition("=")[2] for group in profile["groups"]}
    for name in (*stages, "simulate_tile", "train_network", "measure_cost", "report"):
        assert "COMPLETED" in {job["JobState"] for job in of_rule(name, runs)}, name


def test_jobs_run_on_both_nodes(runs):
    assert {job["NodeList"] for job in of_rule("", runs)} == {"n1", "n2"}


def test_each_training_has_a_gpu(runs):
    trainings = of_rule("train_network", runs)
    assert trainings
    assert all(job["TresPerJob"] == "gres:gpu:1" for job in trainings)
    assert {job["NodeList"] for job in trainings} == {"n2"}


def test_small_jobs_are_sent_together(runs):
    assert len(of_rule("", runs)) < 30


def test_jobs_whose_node_was_lost_have_run_again(runs):
    slow = of_rule("slow", runs)  # runs into its time limit, on a lost node too
    lost = [job for job in runs.jobs if job["Restarts"] != "0" and job not in slow]
    assert lost
    assert {job["JobState"] for job in lost} == {"COMPLETED"}


def test_a_job_that_ran_into_its_time_limit_succeeds_with_more(runs):
    assert [job["JobState"] for job in of_rule("slow", runs)] == ["TIMEOUT", "COMPLETED"]
