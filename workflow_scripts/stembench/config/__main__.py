"""Write what is generated from the models: `python -m stembench.config REPOSITORY`."""

import sys
from pathlib import Path

from stembench.config.documents import GENERATED

if __name__ == "__main__":
    repository = Path(sys.argv[1])
    for file, render in GENERATED.items():
        (repository / file).parent.mkdir(parents=True, exist_ok=True)
        (repository / file).write_text(render(), encoding="utf-8")
