"""The index of a dataset: every drawn parameter of every image, and all columns."""

from job import running
from stembench.datasets.store import read_table
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        splits = dict(zip(snakemake.input.shards, snakemake.params.splits))
        for table, destination in (("samples", snakemake.output.index), ("columns", snakemake.output.columns)):
            rows = read_table(list(splits), table, split=list(splits.values()))
            with whole(destination) as partial:
                rows.to_parquet(partial, index=False)
