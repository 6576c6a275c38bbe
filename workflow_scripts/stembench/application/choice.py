"""Which trained network the user's images are read with."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

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
    """
    task, _, metric = USES[use]
    cards = {path.parent: json.loads(path.read_text()) for path in sorted(Path(folder).glob("*/card.json"))}
    return {str(path): float(card["score"][metric]) for path, card in cards.items() if card["task"] == task}


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
        A score is the mean over test sets; minus infinity where no table holds the network.
    """
    _, table, metric = USES[use]
    rows, path = [], Path(tables) / f"{table}.csv"
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            told = csv.DictReader(file)
            rows = [row for row in told if row["subset"] == "all" and row.get("localiser") in (None, "maxima")]
    scores = {}
    for folder, of in folders.items():
        if (Path(folder) / "weights.safetensors").exists():
            values = [float(row[metric]) for row in rows if (row["method"], row["train_dataset"]) == of and row[metric]]
            scores[folder] = fmean(values) if values else float("-inf")
    return scores


def best_network(scores: Sequence[Mapping[str, float]]) -> str | None:
    """The folder of the highest score, the first of equals; None if there is none."""
    known = {folder: score for part in scores for folder, score in part.items()}
    return max(known, key=known.__getitem__) if known else None
