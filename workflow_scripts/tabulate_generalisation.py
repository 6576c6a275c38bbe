"""The table of generalisation: every method on every test set beyond the training."""

from job import running
from stembench.evaluation.intervals import MIN_UNITS
from stembench.reporting.tables import detection_table, read_detection, write_table

if __name__ == "__main__":
    with running(snakemake):
        parts = snakemake.params.evaluation
        results = read_detection(snakemake.params.methods, weak_strength=parts["weak_strength"], rim=parts["rim_A"])
        # The sets are small: subsets of them stand in the table where they have intervals.
        write_table(detection_table(results, snakemake.params.bootstrap, MIN_UNITS), snakemake.output)
