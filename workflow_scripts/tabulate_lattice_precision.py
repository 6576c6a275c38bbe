"""The table of lattice precision: every method on every lab image of one crystal."""

from job import running
from stembench.reporting.published import beside_published
from stembench.reporting.tables import lattice_precision_table, write_table

if __name__ == "__main__":
    with running(snakemake):
        table = lattice_precision_table(snakemake.params.methods, snakemake.params.bootstrap)
        write_table(beside_published(table, "lattice_precision", snakemake.params.published), snakemake.output)
