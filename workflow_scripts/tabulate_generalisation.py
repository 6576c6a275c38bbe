"""The table of generalisation: every method on every test set beyond the training."""

from job import running
from stembench.config import Evaluation
from stembench.evaluation.intervals import MIN_UNITS
from stembench.reporting.tables import detection_table, read_detection, write_table

if __name__ == "__main__":
    with running(snakemake):
        evaluation = Evaluation(**snakemake.params.evaluation)
        parts = (evaluation.match_radius_A, evaluation.weak_strength, evaluation.rim_A)
        results = read_detection(snakemake.params.methods, *parts)
        # The sets are small: subsets of them stand in the table where they have intervals.
        write_table(detection_table(results, snakemake.params.bootstrap, MIN_UNITS), snakemake.output)
