"""Which trained network the user's images are read with: decided once, by one common set of validation images."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Literal, get_args

from stembench.config import Config
from stembench.config.general import RANKED_ON
from stembench.config.instrument import INSTRUMENT
from stembench.config.networks import Task
from stembench.errors import InputError
from stembench.planning.layout import RESULTS, Layout
from stembench.products import damaged, read_json

Use = Literal["localise", "denoise"]
USES: tuple[Use, ...] = get_args(Use)
#: Task that the networks of each use have learnt.
TASKS: Mapping[Use, Task] = {"localise": "localise", "denoise": "denoise"}
#: Network of the configuration that ships for each use.
_SHIPS: Mapping[Use, str] = {"localise": "column_finder", "denoise": "image_denoiser"}
#: What networks of a task are ranked by, as `evaluation.ranking` names it, and how it is called.
_RANKED_BY: Mapping[str, tuple[str, str]] = {
    "localise": ("f1", "F1"),
    "denoise": ("psnr_free_db", "PSNR in dB with gain and offset free"),
}
#: Folder of the networks that ship.
SHIPPED = Path(__file__).parents[1] / "weights"
_RANKING = "ranking.json"
_CARD = "card.json"
_CHARACTERISATION = "characterisation.json"
#: What a network is applied from.
FILES = ("weights.safetensors", "model.json")


@dataclass(frozen=True)
class Candidate:
    """A trained network that is at hand.

    Attributes
    ----------
    folder : str
        Where it lies.
    dataset : str
        What it was trained on.
    weights_sha256 : str
        Digest of its weights.
    score : float
        On the common validation images, higher is better: F1 of a network that localises; PSNR with gain and offset
        free [dB] of another.
    """

    folder: str
    dataset: str
    weights_sha256: str
    score: float


@dataclass(frozen=True)
class Choice:
    """The network of a use, and why it was chosen."""

    folder: str
    weights_sha256: str
    architecture: str
    reason: str


def candidates(task: Task, shipped: str | Path = SHIPPED, results: str | Path | None = RESULTS) -> list[Candidate]:
    """Return the trained networks of a task that are at hand: those that ship, and those trained here at any scale.

    Networks that could not be trained, or were not ranked yet by the present measure and images, are left out.

    Raises
    ------
    InputError
        If the record of one is damaged.
    """
    rankings = sorted(Path(shipped).glob(f"*/{_CARD}"))
    if results is not None:
        rankings += sorted(Path(results).glob(f"*/models/*/{task}/*/seed*/{_RANKING}"))
    found = []
    for path in rankings:
        ranking, folder = read_json(path), path.parent
        if "task" not in ranking:
            raise damaged(path)
        whole = all((folder / name).exists() for name in FILES)
        if "not_trained" in ranking or ranking["task"] != task or not whole:
            continue
        record = read_json(folder / "model.json")
        score = ranking.get("score")
        if not isinstance(score, int | float) or not isfinite(score):
            raise damaged(path)
        if (ranking.get("metric"), ranking.get("ranked_on")) != (_RANKED_BY[task][0], RANKED_ON):
            continue
        try:
            found.append(Candidate(str(folder), record["dataset"], record["weights_sha256"], score))
        except KeyError:
            raise damaged(folder / "model.json") from None
    return found


def choose(config: Config, use: Use, shipped: str | Path = SHIPPED, results: str | Path | None = RESULTS) -> Choice:
    """Return the network that the user's images are read with.

    That is the one that the configuration names; else the best that was trained on the noise of the user's instrument,
    if there is an instrument; else the best of all. No network is trained for it.

    Parameters
    ----------
    config : Config
        The configuration.
    use : str
        What the network does.
    shipped, results : str or Path
        Folders of the networks that ship and of those trained here; without `results`, of the former alone.

    Raises
    ------
    InputError
        If there is none; names the command that trains one.
    """
    if named := getattr(config.apply, use):
        return _named(named.rstrip("/"), use)
    known = candidates(TASKS[use], shipped, results)
    if config.instrument:
        known = [candidate for candidate in known if candidate.dataset == INSTRUMENT]
        if not known:
            raise InputError(
                f"apply.{use}: no network has been trained on the noise of your instrument yet; run "
                "`snakemake instrument --cores all`, or remove `instrument` from the configuration"
            )
    if not known:
        where = {"network": _SHIPS[use], "task": TASKS[use], "dataset": RANKED_ON, "seed": 0}
        raise InputError(
            f"apply.{use}: there is no trained network in {shipped}/ or {results}/; train one by `snakemake "
            f"{Layout(config.scale).ranking.path(**where)} --cores all`, or set apply.{use} to the folder of one"
        )
    # One whose confidence was not measured yet, as after a run that was interrupted, stands behind all others.
    if use == "localise":
        known = [network for network in known if Path(network.folder, _CHARACTERISATION).exists()] or known
    best = max(known, key=lambda candidate: candidate.score)
    group = "those trained on the noise of your instrument" if config.instrument else "those at hand"
    measure = _RANKED_BY[TASKS[use]][1]
    reason = f"best of {len(known)} ({group}) by {measure} on the common validation images: {best.score:.4g}"
    return _choice(best.folder, reason, use)


def _named(folder: str, use: Use) -> Choice:
    for name in FILES:
        if not Path(folder, name).exists():
            raise InputError(
                f"apply.{use}: there is no file {folder}/{name}; name a folder with a trained network (those of "
                f"workflow_scripts/stembench/weights/ and {RESULTS}/SCALE/models/NETWORK/TASK/DATASET/seedN)"
            )
    return _choice(folder, f"named by apply.{use}", use)


def _choice(folder: str, reason: str, use: Use) -> Choice:
    missing = Path(folder, _CHARACTERISATION)
    if use == "localise" and not missing.exists():
        raise InputError(f"apply.{use}: there is no file {missing}; make it by `snakemake {missing} --cores all`")
    try:
        record = read_json(Path(folder) / "model.json")
        return Choice(folder, record["weights_sha256"], record["architecture"], reason)
    except (InputError, KeyError) as error:
        raise InputError(
            f"apply.{use}: {folder}/model.json is no record of a network ({error}); name another folder"
        ) from None
