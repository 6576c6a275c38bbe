"""The table of precision after denoising: simulated images at each dose, before and after each denoiser."""

from job import running
from stembench.reporting.tables import precision_after_denoising_table, write_table

if __name__ == "__main__":
    with running(snakemake):
        write_table(
            precision_after_denoising_table(snakemake.params.methods, snakemake.params.bootstrap), snakemake.output
        )
