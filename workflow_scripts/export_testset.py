"""Write the images of a test set for methods that are run elsewhere, without truth."""

from job import running, say
from stembench.datasets.store import open_shards, read_table
from stembench.evaluation.external_images import export_images
from stembench.products import whole

if __name__ == "__main__":
    with running(snakemake):
        shards = snakemake.input.test
        images = open_shards(shards, ["image"])["image"]
        with whole(snakemake.output.folder) as partial:
            partial.mkdir()
            export_images(images, read_table(shards, "samples"), partial)
        say(f"{snakemake.output.folder}: {len(images)} images")
