"""The detection tables: every method on every test set, and the networks' paired differences from the baselines."""

from job import running
from stembench.config import Evaluation
from stembench.reporting.tables import (
    detection_comparison,
    detection_table,
    precision_table,
    read_detection,
    write_table,
)

if __name__ == "__main__":
    with running(snakemake):
        evaluation = Evaluation(**snakemake.params.evaluation)
        parts = (evaluation.match_radius_A, evaluation.weak_strength, evaluation.rim_A)
        results = read_detection(snakemake.params.methods, *parts)
        resamplings = snakemake.params.bootstrap
        write_table(detection_table(results, resamplings), snakemake.output.detection)
        write_table(detection_comparison(results, resamplings), snakemake.output.comparison)
        write_table(precision_table(results, resamplings), snakemake.output.precision)
