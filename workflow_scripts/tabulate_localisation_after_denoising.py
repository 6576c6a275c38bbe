"""The table of localisation after denoising: lab images of one crystal, each denoiser, each way to find columns."""

from job import running
from stembench.reporting.published import beside_published
from stembench.reporting.tables import localisation_after_denoising_table, write_table

if __name__ == "__main__":
    with running(snakemake):
        table = localisation_after_denoising_table(snakemake.params.methods, snakemake.params.bootstrap)
        name, published = "localisation_after_denoising", snakemake.params.published
        write_table(beside_published(table, name, published), snakemake.output)
