"""Plot the loss of a training, and outputs of the network for validation images."""

import pandas as pd
from job import running
from stembench.evaluation.examples import Examples
from stembench.reporting.examples_figure import plot_validation
from stembench.reporting.training_figure import plot_training

if __name__ == "__main__":
    with running(snakemake):
        name, task, seed = (snakemake.wildcards[key] for key in ("network", "task", "seed"))
        history = pd.read_csv(snakemake.input.history)
        plot_training(history, snakemake.params.loss, f"{name}, {task}, seed {seed}", snakemake.output.curves)
        title, output = f"{name}, {task}".replace("_", " "), snakemake.output
        plot_validation(Examples.read(snakemake.input.examples), title, [output.validation, output.validation_pdf])
