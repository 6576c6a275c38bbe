"""What a trained network makes of validation images."""

from job import running
from stembench.evaluation.examples import Examples
from stembench.reporting.examples_figure import plot_validation

if __name__ == "__main__":
    with running(snakemake):
        name, task = (snakemake.wildcards[key].replace("_", " ") for key in ("network", "task"))
        plot_validation(Examples.read(snakemake.input.examples), f"{name}, {task}", snakemake.output)
