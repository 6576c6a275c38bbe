"""The table of losses: where each training ended."""

from job import running
from stembench.reporting.published import beside_published
from stembench.reporting.tables import loss_table, write_table

if __name__ == "__main__":
    with running(snakemake):
        table = beside_published(loss_table(snakemake.params.trainings), "loss", snakemake.params.published)
        write_table(table, snakemake.output)
