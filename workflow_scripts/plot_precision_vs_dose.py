"""Localisation error against dose, beside the Cramer-Rao bound, and F1 below it."""

import pandas as pd
from job import running
from stembench.reporting.precision_figure import plot_precision_vs_dose

if __name__ == "__main__":
    with running(snakemake):
        plot_precision_vs_dose(pd.read_csv(snakemake.input.table), snakemake.output)
