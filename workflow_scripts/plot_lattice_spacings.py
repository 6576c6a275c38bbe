"""Histograms of the spacings that each method measures in a lab image of one crystal."""

from job import running
from stembench.products import read_parquet
from stembench.reporting.lattice_figure import plot_spacings
from stembench.reporting.style import method_labels

if __name__ == "__main__":
    with running(snakemake):
        labels = method_labels(snakemake.params.methods)
        plot_spacings(dict(zip(labels, map(read_parquet, snakemake.input.spacings))), snakemake.output)
