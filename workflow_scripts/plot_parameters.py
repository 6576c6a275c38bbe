"""Histograms of everything that was drawn for a dataset."""

from job import running
from stembench.products import read_parquet
from stembench.reporting.parameter_histograms import plot_parameters

if __name__ == "__main__":
    with running(snakemake):
        plot_parameters(read_parquet(snakemake.input.index), snakemake.output.figure)
