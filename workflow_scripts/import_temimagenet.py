"""Import one shard of a dataset from TEMImageNet's layout."""

from job import running
from stembench.config import ImportedDataset
from stembench.datasets.store import write_shard
from stembench.datasets.temimagenet import read_temimagenet
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        recipe, split = ImportedDataset(**snakemake.params.recipe), snakemake.wildcards.split
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            samples = read_temimagenet(recipe, split, *snakemake.params.samples)
            write_shard(partial, samples, snakemake.params.recipe)
