"""Make a table of the registry."""

from job import running
from stembench.reporting.tables import TABLES
from stembench.reporting.tabulation import write_table

if __name__ == "__main__":
    with running(snakemake):
        table = TABLES.load(snakemake.params.module)
        write_table(table.tabulate(dict(snakemake.input.items()), snakemake.params.parameters), snakemake.output)
