"""What every script shares: its log, and how it ends when something is wrong."""

import logging
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stembench.errors import InputError

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_log = logging.getLogger("stembench")


@contextmanager
def running(job: "snakemake") -> Iterator[None]:
    """Log to the rule's file and the terminal; a user's mistake ends in its message, a defect in a traceback."""
    path = Path(job.log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    _log.setLevel(logging.DEBUG)
    file, terminal = logging.FileHandler(path, mode="w"), logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.INFO)
    for handler in (file, terminal):
        handler.setFormatter(logging.Formatter("%(message)s"))
        _log.addHandler(handler)
    _log.debug("Python %s in %s", sys.version.split()[0], sys.prefix)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    try:
        yield
    except InputError as error:
        _log.error("%s", error)
        sys.exit(1)
    except Exception:
        _log.error("%s", traceback.format_exc())
        sys.exit(1)


def say(message: str) -> None:
    """A line of progress, to the log and the terminal."""
    _log.info("%s", message)
