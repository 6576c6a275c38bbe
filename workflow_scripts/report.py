"""Write Snakemake's own report on all products."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from job import running
from stembench.products import whole
from stembench.reporting.first_page import first_page

if __name__ == "__main__":
    with running(snakemake), whole(snakemake.output.page) as partial, tempfile.TemporaryDirectory() as folder:
        params, inputs = snakemake.params, snakemake.input
        contents = snakemake.config["layers"]
        layers = [Path(folder) / f"{number}.json" for number in range(len(contents))]
        for path, layer in zip(layers, contents):
            path.write_text(json.dumps(layer))
        with whole(snakemake.output.run) as run:
            page = first_page(
                inputs.introduction, params.scale, inputs.records, inputs.costs, params.left_out, inputs.images
            )
            run.write_text(page, encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", params.target, "--nolock", "--cores", "1"]
        command += ["--workflow-profile", "none", "--snakefile", params.snakefile]
        command += ["--configfile", *map(str, layers)]
        command += ["--report", str(partial)]
        environment = os.environ | {"STEMBENCH_REPORT": os.path.abspath(snakemake.output.run)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise RuntimeError(done.stderr)
