"""A page to look through a dataset, in one file."""

from job import running
from stembench.datasets.store import Shards
from stembench.products import read_parquet, whole
from stembench.reporting.dataset_browser import dataset_browser

if __name__ == "__main__":
    with running(snakemake):
        index = read_parquet(snakemake.input.index)
        page = dataset_browser(snakemake.wildcards.dataset, index, Shards(snakemake.input.shards))
        with whole(snakemake.output.page) as partial:
            partial.write_text(page, encoding="utf-8")
