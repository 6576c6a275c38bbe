"""Train one network for one task on one dataset from one seed."""

from pathlib import Path
from typing import TYPE_CHECKING

from job import running, say
from stembench.crystals.material import structures_of
from stembench.errors import CannotLoadError
from stembench.networks.base import Network
from stembench.networks.registry import build, save_untrained
from stembench.training.on_dataset import train_on_dataset
from stembench.training.run import use_threads
from stembench.training.starting import take_weights

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def train_network(job: "snakemake", network: Network) -> None:
    """Train a network with fresh weights, or from trained ones, and write it."""
    asked, identity, factory = job.wildcards, job.params.identity, None
    if "starts_from" in identity:
        identity["starts_from"] = take_weights(network, job.params.starts_from)
    if identity["sampling"]:
        from sample_factory import factory_of

        factory = factory_of(job, identity["sampling"])
    use_threads(job.threads)
    train_on_dataset(
        network,
        Path(job.output.weights).parent,
        job.input.train,
        job.input.validation,
        task=asked.task,
        identity=identity,
        structures=structures_of(job.input.projections),
        mixed_shards=job.input.mixed,
        factory=factory,
        about={"network": asked.network, "dataset": asked.dataset, "scale": job.params.scale},
        devices=job.resources.devices,
        compiled=bool(job.resources.compiled),
        cores=job.threads,
        report=lambda line: say(f"{asked.network} {asked.task} seed {asked.seed}: {line}"),
    )


if __name__ == "__main__":
    with running(snakemake):
        made_as, asked = snakemake.params.identity["made_as"], snakemake.wildcards
        try:
            network = build(**made_as, seed=int(asked.seed), task=asked.task)
        except CannotLoadError as error:
            say(str(error))
            save_untrained(Path(snakemake.output.weights).parent, made_as | {"network": asked.network}, str(error))
        else:
            train_network(snakemake, network)
