"""Log and error messages of every script."""

import logging
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stembench.errors import InputError
from stembench.products import writing

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

_log = logging.getLogger("stembench")


@contextmanager
def running(job: "snakemake") -> Iterator[None]:
    """Log to the rule's file and the terminal; end a user's mistake in its message and a defect in a traceback."""
    path = Path(job.log[0])
    _log.setLevel(logging.DEBUG)
    logging.raiseExceptions = False  # on a full disk no log can be written; the terminal shows the message
    _log_to(logging.StreamHandler(sys.stderr), logging.INFO)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _log_to(logging.FileHandler(path, mode="w"), logging.DEBUG)
        _log.debug("Python %s in %s", sys.version.split()[0], sys.prefix)
        yield
    except KeyboardInterrupt:
        _log.error("interrupted; the next call makes this anew")
        sys.exit(1)
    except InputError as error:
        _log.error("%s", error)
        sys.exit(1)
    except Exception:
        _log.error("%s", traceback.format_exc())
        sys.exit(1)


def _log_to(handler: logging.Handler, level: int) -> None:
    handler.setLevel(level)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.addHandler(handler)


def say(message: str) -> None:
    """Write a line of progress to the log and the terminal."""
    _log.info("%s", message)
