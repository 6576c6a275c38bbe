"""The workflow on a real SLURM that is started for the test."""

import os
import subprocess
import sys
import threading
import time

import cluster as slurm
import pytest
from copies import TINY, Copy
from products import check_products

pytestmark = pytest.mark.skipif(slurm.why_not() is not None, reason=slurm.why_not() or "")

# What differs from a cluster of many: no accounting, and nobody waits for a queue.
HERE = ["--slurm-status-command", "squeue", "--slurm-no-account", "--slurm-init-seconds-before-status-checks", "2"]
HERE += ["--seconds-between-status-checks", "2", "--latency-wait", "10"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    with slurm.cluster(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


def snakemake(folder, environment, *arguments):
    command = [sys.executable, "-m", "snakemake", *arguments, *HERE]
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{environment['PATH']}"
    environment = environment | {"PATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_the_tiny_workflow_runs_by_the_profile(environment, tmp_path, repository):
    made = Copy(tmp_path, repository)
    small = ["--default-resources", "slurm_partition=cpu", "mem_mb=1200", "runtime=20"]
    small += ["--set-resources", "train_network:mem_mb=1500", "tabulate_detection:mem_mb=1500"]
    small += ["simulate_tile:mem_mb=1500", "--set-threads", "train_network=1"]
    arguments = ["--workflow-profile", "profiles/slurm", "--jobs", "8", "--configfile", str(TINY), *small]
    code, said = snakemake(tmp_path, environment, *arguments)
    assert code == 0, said[-6000:]
    assert len(check_products(made.folder / "results")) > 50


SLOW = """
rule slow:
    output: "done.txt"
    retries: 2
    resources: runtime=lambda wildcards, attempt: attempt
    shell: "date >> tried.txt; sleep {seconds}; touch {{output}}"
"""


def test_a_job_that_runs_into_its_time_limit_succeeds_with_more(environment, tmp_path):
    (tmp_path / "Snakefile").write_text(SLOW.format(seconds=90))
    arguments = ["--executor", "slurm", "--jobs", "2", "--default-resources", "slurm_partition=cpu", "mem_mb=100"]
    code, said = snakemake(tmp_path, environment, *arguments)
    assert code == 0, said[-6000:]
    assert len((tmp_path / "tried.txt").read_text().splitlines()) == 2


def test_a_job_whose_node_goes_down_runs_again_elsewhere(environment, tmp_path):
    (tmp_path / "Snakefile").write_text(SLOW.format(seconds=20))
    taken = []

    def take_node_down():
        while not (tmp_path / "tried.txt").exists():
            time.sleep(0.5)
        listed = ["squeue", "-h", "-t", "RUNNING", "-o", "%N"]
        taken.extend(subprocess.run(listed, env=environment, capture_output=True, text=True).stdout.split())
        for state in ("down", "resume"):
            change = ["scontrol", "update", f"nodename={taken[0]}", f"state={state}", "reason=test"]
            subprocess.run(change, env=environment, check=True)
            time.sleep(5)

    taker = threading.Thread(target=take_node_down)
    taker.start()
    arguments = ["--executor", "slurm", "--jobs", "2", "--default-resources", "slurm_partition=cpu", "mem_mb=100"]
    code, said = snakemake(tmp_path, environment, *arguments)
    taker.join()
    assert code == 0, said[-6000:]
    assert taken
    assert len((tmp_path / "tried.txt").read_text().splitlines()) == 2
