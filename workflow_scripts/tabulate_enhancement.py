"""The enhancement tables: every method on every simulated test set, and paired differences from the filters."""

from job import running
from stembench.reporting.published import beside_published
from stembench.reporting.tables import enhancement_comparison, enhancement_table, read_enhancement, write_table

if __name__ == "__main__":
    with running(snakemake):
        results = read_enhancement(snakemake.params.methods)
        resamplings = snakemake.params.bootstrap
        table = beside_published(enhancement_table(results, resamplings), "enhancement", snakemake.params.published)
        write_table(table, snakemake.output.enhancement)
        write_table(enhancement_comparison(results, resamplings), snakemake.output.comparison)
