"""The table of a study: variants of a network on one test set."""

from job import running
from stembench.reporting.tables import detection_table, read_detection, write_table

if __name__ == "__main__":
    with running(snakemake):
        results = read_detection(snakemake.params.methods, snakemake.params.evaluation["weak_strength"])
        write_table(detection_table(results, snakemake.params.bootstrap), snakemake.output)
