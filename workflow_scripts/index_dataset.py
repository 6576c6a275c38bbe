"""The index of a dataset: every drawn parameter of every image, and all columns."""

from job import running
from stembench.datasets.store import write_index
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        with whole(snakemake.output.index) as index, whole(snakemake.output.columns) as columns:
            write_index(snakemake.input.shards, index, columns)
