"""Which networks are trained, for what, and on what."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stembench.config import Config
from stembench.config.base import NAME_PATTERN
from stembench.config.instrument import INSTRUMENT
from stembench.config.layers import lineage
from stembench.config.networks import Task
from stembench.errors import InputError
from stembench.planning.choice import TASKS
from stembench.planning.datasets import Datasets, Split
from stembench.planning.identity import made_as, training_identity
from stembench.planning.layout import Layout, any_of
from stembench.planning.methods import KNOWS_STRUCTURES, SEED_PATTERN, TOLD_PRIORS, Method, Prior
from stembench.planning.starting import Start, at_hand, check_alike


@dataclass(frozen=True)
class Training:
    """A network that is trained for a task on a dataset from a seed."""

    network: str
    task: Task
    dataset: str
    seed: int

    @property
    def method(self) -> Method:
        """What the trained network is called as a method."""
        return Method(self.network, self.dataset, self.seed)


@dataclass(frozen=True, eq=False)
class Trainings:
    """The trainings of the configuration at the scale that is run.

    Attributes
    ----------
    config : Config
        The configuration.
    datasets : Datasets
        What is trained on.
    layout : Layout
        Paths.
    shipped : Path
        Folder of the networks that ship.
    """

    config: Config
    datasets: Datasets
    layout: Layout
    shipped: Path

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Tasks that the scale says how long to train for."""
        return tuple(self.config.sizes.samples_seen)

    def architecture(self, network: str) -> str:
        """Return the network of the registry behind a key of `networks`.

        Raises
        ------
        InputError
            If there is no such key.
        """
        if network not in self.config.networks:
            raise InputError(f"the configuration has no network {network}; add it to networks")
        return self.config.networks[network].architecture or network

    def environment(self, network: str) -> str:
        """Return the conda environment that a network is trained and applied in."""
        return "detector" if self.architecture(network) == "faster_rcnn" else "training"

    def is_told(self, network: str) -> bool:
        """Return whether a network that localises is told the structure that an image shows."""
        told = self.config.networks[network].options.get("cross_attention", True)
        return self.architecture(network) == KNOWS_STRUCTURES and bool(told)

    def of(self, network: str, task: Task, dataset: str, prior: Prior = "right") -> list[Method]:
        """Return a network trained from each seed, where its dataset has images to train on."""
        if not self.datasets.can_train(dataset):
            return []
        return [Method(network, dataset, seed, prior) for seed in range(self.config.sizes.seeds)]

    def methods(self, task: Task) -> list[Method]:
        """Return the trained networks that the configuration asks for a task."""
        return [
            method
            for name, network in self.config.networks.items()
            for dataset in (network.datasets if task in network.tasks else ())
            for method in self.of(name, task, dataset)
        ]

    @cached_property
    def default(self) -> list[Training]:
        """Every training that the configuration asks for."""
        return [
            Training(method.name, task, method.dataset, method.seed)
            for task in self.tasks
            for method in self.methods(task)
        ]

    def folder(self, method: Method, task: Task) -> str:
        """Return the folder of a trained network."""
        return self.layout.model.path(network=method.name, task=task, dataset=method.dataset, seed=method.seed)

    def pattern(self, networks: Iterable[str]) -> str:
        """Return a pattern of the names of networks trained on any dataset from any seed, told any structure."""
        told = "|".join(TOLD_PRIORS)
        return (
            rf"(?:{any_of(networks)})-(?:{any_of(self.config.datasets)})(?:-(?:{told})_prior)?-seed(?:{SEED_PATTERN})"
        )

    def network(self, method: Method, task: Task) -> str | None:
        """Return the folder of the trained network behind a method; None for a classical one."""
        return self.folder(method, task) if method.is_network else None

    def files(self, method: Method, task: Task) -> list[str]:
        """Return the files that a trained network is loaded from; a classical method has none."""
        if not method.is_network:
            return []
        self.check(method.name, task, method.dataset)
        where = {"network": method.name, "task": task, "dataset": method.dataset, "seed": method.seed}
        return [self.layout.weights.path(**where), self.layout.record.path(**where)]

    def check(self, network: str, task: Task, dataset: str) -> None:
        """See that a training is possible.

        Raises
        ------
        InputError
            That says why it is not: the configuration has no such network, the dataset no image to train on, or the
            network cannot start from, or see as well, what its entry names.
        """
        self.architecture(network)
        self.shards(dataset, "train")
        self.mixed_shards(network)
        self.start(network)

    def start(self, network: str) -> Start | None:
        """Return the trained weights that a network starts from; None where it starts from random ones.

        Raises
        ------
        InputError
            If there are none where its entry says, they are not of such a network, or they start from themselves.
        """
        named = self.config.networks[network].starts_from
        if named is None:
            return None
        if training := self._made_here(network):
            makers = {name: made.network if (made := self._made_here(name)) else None for name in self.config.networks}
            try:
                lineage(network, makers, "networks", "starts_from")
            except ValueError as error:
                raise InputError(str(error)) from None
            folder = self.folder(training.method, training.task)
            start = Start(folder, folder, tuple(self.files(training.method, training.task)))
            record = made_as(self.config, training.network)
        else:
            start, record = at_hand(f"networks.{network}.starts_from", named, self.shipped)
        check_alike(network, self.config.scale, made_as(self.config, network), record, start.folder)
        return start

    def start_files(self, network: str) -> list[str]:
        """Return the files that a network starts from and this workflow makes."""
        start = self.start(network)
        return list(start.files) if start else []

    def _made_here(self, network: str) -> Training | None:
        """The training of this configuration whose weights a network starts from."""
        names = {name: f"(?P<{name}>{NAME_PATTERN})" for name in ("network", "task", "dataset")}
        pattern = self.layout.model.path(**names, seed=f"(?P<seed>{SEED_PATTERN})")
        found = re.fullmatch(pattern, str(Path(self.config.networks[network].starts_from or "")))
        if not found or found["network"] not in self.config.networks or found["dataset"] not in self.config.datasets:
            return None
        task = next((task for task in self.tasks if task == found["task"]), None)
        if task is None or not self.datasets.can_train(found["dataset"]):
            return None
        return Training(found["network"], task, found["dataset"], int(found["seed"]))

    def shards(self, dataset: str, split: Split) -> list[str]:
        """Return the shards that networks are trained or validated on.

        Raises
        ------
        InputError
            If there is no such dataset, or it has no image to train on.
        """
        if dataset not in self.config.datasets:
            raise InputError(f"networks are trained on {', '.join(self.config.datasets)}, and not on {dataset}")
        if not self.datasets.can_train(dataset):
            raise InputError(
                f"no network can be trained on {dataset}: no image of it can be made from the materials in "
                "structures/; add the CIF of one of its materials, or name another dataset"
            )
        return self.datasets.shards(dataset, split)

    def mixed_shards(self, network: str) -> list[str]:
        """Return the shards of the dataset whose images a network sees as well in its trainings.

        Raises
        ------
        InputError
            If that dataset has no image to train on, or samples are drawn on the fly.
        """
        dataset = self.config.networks[network].mixed_with
        if dataset is None:
            return []
        if self.config.training.data == "on_the_fly":
            raise InputError(
                f"networks.{network}.mixed_with: images of {dataset} are read, and training.data is on_the_fly; set "
                "training.data to stored, or mixed_with to null"
            )
        return self.shards(dataset, "train")

    def told(self, training: Training) -> dict[str, Any]:
        """Return what captions tell of a training."""
        recipe = self.config.recipe(training.network)
        crops = self.config.samples_seen(training.network, training.task)
        return {"samples_seen": crops, "crop_px": recipe.crop_px, "width": recipe.width, "scale": self.config.scale}

    def identity(self, training: Training) -> dict[str, Any]:
        """Return what a training depends on beside its input files; see `planning.identity`."""
        self.check(training.network, training.task, training.dataset)
        drawn = self.datasets.drawn_on_the_fly(training.dataset)
        sampling = self.datasets.sampling(training.dataset, "train") if drawn else None
        start = self.start(training.network)
        told_by = start.told_by if start else None
        return training_identity(self.config, training.network, training.task, training.seed, sampling, told_by)

    def first_files(self, network: str, task: Task) -> list[str]:
        """Return the files of the trained network that stands for all of a network and task, which cost the same."""
        datasets = self.config.networks[network].datasets
        dataset = next(filter(self.datasets.can_train, datasets), datasets[0])
        return self.files(Method(network, dataset), task)

    @property
    def records(self) -> list[str]:
        """Records of every network that the configuration asks for."""
        return [self.layout.record.path(**vars(training)) for training in self.default]

    @property
    def instrument(self) -> list[str]:
        """What is made of the networks that learn the noise of the user's instrument, one for each use.

        Raises
        ------
        InputError
            If the configuration has no instrument, or there is no image to train on.
        """
        if not self.config.instrument:
            raise InputError(
                "the configuration has no instrument; add one to config/config.yaml, such as "
                "`instrument: {from: images/, materials: [SrTiO3]}`"
            )
        paths = []
        for use, task in TASKS.items():
            network = self.config.instrument.network(use)
            where = {"network": network, "task": task, "dataset": INSTRUMENT, "seed": 0}
            self.check(network, task, INSTRUMENT)
            paths.append(self.layout.ranking.path(**where))
            if task == "localise":
                paths.append(self.layout.characterisation.path(**where))
        return paths
