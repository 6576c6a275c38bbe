"""Names of methods: what finds columns or enhances images, as folders, wildcards and rows of tables call it."""

import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

from stembench.config.base import NAME_PATTERN
from stembench.errors import InputError

#: Structure that a network with a prior is told: the image's, another material's, or none.
Prior = Literal["right", "wrong", "none"]
#: Architecture of the networks that are told a structure.
KNOWS_STRUCTURES = "structural_prior"
#: Seeds as names of folders and of methods write them: each has one way.
SEED_PATTERN = "0|[1-9][0-9]*"
#: Priors that a name says; the right one it leaves out.
TOLD_PRIORS = tuple(prior for prior in get_args(Prior) if prior != "right")
_NAME = re.compile(
    rf"(?P<name>{NAME_PATTERN})"
    rf"(?:-(?P<dataset>{NAME_PATTERN})(?:-(?P<prior>{'|'.join(TOLD_PRIORS)})_prior)?-seed(?P<seed>{SEED_PATTERN})"
    rf"(?:-(?P<localiser>{NAME_PATTERN}))?)?"
)


@dataclass(frozen=True)
class Method:
    """A trained network by all that tells it from others, or a classical finder or filter by its name.

    Attributes
    ----------
    name : str
        Key of `networks`, or the name of a finder or filter.
    dataset : str
        What a network was trained on; empty for a finder or filter.
    seed : int
        Seed of the training.
    prior : Prior
        Structure that the network is told.
    localiser : str
        How columns are read from the network's map; empty where that is not said.
    """

    name: str
    dataset: str = ""
    seed: int = 0
    prior: Prior = "right"
    localiser: str = ""

    @property
    def is_network(self) -> bool:
        """Whether this is a trained network."""
        return bool(self.dataset)

    @property
    def trained(self) -> "Method":
        """The trained network alone: told the right structure, without a localiser."""
        return replace(self, prior="right", localiser="")

    def read_by(self, localiser: str) -> "Method":
        """Return the same network whose map is read by a localiser."""
        return replace(self, localiser=localiser)

    def __str__(self) -> str:
        """Return the name, of which `parse` makes the same method."""
        if not self.is_network:
            return self.name
        told = "" if self.prior == "right" else f"-{self.prior}_prior"
        return f"{self.name}-{self.dataset}{told}-seed{self.seed}{f'-{self.localiser}' if self.localiser else ''}"

    @classmethod
    def parse(cls, text: str) -> "Method":
        """Return the method of a name, of which `str` makes the same name.

        Raises
        ------
        InputError
            If it is not the name of a method.
        """
        found = _NAME.fullmatch(text)
        if not found:
            raise InputError(
                f"{text!r} is not the name of a method; write that of a finder or filter, or "
                "NETWORK-DATASET-seedN for a trained network"
            )
        parts = {key: value for key, value in found.groupdict().items() if value is not None}
        seed = int(parts.pop("seed", 0))
        return cls(seed=seed, **parts)  # type: ignore[arg-type] # the pattern holds the names of priors
