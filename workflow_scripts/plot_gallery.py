"""A gallery of a dataset: images, their labels and their columns."""

from job import running
from stembench.reporting.gallery import plot_gallery

if __name__ == "__main__":
    with running(snakemake):
        plot_gallery(snakemake.input.shards, snakemake.output.figure)
