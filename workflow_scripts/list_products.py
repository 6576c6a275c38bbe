"""Prints which files of a run of `config/config.yaml` to open first; with the argument `example`, of the examples."""

import sys
from pathlib import Path

import yaml
from stembench.config import load_config
from stembench.planning import make_plan

if __name__ == "__main__":
    settings = yaml.safe_load(Path("config/config.yaml").read_text(encoding="utf-8"))
    plan = make_plan(load_config(settings or {}))
    if sys.argv[1:] == ["example"]:
        opened = [(Path(path).stem.capitalize(), path) for path in plan.lab.example_products]
    else:
        opened = list(plan.report.opened_first.items())
    for title, path in opened:
        if Path(path).exists():
            print(f"{title + ':':<18}{path}")
