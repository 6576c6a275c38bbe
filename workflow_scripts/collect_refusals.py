"""List which of the user's images were refused, and why."""

from pathlib import Path

from job import running
from stembench.lab.refusals import refusal_of
from stembench.products import write_json

if __name__ == "__main__":
    with running(snakemake):
        reasons = {Path(folder).name: refusal_of(folder) for folder in snakemake.input.images}
        write_json(snakemake.output.refused, {"refused": {name: reason for name, reason in reasons.items() if reason}})
