"""What each method found in a lab image, at a low dose."""

from job import running
from stembench.reporting.lab_figures import plot_overlay

if __name__ == "__main__":
    with running(snakemake):
        plot_overlay(
            snakemake.input.testset, snakemake.params.methods, snakemake.params.counts_per_px, snakemake.output
        )
