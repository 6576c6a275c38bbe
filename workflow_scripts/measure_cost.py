"""Measure the cost of applying a trained network; without a trained network the record is empty."""

from pathlib import Path

from job import running, say
from stembench.errors import CannotLoadError
from stembench.evaluation.inference_cost import inference_cost
from stembench.products import write_json

if __name__ == "__main__":
    with running(snakemake):
        try:
            cost = inference_cost(Path(snakemake.input.network[0]).parent, snakemake.threads)
        except CannotLoadError as error:
            say(str(error))
            cost = {}
        write_json(snakemake.output.cost, cost)
