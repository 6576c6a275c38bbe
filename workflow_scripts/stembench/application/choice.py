"""Which trained network the user's images are read with."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from stembench.products import damaged, read_json

#: Of each use, the task that its networks learn, the table that ranks them and its metric; higher is better.
USES = {"localise": ("localise", "detection", "f1"), "denoise": ("denoise_background", "enhancement", "psnr_db")}


def shipped_networks(folder: str | Path, use: str) -> dict[str, float]:
    """Networks of a use that ship in a folder, each a folder of it with a card, and the score that its card tells.

    Parameters
    ----------
    folder : str or Path
        `weights/`.
    use : str
        A key of `USES`.

    Raises
    ------
    InputError
        If a card is damaged.
    """
    task, _, metric = USES[use]
    scores = {}
    for path in sorted(Path(folder).glob("*/card.json")):
        card = read_json(path)
        try:
            if card["task"] == task:
                scores[str(path.parent)] = float(card["score"][metric])
        except (KeyError, TypeError, ValueError):
            raise damaged(path) from None
    return scores


def trained_networks(folders: Mapping[str, tuple[str, str]], tables: str | Path, use: str) -> dict[str, float]:
    """Networks of a use that have been trained in this place, and their scores by its tables.

    Parameters
    ----------
    folders : mapping
        Folders of trained networks, whether or not they are there, with the network's name and its training set.
    tables : str or Path
        `results/tables/`.
    use : str
        A key of `USES`.

    Returns
    -------
    dict
        A score is that on the test split of what the network was trained on; minus infinity where no table holds it.
    """
    _, table, metric = USES[use]
    rows, path = [], Path(tables) / f"{table}.csv"
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            everything = list(csv.DictReader(file))
        own = [row for row in everything if row["subset"] == "all" and row["testset"] == row["train_dataset"]]
        rows = [row for row in own if row.get("localiser") in (None, "maxima")]
    scores = {}
    for folder, of in folders.items():
        if (Path(folder) / "weights.safetensors").exists():
            told = [row[metric] for row in rows if (row["method"], row["train_dataset"]) == of]
            scores[folder] = float(told[0]) if told and told[0] else float("-inf")
    return scores


def best_network(scores: Sequence[Mapping[str, float]]) -> str | None:
    """The folder of the highest score, the first of equals; None if there is none."""
    known = {folder: score for part in scores for folder, score in part.items()}
    return max(known, key=known.__getitem__) if known else None
