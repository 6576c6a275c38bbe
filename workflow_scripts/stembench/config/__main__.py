"""Write the files of a folder `config/`: `python -m stembench.config FOLDER`."""

import sys
from pathlib import Path

from stembench.config.documents import GENERATED

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for file, render in GENERATED.items():
        (folder / file).write_text(render())
