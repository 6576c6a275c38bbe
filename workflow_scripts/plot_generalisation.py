"""F1 of each method on each test set beyond the training."""

import pandas as pd
from job import running
from stembench.reporting.generalisation_figure import plot_generalisation

if __name__ == "__main__":
    with running(snakemake):
        plot_generalisation(pd.read_csv(snakemake.input.table), snakemake.output)
