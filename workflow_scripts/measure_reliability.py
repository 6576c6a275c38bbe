"""Compare a network's confidence and error bars with the truth of test images."""

from pathlib import Path

from job import running
from stembench.application.characterisation import Characterisation, judge
from stembench.application.reliability import coverage, nothing_judged
from stembench.config import Evaluation
from stembench.errors import CannotLoadError
from stembench.products import whole
from stembench.trained_network import TrainedNetwork

if __name__ == "__main__":
    with running(snakemake):
        inputs, evaluation = snakemake.input, Evaluation(**snakemake.params.evaluation)
        try:
            network = TrainedNetwork(Path(inputs.record).parent)
            judged = judge(network, Characterisation.read(inputs.characterisation), inputs.test, evaluation)
        except CannotLoadError:
            judged = nothing_judged()
        with whole(snakemake.output.columns) as partial:
            judged.to_parquet(partial, index=False)
        with whole(snakemake.output.coverage) as partial:
            coverage(judged).to_csv(partial, index=False)
