"""Snakemake's own report on all products of this workflow."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from job import running
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake), whole(snakemake.output[0]) as partial, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_text(json.dumps(snakemake.params.config))
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
        command += ["--report", str(partial)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
