"""The jobs, hours and disk that a run will take: what Snakemake says is to be done, at rates that were measured."""

import csv
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from job import running
from stembench.config import load_config
from stembench.estimate import ASSUMED_GPU_RATE, Estimator, Job, estimates, wall_h

_SHOWN = 12  # rules, by their hours


def jobs_to_do(snakefile: str, config: dict, outputs: list[str]) -> set[Job]:
    """The jobs of a run by default that are still to be done; `outputs` are regular expressions of what rules make."""
    with tempfile.TemporaryDirectory() as folder:
        merged = Path(folder) / "config.json"
        merged.write_text(json.dumps(config))
        command = [sys.executable, "-m", "snakemake", "--summary", "--nolock", "--snakefile", snakefile]
        done = subprocess.run([*command, "--configfile", str(merged)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    jobs = set()
    for row in csv.DictReader(done.stdout.splitlines(), delimiter="\t"):
        if row["plan"] == "update pending":
            found = next(filter(None, (re.fullmatch(one, row["output_file"]) for one in outputs)))
            jobs.add(Job(row["rule"], tuple(sorted(found.groupdict().items()))))
    return jobs


if __name__ == "__main__":
    with running(snakemake):
        params = snakemake.params
        config = load_config(params.config)
        estimator = Estimator(config, params.images, "structures", "results/tables/cost.csv")
        jobs = jobs_to_do(params.snakefile, params.config, params.outputs)
        if not jobs:
            print("\nNothing is to be done.\n")
            sys.exit()
        table = estimates(jobs, estimator)
        print(f"\nStill to be done at scale {config.scale}, estimated from measured rates:\n")
        print(f"{'rule':<40}{'jobs':>8}{'core hours':>12}{'GB':>8}")
        rest = table.iloc[_SHOWN:].sum(numeric_only=True)
        for name, row in [*((row.rule, row) for row in table.iloc[:_SHOWN].itertuples()), ("others", rest)]:
            print(f"{name:<40}{row.jobs:>8.0f}{row.core_h:>12.2f}{row.disk_gb:>8.2f}")
        total, longest = table.sum(numeric_only=True), table.longest_core_h.max()
        print(f"{'all':<40}{total.jobs:>8.0f}{total.core_h:>12.2f}{total.disk_gb:>8.2f}\n")
        if params.cores:
            print(
                f"About {wall_h(total.core_h, longest, params.cores):.2g} hours on {params.cores} cores without a GPU."
            )
        trained = table[table.gpu_h > 0]
        if len(trained):
            how = (
                "as measured here"
                if estimator.gpu_is_measured
                else f"at {ASSUMED_GPU_RATE / 1e12:.0f} TFLOP/s, assumed"
            )
            print(
                f"With a GPU: trainings take {trained.gpu_h.sum():.1f} GPU hours ({how}), "
                f"all else {total.core_h - trained.core_h.sum():.1f} core hours."
            )
        print(f"Disk: {total.disk_gb:.1f} GB; {shutil.disk_usage('.').free / 1e9:.1f} GB are free here.\n")
