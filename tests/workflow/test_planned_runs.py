"""Runs that are planned and not made."""

import re

import pytest
from copies import Copy
from stembench.planning import Layout

TINY, DEMO = Layout("tiny"), Layout("demo")

#: Sum of the times of the demo's jobs on two cores of a quiet machine, 1753 s [min].
DEMO_MIN = 29


def total(done) -> int:
    assert done.returncode == 0, done.stdout[-4000:]
    return int(re.search(r"^total +(\d+)$", done.stdout, re.MULTILINE)[1])


@pytest.fixture(scope="module")
def untouched(tmp_path_factory, repository) -> Copy:
    """A copy in which nothing has been made."""
    return Copy(tmp_path_factory.mktemp("untouched"), repository)


def test_the_full_benchmark_has_less_than_10_000_jobs(untouched):
    planned = untouched.look("--dry-run", "--quiet", "rules", "--config", "scale=full", config=None)
    assert 500 < total(planned) < 10_000


def test_an_estimate_counts_the_jobs_that_are_planned(untouched):
    planned = untouched.look("--dry-run", "--quiet", "rules", config=None)
    done = untouched.look("estimate", config=None)
    assert done.returncode == 0, done.stdout[-4000:]
    jobs, minutes, gigabytes = re.search(r"^all +(\d+) +(\d+) min .* ([\d.]+)$", done.stdout, re.MULTILINE).groups()
    assert int(jobs) == total(planned) - 1  # the target itself
    # A demo on two cores; `results/` then held 0.5 GB.
    assert DEMO_MIN / 2 < int(minutes) < DEMO_MIN * 2
    assert 0.25 < float(gigabytes) < 1
    assert not (untouched.folder / "results").exists()


def test_a_training_on_a_cluster_asks_for_the_gpus_that_it_uses(copy, tiny_with):
    rules = copy.folder / "rules" / "train.smk"
    rules.write_text(re.sub(r"    message:\n.*\n", "", rules.read_text()))  # in place of which resources are told
    weights = TINY.weights.path(network="atomid_net", task="localise", dataset="physical", seed=0)
    config = tiny_with({"training": {"devices": 4}})
    planned = copy.look("--dry-run", "--workflow-profile", "profiles/slurm", weights, config=config)
    assert total(planned) > 1
    told = planned.stdout.split("rule train_network:")[1].split("\n\n")[0]
    assert re.search(r"^    resources: .*\bgpu=(\d+)", told, re.MULTILINE)[1] == "4"


def test_the_command_line_switches_what_files_set_and_removes_what_ships(copy):
    (copy.folder / "config" / "config.yaml").write_text(
        "datasets: {calibrated: {noise: {recipe: calibrated, instrument: au_particle}}}\n"
    )
    over = copy.folder / "over.yaml"
    over.write_text("datasets: {calibrated: {noise: {instrument: se_mos2}}}\n")
    switched = ("--config", "datasets={calibrated: {noise: {recipe: physical}}}", "networks={faster_rcnn: null}")
    shard = DEMO.shard.path(dataset="calibrated", split="train", shard="00000")
    planned = copy.pending(shard, *switched, config=over)
    assert shard in planned
    assert not [path for path in planned if path.startswith(DEMO.calibration.split("{")[0])]
