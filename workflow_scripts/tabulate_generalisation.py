"""The table of generalisation: every method on every test set beyond the training."""

from job import running
from stembench.config import Evaluation
from stembench.reporting.tables import GENERALISATION_SUBSETS, detection_table, read_detection, write_table

if __name__ == "__main__":
    with running(snakemake):
        evaluation = Evaluation(**snakemake.params.evaluation)
        parts = (evaluation.match_radius_A, evaluation.weak_strength, evaluation.rim_A)
        results = read_detection(snakemake.params.methods, *parts)
        write_table(detection_table(results, snakemake.params.bootstrap, GENERALISATION_SUBSETS), snakemake.output)
