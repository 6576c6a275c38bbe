"""Which trained weights a training starts from, in place of random ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stembench.errors import InputError
from stembench.planning.choice import FILES
from stembench.products import read_json


@dataclass(frozen=True)
class Start:
    """Trained weights that a training starts from.

    Attributes
    ----------
    folder : str
        Where they lie.
    told_by : str
        What tells them from other weights: their SHA-256, or the folder of weights that this workflow makes, which are
        an input of the training.
    files : tuple of str
        Those of them that this workflow makes.
    """

    folder: str
    told_by: str
    files: tuple[str, ...] = ()


def at_hand(key: str, named: str, shipped: Path) -> tuple[Start, dict[str, Any]]:
    """Return trained weights that this workflow does not make, and the record of their network.

    Parameters
    ----------
    key : str
        Key of the configuration that names them, for messages.
    named : str
        Folder that it names; where there is none in the working folder, a folder of the networks that ship.
    shipped : Path
        Folder of these.

    Raises
    ------
    InputError
        If there are no such weights.
    """
    folder = next((folder for folder in (Path(named), shipped / named) if folder.exists()), Path(named))
    known = ", ".join(sorted(path.parent.name for path in shipped.glob("*/model.json")))
    remedy = f"name a network that ships ({known}) or the folder of a trained network, or take {key} out"
    for name in FILES:
        if not (folder / name).exists():
            raise InputError(f"{key}: there is no file {folder}/{name}; {remedy}")
    try:
        record = read_json(folder / "model.json")
        return Start(str(folder), record["weights_sha256"]), record
    except (InputError, KeyError) as error:
        raise InputError(f"{key}: {folder}/model.json is no record of a trained network ({error}); {remedy}") from None


def check_alike(network: str, scale: str, ours: Mapping[str, Any], theirs: Mapping[str, Any], folder: str) -> None:
    """See that a network can take the weights of another.

    Parameters
    ----------
    network : str
        Key of `networks`.
    scale : str
        Scale that it is trained at.
    ours, theirs : mapping
        `architecture`, `width` and `options` of the network and of the other one.
    folder : str
        Where the other one lies.

    Raises
    ------
    InputError
        If they differ; names the key to set.
    """
    for part, key in (("architecture", "architecture"), ("width", f"recipes.{scale}.width"), ("options", "options")):
        if ours[part] != theirs.get(part):
            raise InputError(
                f"networks.{network}.starts_from: the network in {folder} has {part} {theirs.get(part)}, and "
                f"networks.{network} has {ours[part]}; set networks.{network}.{key} to that of the folder, or name "
                "another folder"
            )
