"""Export a split of a dataset in TEMImageNet's layout."""

from job import running, say
from stembench.datasets.store import read_samples
from stembench.datasets.temimagenet import export_temimagenet
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            count = export_temimagenet(read_samples(snakemake.input.shards), partial)
        say(f"{snakemake.output.folder}: {count} images")
