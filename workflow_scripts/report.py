"""Snakemake's own report on all products of this workflow."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import yaml
from job import running
from stembench.products import provenance, read_json, whole


def told_first(scale: str, records: list[str], costs: str | None) -> dict:
    """What a reader of any number should know: scale, seeds, devices and versions of the run."""
    made = [provenance(), *(read_json(record).get("provenance", {}) for record in records)]
    versions = {name: number for one in made for name, number in one.get("packages", {}).items()}
    told = {"Scale": scale}
    if costs:
        table = pd.read_csv(costs)
        told["Networks"] = ", ".join(dict.fromkeys(table.method))
        told["Trainings of each network (seeds)"] = ", ".join(map(str, sorted(set(table.n_seeds))))
        told["Width, as a fraction of the published"] = ", ".join(map(str, sorted(set(table.width))))
        told["Devices that networks were applied on"] = ", ".join(sorted(set(table.device.dropna()))) or "none"
    told["Versions"] = ", ".join(f"{name} {versions[name]}" for name in sorted(versions))
    told["stembench"] = f"{made[0]['stembench']}, commit {made[0]['git_commit']}"
    return told


if __name__ == "__main__":
    with running(snakemake), whole(snakemake.output[0]) as partial, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_text(json.dumps(snakemake.params.config))
        metadata = Path(folder) / "metadata.yaml"
        costs = snakemake.input.get("costs")
        told = told_first(snakemake.params.scale, snakemake.input.get("records", []), costs)
        metadata.write_text(yaml.safe_dump(told, sort_keys=False))
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "products",
            "--nolock",
            "--cores",
            "1",
            "--workflow-profile",
            "none",
        ]
        command += ["--snakefile", snakemake.params.snakefile, "--configfile", str(config)]
        command += ["--report", str(partial), "--report-metadata", str(metadata)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
