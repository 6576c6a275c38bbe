"""A detection method on every test set beyond the training."""

from evaluate_detection import evaluate
from job import running

if __name__ == "__main__":
    with running(snakemake):
        outputs = snakemake.output
        for shards, columns, images in zip(snakemake.params.shards, outputs.columns, outputs.images):
            evaluate(snakemake, shards, columns, images)
