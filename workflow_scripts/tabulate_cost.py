"""The table of costs: what each training took, and what applying its network takes."""

from job import running
from stembench.reporting.tables import cost_table, write_table

if __name__ == "__main__":
    with running(snakemake):
        write_table(cost_table(snakemake.params.trainings), snakemake.output)
