"""Names what to open first of a run of `config/config.yaml`, as far as it is there."""

from pathlib import Path

import yaml
from stembench.config import load_config
from stembench.planning import make_plan

if __name__ == "__main__":
    settings = yaml.safe_load(Path("config/config.yaml").read_text(encoding="utf-8"))
    for title, path in make_plan(load_config(settings or {})).report.opened_first.items():
        if Path(path).exists():
            print(f"{title + ':':<18}{path}")
