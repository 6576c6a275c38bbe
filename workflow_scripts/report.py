"""Snakemake's own report on all products of this workflow."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
from job import running
from stembench.products import provenance, read_json, whole


def run_in_short(scale: str, records: list[str], costs: str | None) -> str:
    """What a reader of any number should know, as fields of reStructuredText for the first page."""
    made = [provenance(), *(read_json(record).get("provenance", {}) for record in records)]
    versions = {name: number for one in made for name, number in one.get("packages", {}).items()}
    told = {"Scale": scale}
    if costs:
        table = pd.read_csv(costs)
        told["Networks"] = ", ".join(dict.fromkeys(table.method))
        told["Seeds a network"] = ", ".join(map(str, sorted(set(table.n_seeds))))
        told["Width of the published"] = ", ".join(map(str, sorted(set(table.width))))
        told["Devices"] = ", ".join(sorted(set(table.device.dropna()))) or "none"
    told["Versions"] = ", ".join(f"{name} {versions[name]}" for name in sorted(versions))
    told["stembench"] = f"{made[0]['stembench']}, commit {made[0]['git_commit'] or 'unknown'}"
    return "".join(f":{name}: {text}\n" for name, text in told.items())


if __name__ == "__main__":
    with running(snakemake), whole(snakemake.output.page) as partial, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_text(json.dumps(snakemake.params.config))
        told = run_in_short(snakemake.params.scale, snakemake.input.get("records", []), snakemake.input.get("costs"))
        with whole(snakemake.output.run) as run:
            run.write_text(told, encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "snakemake",
            snakemake.params.target,
            "--nolock",
            "--cores",
            "1",
            "--workflow-profile",
            "none",
        ]
        command += ["--snakefile", snakemake.params.snakefile, "--configfile", str(config)]
        command += ["--report", str(partial)]
        first_page = os.environ | {"STEMBENCH_REPORT": f"report/{snakemake.params.first_page}.rst"}
        done = subprocess.run(command, capture_output=True, text=True, env=first_page)
        if done.returncode:
            raise RuntimeError(done.stderr)
