"""The forward model and noise on one structure of a dataset: from its columns to its images."""

from job import running
from stembench.config import Condition
from stembench.crystals.material import structures_of
from stembench.reporting.forward_figure import plot_forward_model

if __name__ == "__main__":
    with running(snakemake):
        conditions = {name: Condition(**known) for name, known in snakemake.params.conditions.items()}
        structures = structures_of(snakemake.input.structures)
        plot_forward_model(snakemake.input.test, structures, conditions, snakemake.output)
