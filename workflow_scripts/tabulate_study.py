"""The tables of a study: its variants on its test sets, and their paired differences from the first."""

from job import running
from stembench.reporting.published import beside_published
from stembench.reporting.tables import (
    detection_table,
    enhancement_table,
    read_detection,
    read_enhancement,
    study_comparison,
    write_table,
)

if __name__ == "__main__":
    with running(snakemake):
        params, parts = snakemake.params, snakemake.params.evaluation
        if params.scored == "columns":
            results = read_detection(params.methods, weak_strength=parts["weak_strength"], rim=parts["rim_A"])
            table = detection_table(results, params.bootstrap)
        else:
            results = read_enhancement(params.methods)
            table = enhancement_table(results, params.bootstrap)
        write_table(beside_published(table, snakemake.wildcards.study, params.published), snakemake.output.table)
        write_table(study_comparison(results, params.bootstrap), snakemake.output.comparison)
