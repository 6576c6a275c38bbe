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
        parts = snakemake.params.evaluation
        results = read_detection(snakemake.params.methods, weak_strength=parts["weak_strength"], rim=parts["rim_A"])
        resamplings = snakemake.params.bootstrap
        tables = {"detection": detection_table, "detection_comparison": detection_comparison}
        for name, table in tables.items():
            beside = beside_published(table(results, resamplings), name, snakemake.params.published)
            write_table(beside, snakemake.output[name])
        write_table(precision_table(results, resamplings), snakemake.output.precision_vs_dose)
