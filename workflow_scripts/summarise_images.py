"""Tabulate the user's images: a row each, with what was found or why it was refused."""

import pandas as pd
from job import running
from stembench.products import read_json, whole
from stembench.reporting.applied_table import applied_table

if __name__ == "__main__":
    with running(snakemake):
        inputs = snakemake.input
        refused = read_json(inputs.refused)["refused"]
        found = [(read_json(path), pd.read_csv(table)) for path, table in zip(inputs.summaries, inputs.columns)]
        table = applied_table(snakemake.params.images, refused, found)
        with whole(snakemake.output.table) as partial:
            table.to_csv(partial, index=False)
