"""The tables of a study: variants of a network on one test set, and their paired differences from the first."""

from job import running
from stembench.reporting.tables import detection_table, read_detection, study_comparison, write_table

if __name__ == "__main__":
    with running(snakemake):
        parts = snakemake.params.evaluation
        results = read_detection(snakemake.params.methods, weak_strength=parts["weak_strength"], rim=parts["rim_A"])
        write_table(detection_table(results, snakemake.params.bootstrap), snakemake.output.table)
        write_table(study_comparison(results, snakemake.params.bootstrap), snakemake.output.comparison)
