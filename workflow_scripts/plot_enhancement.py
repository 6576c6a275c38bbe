"""Images before and after enhancement, beside the truth."""

from job import running
from stembench.reporting.enhancement_figure import plot_enhancement

if __name__ == "__main__":
    with running(snakemake):
        plot_enhancement(
            snakemake.input.test, snakemake.params.network, snakemake.input.settings, snakemake.output.figure
        )
