"""The detection tables: every method on every test set, and the networks' paired differences from the baselines."""

from job import running
from stembench.reporting.published import beside_published
from stembench.reporting.tables import (
    detection_comparison,
    detection_table,
    precision_table,
    read_detection,
    write_table,
)

if __name__ == "__main__":
    with running(snakemake):
        results = read_detection(snakemake.params.methods, snakemake.params.evaluation["weak_strength"])
        resamplings = snakemake.params.bootstrap
        write_table(detection_table(results, resamplings), snakemake.output.detection)
        comparison = detection_comparison(results, resamplings)
        comparison = beside_published(comparison, "detection_comparison", snakemake.params.published)
        write_table(comparison, snakemake.output.comparison)
        write_table(precision_table(results, resamplings), snakemake.output.precision)
