"""Calibrate a network's confidence and error bars, and tune its settings by noise level, on validation images."""

from pathlib import Path

from job import running
from stembench.application.characterisation import characterise
from stembench.config import Evaluation
from stembench.errors import CannotLoadError
from stembench.products import write_json
from stembench.trained_network import TrainedNetwork

if __name__ == "__main__":
    with running(snakemake):
        evaluation = Evaluation(**snakemake.params.evaluation)
        try:
            network = TrainedNetwork(Path(snakemake.input.record).parent)
            known = characterise(network, snakemake.input.validation, evaluation)
            origin = {key: network.record[key] for key in ("network", "dataset", "seed", "scale", "pixel_size_A")}
            known.write(snakemake.output.characterisation, origin | snakemake.params.evaluation)
        except CannotLoadError as error:
            write_json(snakemake.output.characterisation, {"not_trained": str(error)})
