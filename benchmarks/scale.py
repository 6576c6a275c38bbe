"""How large a workflow can be planned: dry runs of the full benchmark, and of one of 100,000 jobs.

The large one has 200 crystals, each under five imaging conditions a dataset of its own, in 100 shards.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import yaml

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

from stembench.config import Dataset

CRYSTALS, SHARDS = 200, 100


def working_copy(folder: Path) -> None:
    for name in ("config", "envs", "profiles", "report", "rules", "structures", "workflow_scripts"):
        (folder / name).symlink_to(REPOSITORY / name)
    (folder / "Snakefile").symlink_to(REPOSITORY / "Snakefile")
    (folder / "images").mkdir()


def enlarge(folder: Path) -> Path:
    """Add crystals to a working copy; returns the configuration that shows each."""
    (folder / "structures").unlink()
    shutil.copytree(REPOSITORY / "structures", folder / "structures")
    names = [f"crystal{number}" for number in range(CRYSTALS)]
    for name in names:
        shutil.copy(REPOSITORY / "structures" / "SrTiO3.cif", folder / "structures" / f"{name}.cif")
    size = {"shard_images": 100, "train_images": 100 * (SHARDS - 2), "validation_images": 100, "test_images": 100}
    scale = {"parent": "full", "held_out_images": 0} | size
    datasets = {
        f"{name}_{condition}": {"materials": [name], "conditions": [condition]}
        for name in names
        for condition in Dataset().conditions
    }
    path = folder / "large.yaml"
    path.write_text(yaml.safe_dump({"scale": "large", "scales": {"large": scale}, "datasets": datasets}))
    return path


def dry_run(name: str, folder: Path, *arguments: str) -> Counter:
    """Print what a dry run takes; returns its jobs by rule."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", *arguments]
    started = perf_counter()
    with open(folder / "said.txt", "w") as said:
        running = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said)
        _, status, used = os.wait4(running.pid, 0)
    seconds, said = perf_counter() - started, (folder / "said.txt").read_text()
    if status:
        sys.exit(said[-2000:])
    table = said.partition("Job stats:")[2].partition("\n\n")[0]
    jobs = Counter({name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)})
    print(f"{name}_jobs: {jobs.pop('total')}")
    print(f"{name}_seconds: {seconds:.1f}")
    print(f"{name}_peak_memory_gb: {used.ru_maxrss / 2**20:.2f}", flush=True)
    return jobs


def cluster_jobs(jobs: Counter) -> int:
    """Jobs that the profile sends to a cluster, at most: fewer where jobs of a group hang together."""
    profile = yaml.safe_load((REPOSITORY / "profiles" / "slurm" / "config.yaml").read_text())
    group_of = dict(entry.split("=") for entry in profile["groups"])
    together = {name: int(size) for name, size in (entry.split("=") for entry in profile["group-components"])}
    sizes = Counter()
    for rule, count in jobs.items():
        sizes[group_of.get(rule, rule)] += count
    return sum(-(-count // together.get(name, 1)) for name, count in sizes.items())


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        working_copy(Path(folder))
        full = dry_run("full", Path(folder), "--config", "scale=full")
        print(f"full_cluster_jobs: {cluster_jobs(full)}", flush=True)
        dry_run("large", Path(folder), "--configfile", str(enlarge(Path(folder))))
