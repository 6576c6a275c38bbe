"""Loss of a network while it was trained."""

import pandas as pd
from job import running
from stembench.reporting.training_figure import plot_training

if __name__ == "__main__":
    with running(snakemake):
        name, task, seed = (snakemake.wildcards[key] for key in ("network", "task", "seed"))
        history = pd.read_csv(snakemake.input.history)
        loss, title = snakemake.params.recipe["loss"], f"{name}, {task}, seed {seed}"
        plot_training(history, loss, title, snakemake.output.curves)
