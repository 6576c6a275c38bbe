"""Reading a file in a process of its own, which is ended where the file holds it for ever or fills the memory.

A damaged or crafted HDF5 file does that inside of libhdf5, where no exception reaches.
"""

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np

from stembench.errors import InputError
from stembench.lab.unreadable import AS_TIF, unreadable

#: Processor time to read a file in [s], and how much longer for each byte of it.
SECONDS, SECONDS_A_BYTE = 8.0, 5e-8
#: How much longer the process may take to start, and wait for disks [s].
WAITING = 30.0
#: Addresses that reading may take [bytes]: an image's gibibyte, copies of it, and the libraries.
MAX_ADDRESSES = 8 * 2**30

_LIBRARY = Path(__file__).parents[2]
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

Readable = tuple[np.ndarray, dict]


def read_apart(read: Callable[..., Readable], path: str | Path, *arguments: str) -> Readable:
    """What a function reads in a file, read by a process of its own.

    Parameters
    ----------
    read : function
        One of a module, that takes the path and `arguments`; it returns an array of numbers and what JSON can hold.
    path : str or Path
        The file.
    arguments : str
        What else the function takes.

    Raises
    ------
    InputError
        Which the function raised, or that says how its process ended.
    """
    path = Path(path)
    seconds = SECONDS + SECONDS_A_BYTE * path.stat().st_size
    with tempfile.TemporaryDirectory() as folder:
        # It runs in the empty folder, because Python imports from the one it runs in.
        command = [sys.executable, "-m", __name__, read.__module__, read.__name__, f"{seconds}", str(path.resolve())]
        searched = os.pathsep.join(filter(None, [str(_LIBRARY), os.environ.get("PYTHONPATH")]))
        try:
            done = subprocess.run(
                [*command, *arguments],
                cwd=folder,
                env=os.environ | _ONE_THREAD | {"PYTHONPATH": searched},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds + WAITING,
            )
        except subprocess.TimeoutExpired:
            raise _too_long(path, seconds + WAITING) from None
        if done.returncode == -signal.SIGXCPU:
            raise _too_long(path, seconds)
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            reason = lines[-1] if lines else f"it ended its process with {done.returncode}"
            raise unreadable(path, reason)
        told = json.loads((Path(folder) / "told.json").read_bytes())
        if "refused" in told:
            raise InputError(told["refused"].replace(str(path.resolve()), str(path)))
        return np.load(Path(folder) / "values.npy", allow_pickle=False), told


def _too_long(path: Path, seconds: float) -> InputError:
    return InputError(
        f"{path}: is not read within {seconds:.0f} s, as it is damaged or stored in an odd way; open it with "
        f"the program that saved it, and {AS_TIF}"
    )


def _limit(seconds: float) -> None:
    """Limit this process, where the system can; the time ends it even if nobody waits for it any more."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        last = math.ceil(time.process_time() + seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (last, last + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESSES, MAX_ADDRESSES))


if __name__ == "__main__":
    module, name, seconds, *arguments = sys.argv[1:]
    read = getattr(import_module(module), name)
    _limit(float(seconds))
    try:
        values, told = read(*arguments)
        np.save("values.npy", values)
    except InputError as error:
        told = {"refused": str(error)}
    Path("told.json").write_text(json.dumps(told))
