"""What each method found in one image of a test set."""

from job import running
from stembench.reporting.found_figure import plot_found

if __name__ == "__main__":
    with running(snakemake):
        params = snakemake.params
        plot_found(snakemake.input.test, params.methods, params.counts_per_px, snakemake.output)
