"""Rank a trained network on validation images, and keep some of its outputs as examples."""

from pathlib import Path

import numpy as np
from job import running
from stembench.config import Evaluation
from stembench.config.general import RANKED_ON
from stembench.crystals.material import structures_of
from stembench.datasets.labels import MADE_FROM, TASK_LABELS
from stembench.datasets.store import Shards, read_table
from stembench.errors import CannotLoadError
from stembench.evaluation.examples import Examples, example_positions, example_titles
from stembench.evaluation.ranking import rank
from stembench.products import write_json
from stembench.trained_network import TrainedNetwork

if __name__ == "__main__":
    with running(snakemake):
        folders, task = snakemake.input.validation, snakemake.wildcards.task
        structures, evaluation = structures_of(snakemake.input.projections), Evaluation(**snakemake.params.evaluation)
        samples, name = read_table(folders, "samples"), TASK_LABELS[task]
        shown = example_positions(samples)
        try:
            trained = TrainedNetwork(Path(snakemake.input.record).parent)
            outputs, _ = trained.read(folders, structures, shown)
            network, shards = trained.network, Shards(folders, ["image", name, *MADE_FROM.get(name, ())])
            chosen = [shards[position] for position in shown]
            # Planes of a target that are maps are shown as the highest of them, as planes of an output are.
            targets = np.stack([network.target(sample, task)[: network.maps].max(axis=0) for sample in chosen])
            images = np.stack([sample.images["image"] for sample in chosen])
            pixel_sizes = samples.pixel_size_A.to_numpy()[shown]
            examples = Examples(example_titles(samples, shown), pixel_sizes, images, outputs, targets)
            ranking = rank(trained, [snakemake.input.common], structures, task, evaluation)
        except CannotLoadError as error:
            examples, ranking = Examples.none(str(error)), {"not_trained": str(error)}
        examples.write(snakemake.output.examples)
        write_json(snakemake.output.ranking, {"task": task, "ranked_on": RANKED_ON} | ranking)
