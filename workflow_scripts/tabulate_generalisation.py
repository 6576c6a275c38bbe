"""The table of generalisation: every method on every test set beyond the training."""

from job import running
from stembench.reporting.tables import GENERALISATION_SUBSETS, detection_table, read_detection, write_table

if __name__ == "__main__":
    with running(snakemake):
        parts = snakemake.params.evaluation
        results = read_detection(snakemake.params.methods, weak_strength=parts["weak_strength"], rim=parts["rim_A"])
        write_table(detection_table(results, snakemake.params.bootstrap, GENERALISATION_SUBSETS), snakemake.output)
