"""Record which networks are applied to the user's images, and why."""

from job import running, say
from stembench.products import write_json

if __name__ == "__main__":
    with running(snakemake):
        for use, chosen in snakemake.params.networks.items():
            say(f"{use}: {chosen['folder']}, {chosen['reason']}")
        write_json(snakemake.output.networks, snakemake.params.networks)
