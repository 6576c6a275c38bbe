"""Score a detection method on every test set beyond the training."""

from evaluate_detection import evaluate
from job import running

if __name__ == "__main__":
    with running(snakemake):
        number, outputs = len(snakemake.params.localisers), snakemake.output
        for i, shards in enumerate(snakemake.params.shards):
            mine = slice(i * number, (i + 1) * number)
            evaluate(snakemake, shards, outputs.columns[mine], outputs.images[mine], exact=True)
