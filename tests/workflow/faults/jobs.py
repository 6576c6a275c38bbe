"""The jobs of a Snakemake that runs in a copy, as /proc shows them, and what kills them."""

import ast
import os
import pickle
import random
import signal
import subprocess
import threading
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

POLL_S = 0.03
SETTLED_S = 2.0  # age of a process that has become what it is: a job begins as a copy of Snakemake, then as a shell
LATEST = 0.7  # moment of a hit, of the shortest life of a job: the machine may have more time for it


@dataclass(frozen=True)
class Job:
    """A process that carries out a rule's script; jobs of rules that share one are of one kind, named after it."""

    pid: int
    started: int  # clock ticks since the machine came up: with it a PID is unique
    rule: str
    kind: str
    log: str
    outputs: tuple[str, ...]
    folder: Path

    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return _running(self.pid) == self.started

    def has_checkpoint(self) -> bool:
        """Whether it is a training that has ended an epoch."""
        return any(any((self.folder / path).parent.glob("checkpoints/*/last.ckpt")) for path in self.outputs)

    def kill(self) -> bool:
        """SIGKILL it; whether it was alive when it was hit."""
        if not self.alive():
            return False
        os.kill(self.pid, signal.SIGKILL)
        return True


def _running(pid: int) -> int | None:
    """When a process started, None if it does not run."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def find_jobs(folder: Path, known: dict[tuple[int, int], Job | None]) -> list[Job]:
    """Jobs that run in a folder; `known` keeps what was found out of each process."""
    found = []
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        key = (pid, _running(pid))
        if key[1] is None:
            continue
        if key in known:
            job = known[key]
        else:
            try:
                job = _job(folder, *key)
            except (FileNotFoundError, ProcessLookupError):  # it ended while it was looked at
                continue
            if job or _age(key[1]) > SETTLED_S:
                known[key] = job
        if job:
            found.append(job)
    pids = {job.pid for job in found}
    return [job for job in found if _parent(job.pid) not in pids]  # no worker that a job forked


def _age(started: int) -> float:
    """Seconds since a process started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def _job(folder: Path, pid: int, started: int) -> Job | None:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    scripts = str(folder / ".snakemake" / "scripts")
    if len(words) < 2 or os.path.dirname(words[1]) != scripts:
        return None
    preamble = Path(words[1]).read_text().splitlines()[1]  # in which Snakemake hands itself to the script
    calls = [node for node in ast.walk(ast.parse(preamble)) if isinstance(node, ast.Call)]
    (handed,) = (call.args[0].value for call in calls if ast.unparse(call.func) == "pickle.loads")
    snakemake = pickle.loads(handed)
    kind = Path(words[1]).stem.partition(".")[2]  # Snakemake puts something random before the script's name
    return Job(pid, started, snakemake.rule, kind, snakemake.log[0], tuple(map(str, snakemake.output)), folder)


@dataclass
class Watcher:
    """Sees the jobs of a copy; notes how long those of each kind live, and does to them what is decided.

    Attributes
    ----------
    lifetimes : dict
        Of the jobs of each kind [s].
    kinds : dict
        Kind of each rule.
    """

    folder: Path
    lifetimes: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    kinds: dict[str, str] = field(default_factory=dict)

    def see(self, job: Job, age: float) -> None:
        """Called with each job at each look."""

    @contextmanager
    def watching(self):
        """Watch in the background."""
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _watch(self, ended: threading.Event) -> None:
        known, first_seen = {}, {}
        while not ended.wait(POLL_S):
            now = time.monotonic()
            jobs = find_jobs(self.folder, known)
            for job in jobs:
                self.kinds[job.rule] = job.kind
                self.see(job, now - first_seen.setdefault(job, now))
            for job in set(first_seen) - set(jobs):
                self.lifetimes[job.kind].append(now - first_seen.pop(job))


@dataclass
class Killer(Watcher):
    """Kills jobs at random moments of their lives until those of each kind were hit often enough.

    Attributes
    ----------
    usual : dict
        Shortest life of each kind of job, undisturbed [s].
    wanted : int
        Hits per kind.
    seed : int
        Of the moments.
    hits : Counter
        Hits per kind so far.
    interrupted : set
        Trainings that were hit after an epoch had ended: their logs.
    """

    usual: dict[str, float] = field(default_factory=dict)
    wanted: int = 2
    seed: int = 0
    hits: Counter = field(default_factory=Counter)
    interrupted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.due: dict[Job, float] = {}

    def missing(self) -> list[str]:
        """Kinds of jobs that were not hit often enough, or not in their epochs."""
        missing = {kind for kind in self.usual if self.hits[kind] < self.wanted}
        return sorted(missing | (set() if self.interrupted else {"train_network"}))

    def see(self, job: Job, age: float) -> None:
        """Kill it when its time has come; a training beyond those of random moments, once its checkpoint is there."""
        if job not in self.due:
            waiting = sum(other.kind == job.kind and other.alive() for other in self.due)
            if self.hits[job.kind] + waiting < self.wanted:
                self.due[job] = self.random.uniform(0, LATEST) * self.usual.get(job.kind, 0)
        in_epochs = job.kind == "train_network" and not self.interrupted and job.has_checkpoint()
        if in_epochs or age >= self.due.get(job, float("inf")):
            self._hit(job, in_epochs)

    def _hit(self, job: Job, in_epochs: bool) -> None:
        self.due[job] = float("inf")
        if job.kill():
            self.hits[job.kind] += 1
            if in_epochs:
                self.interrupted.add(job.log)


def kill_with_jobs(snakemake: subprocess.Popen, folder: Path, moment: float) -> None:
    """SIGKILL Snakemake and all its jobs, as a machine that goes down, some seconds after the first job began."""
    for seconds in (0, moment):
        time.sleep(seconds)
        while not (jobs := find_jobs(folder, {})):
            assert snakemake.poll() is None, "it ended before it could be killed"
            time.sleep(POLL_S)
    os.killpg(snakemake.pid, signal.SIGKILL)
    snakemake.communicate()
    assert snakemake.returncode == -signal.SIGKILL
    assert not any(job.alive() for job in jobs)
