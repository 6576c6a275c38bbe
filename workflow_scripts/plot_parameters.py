"""Histograms of everything that was drawn for a dataset."""

import pandas as pd
from job import running
from stembench.reporting.parameter_histograms import plot_parameters

if __name__ == "__main__":
    with running(snakemake):
        plot_parameters(pd.read_parquet(snakemake.input.index), snakemake.output.figure)
