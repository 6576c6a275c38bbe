"""A process that reads hostile inputs one after the other, and tells of each how it ended."""

import multiprocessing
import os
import re
import resource
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import readers
from stembench.errors import InputError

_ROOM = 16 * 2**30  # of addresses, so that what takes far too much fails before the machine does


class Worker:
    """A process that is begun anew when an input ends it."""

    def __init__(self) -> None:
        self.connection: Connection | None = None

    def outcome(self, name: str, number: int, max_seconds: float, max_bytes: int) -> str:
        """How a reader ends on a hostile input: `read`, `refused`, or what should not be."""
        if self.connection is None:
            self.connection, there = multiprocessing.Pipe()
            self.process = multiprocessing.get_context("spawn").Process(target=_read_inputs, args=(there,), daemon=True)
            self.process.start()
            there.close()
            self.connection.recv()  # it has imported all readers
        self.connection.send((name, number))
        try:
            if not self.connection.poll(max_seconds):
                self.close()
                return f"takes more than {max_seconds} s"
            outcome, peak = self.connection.recv()
        except EOFError:
            self.close()
            return f"ends the process with {self.process.exitcode}"
        return outcome if peak <= max_bytes else f"takes {peak / 2**20:.0f} MiB"

    def close(self) -> None:
        """End the process."""
        if self.connection is not None:
            self.process.kill()
            self.process.join()
            self.connection.close()
            self.connection = None


def _read_inputs(connection: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_ROOM, resource.RLIM_INFINITY))
    sys.stdout = sys.stderr = open(os.devnull, "w")
    connection.send("ready")
    while True:
        name, number = connection.recv()
        with TemporaryDirectory() as folder:
            readers.write_input(Path(folder), name, number)
            Path("/proc/self/clear_refs").write_text("5")  # the peak of memory counts from here
            try:
                readers.READERS[name].read(Path(folder))
                outcome = "read"
            except InputError:
                outcome = "refused"
            except BaseException:
                outcome = traceback.format_exc(limit=-4)
        peak = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
        connection.send((outcome, 1024 * int(peak[1])))
