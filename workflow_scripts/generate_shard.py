"""Simulate one shard of a dataset."""

from job import running, say
from sample_factory import factory_of
from stembench.datasets.store import write_shard
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        sampling, split = snakemake.params.sampling, snakemake.wildcards.get("split", "validation")
        factory = factory_of(snakemake, sampling)
        first, last = snakemake.params.samples
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            samples = (factory.sample(split, position) for position in range(first, last))
            write_shard(partial, samples, sampling["recipe"], factory.recipe.stored_labels)
        say(f"{snakemake.output.folder}: {last - first} images")
