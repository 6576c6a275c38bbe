"""Copies a trained network to where networks ship, with a card: `ship_network.py TRAINED weights/NAME`."""

import shutil
import sys
from pathlib import Path

from stembench.application.choice import USES, trained_networks
from stembench.products import read_json, write_json

FILES = ("weights.safetensors", "model.json", "characterisation.json")


def ship(trained: Path, shipped: Path) -> None:
    """Copy what a network is applied from, and write what its card tells of it."""
    record = read_json(trained / "model.json")
    use, (_, _, metric) = next(item for item in USES.items() if item[1][0] == record["task"])
    of = (record["network"], record["dataset"])
    score = trained_networks({str(trained): of}, "results/tables", use)[str(trained)]
    shipped.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if (trained / name).exists():
            shutil.copy(trained / name, shipped)
    told = ("network", "task", "dataset", "seed", "scale", "width", "parameters", "source", "pixel_size_A")
    card = {key: record[key] for key in told} | {
        "samples_seen": record["training"]["samples_seen"],
        "score": {metric: score},
        "licence": "GPL-3.0-or-later",
    }
    write_json(shipped / "card.json", card)


if __name__ == "__main__":
    ship(*map(Path, sys.argv[1:]))
