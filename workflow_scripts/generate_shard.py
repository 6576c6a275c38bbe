"""One shard of a dataset."""

from job import running, say
from sample_factory import factory_of
from stembench.datasets.store import write_shard
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        factory, split = factory_of(snakemake), snakemake.wildcards.split
        first, last = snakemake.params.samples
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            samples = (factory.sample(split, position) for position in range(first, last))
            write_shard(partial, samples, snakemake.params.sampling["recipe"], factory.recipe.stored_labels)
        say(f"{snakemake.wildcards.dataset}/{split}: {last - first} images")
