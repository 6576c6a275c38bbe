"""Copies a trained network, with a card, to a folder of `stembench/weights/`: `ship_network.py TRAINED FOLDER`."""

import shutil
import sys
from pathlib import Path

from stembench.errors import InputError
from stembench.products import read_json, write_json

FILES = ("weights.safetensors", "model.json", "characterisation.json")
#: What a card tells of the record of a network, and of its rank among all on the common validation images.
TOLD = ("network", "dataset", "seed", "scale", "width", "parameters", "source", "pixel_size_A")
RANKED = ("task", "metric", "score", "images", "ranked_on")


def ship(trained: Path, shipped: Path) -> None:
    """Copy what a network is applied from, and write its card.

    Raises
    ------
    InputError
        If the network was not ranked, or could not be trained.
    """
    ranked = trained / "ranking.json"
    if not ranked.exists():
        raise InputError(f"there is no file {ranked}; make it by `snakemake {ranked} --cores all`")
    record, ranking = read_json(trained / "model.json"), read_json(ranked)
    if "not_trained" in ranking:
        raise InputError(f"{trained}: not trained ({ranking['not_trained']}); ship another network")
    shipped.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if (trained / name).exists():
            shutil.copy(trained / name, shipped)
    card = {key: record[key] for key in TOLD} | {
        "samples_seen": record["training"]["samples_seen"],
        **{key: ranking[key] for key in RANKED},
        "licence": "GPL-3.0-or-later",
    }
    write_json(shipped / "card.json", card)


if __name__ == "__main__":
    try:
        ship(*map(Path, sys.argv[1:]))
    except InputError as error:
        sys.exit(str(error))
