"""What jobs took, by their `benchmark:` files, and what further jobs will take by it.

Each run leaves `results/{scale}/rates.csv`: per rule, and per network, classical method, table or material, the seconds
and megabytes of its jobs, and how much work that was. Another scale is estimated from it in proportion to the work.
Where nothing was run yet, `rates.csv` beside this module counts: that of a demo on one core, put here by `make rates`.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from stembench.errors import InputError
from stembench.planning import SPLITS, Method, Plan
from stembench.planning.layout import RESULTS
from stembench.products import damaged, whole

SHIPPED_RATES = Path(__file__).with_name("rates.csv")
#: A GPU trains as fast as this many cores, where no training was measured on one: an assumption.
ASSUMED_CORES_PER_GPU = 75
#: Runs of fewer jobs end without a table of time by rule.
_FEW = 10
_SHOWN = 14  # rules in a table
_ON_GPU = "train_network on a GPU"
_TUNED = ("tune_detection", "tune_enhancement", "validate_network", "characterise_network")


class Job(Protocol):
    """What is asked of a job of Snakemake."""

    benchmark: Any
    output: Any
    resources: Any
    wildcards_dict: Any


class Rate(NamedTuple):
    """What jobs of a rule took.

    Attributes
    ----------
    rule : str
        Name of the rule.
    of : str
        Network, classical method, table, figure or material; empty where the rule's jobs are alike.
    jobs : int
        Number of jobs.
    seconds : float
        Sum of their time [s].
    work : float
        Sum of their work, in a unit of the rule.
    megabytes : float
        Sum of what they wrote [MB].
    size : float
        Sum of what that grows with, in a unit of the rule.
    """

    rule: str
    of: str
    jobs: int
    seconds: float
    work: float
    megabytes: float
    size: float


class Estimate(NamedTuple):
    """What a job will take: on a core [s], on a GPU [s] (0 where it trains nothing), and on the disk [MB]."""

    rule: str
    seconds: float
    megabytes: float
    gpu_s: float


def rule_of(job: Job) -> str:
    """Return the name of a job's rule, to which a workflow that uses this one as a module may put a prefix."""
    found = re.search(r"/benchmarks/([^/]+?)(?:/|\.tsv$)", str(job.benchmark or ""))
    return found[1] if found else ""


def subject(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return the network, method, table, figure or material that the time of a job depends on."""
    if "method" in wildcards:
        return Method.parse(wildcards["method"]).name
    known = ("network", "table", "figure", *(["material"] if rule == "simulate_tile" else []))
    return next((wildcards[name] for name in known if name in wildcards), "")


def work(plan: Plan, rule: str, wildcards: Mapping[str, str]) -> tuple[float, float]:
    """Return how much work a job is, and how much it writes, each in a unit of its rule.

    Megapixels of the images that it goes through, where it goes through images. Of a training the pixels of all crops
    times the width: eight networks took 1.8 to 10.4 times as long per pixel at width 1 as at 0.25, in the mean 4.8,
    though they multiply 16 times as often.
    """
    sizes, images = plan.config.sizes, plan.datasets.images
    megapixels = sizes.image_px**2 / 1e6
    if rule == "simulate_tile":
        return max(sizes.phonons, 1) * sizes.thickest_A, sizes.thickest_A
    if rule == "train_network":
        recipe = plan.config.recipe(wildcards["network"])
        crops: float = plan.config.samples_seen(wildcards["network"], wildcards["task"])
        width = recipe.width or 1.0
        return crops * (recipe.crop_px or sizes.image_px) ** 2 * width, width**2
    if rule == "make_table":
        return sizes.bootstrap * sizes.test_images * sizes.seeds, 1
    if rule.endswith("_generalisation"):
        count = sum(images(name, "test") for name in plan.evaluations.generalisation)
    elif rule in _TUNED:
        count = images(wildcards["dataset"], "validation")
    elif rule == "measure_reliability":
        count = images(wildcards["dataset"], "test")
    elif rule == "describe_dataset":
        count = sum(images(wildcards["dataset"], split) for split in SPLITS)
    elif "shard" in wildcards:
        split = next(split for split in SPLITS if split == wildcards["split"])
        first, end = plan.datasets.samples(wildcards["dataset"], split, int(wildcards["shard"]))
        count = end - first
    elif wildcards.get("testset") in plan.evaluations.lab_testsets:
        return sizes.lab_draws, sizes.lab_draws  # each about a megapixel at all doses
    elif "testset" in wildcards and rule != "evaluate_precision_after_denoising":
        count = images(wildcards["testset"], "test")
    else:
        return 1, 1
    return max(count, 1) * megapixels, max(count, 1) * megapixels


def measured(plan: Plan, jobs: Iterable[Job], since: float) -> Iterator[Rate]:
    """Yield what each job took that ended after a time [s since 1970]."""
    for job in jobs:
        with suppress(OSError, KeyError, ValueError, StopIteration):  # no file, or one cut off by a full disk
            if not (rule := rule_of(job)) or Path(str(job.benchmark)).stat().st_mtime < since:
                continue
            with open(str(job.benchmark), newline="", encoding="utf-8") as file:
                seconds = float(next(csv.DictReader(file, delimiter="\t"))["s"])
            done, size = work(plan, rule, job.wildcards_dict)
            if rule == "train_network" and job.resources.get("gpu", 0):
                rule = _ON_GPU
            yield Rate(rule, subject(rule, job.wildcards_dict), 1, seconds, done, _megabytes(job.output), size)


def _megabytes(paths: Iterable[str]) -> float:
    files = [file for path in map(Path, paths) for file in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def read_rates(path: str | Path) -> list[Rate]:
    """Read what a run took.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [
            Rate(row["rule"], row["of"], int(row["jobs"]), *(float(row[n]) for n in Rate._fields[3:])) for row in rows
        ]
    except (KeyError, TypeError, ValueError):
        raise damaged(path) from None


def write_rates(path: str | Path, rates: Iterable[Rate]) -> None:
    """Write what a run took; what the file holds of other rules, networks and methods stays."""
    rows: dict[tuple[str, str], Rate] = {}
    with suppress(FileNotFoundError, InputError):
        rows = {rate[:2]: rate for rate in read_rates(path)}
    parts: dict[tuple[str, str], list[Rate]] = {}
    for rate in rates:
        parts.setdefault(rate[:2], []).append(rate)
    rows |= {key: _sum(found) for key, found in parts.items()}
    with whole(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Rate._fields)
        writer.writerows([*row[:3], *(f"{value:.4g}" for value in row[3:])] for _, row in sorted(rows.items()))


def _sum(rates: list[Rate]) -> Rate:
    columns = list(zip(*rates, strict=True))
    return Rate(columns[0][0], columns[1][0], *(sum(column) for column in columns[2:]))


def finish(plan: Plan, jobs: Iterable[Job], since: float) -> str:
    """Keep what the jobs of a run took, and return a table of time by rule; empty after a run of few jobs.

    Parameters
    ----------
    plan : Plan
        The plan of the run.
    jobs : iterable of Job
        All jobs; those are counted that ended in this run.
    since : float
        When the run began [s since 1970].
    """
    rates = list(measured(plan, jobs, since))
    if rates:
        with suppress(InputError):  # on a full disk the run has told of it
            write_rates(plan.layout.rates, rates)
    if len(rates) <= _FEW:
        return ""
    return f"\nTime by rule:\n\n{table((rate.rule, rate.seconds, rate.megabytes) for rate in rates)}\n"


def table(took: Iterable[tuple[str, float, float]]) -> str:
    """Return the table of jobs, given by rule, time [s] and disk [MB]: a line per rule, the longest first."""
    jobs = list(took)
    rules: dict[str, list[tuple[str, float, float]]] = {}
    for job in sorted(jobs):
        rules.setdefault(job[0], []).append(job)
    parts = sorted(rules.items(), key=lambda part: -sum(seconds for _, seconds, _ in part[1]))
    others = [job for _, found in parts[_SHOWN:] for job in found]
    total = sum(seconds for _, seconds, _ in jobs) or 1.0
    wide = max(map(len, ["", *rules])) + 1
    lines = [f"{'rule':<{wide}}{'jobs':>7}{'time':>10}{'share':>7}{'longest':>10}{'GB':>9}"]
    for name, found in [*parts[:_SHOWN], *([("others", others)] if others else []), ("all", jobs)]:
        time = sum(seconds for _, seconds, _ in found)
        longest, gigabytes = max(seconds for _, seconds, _ in found), sum(size for *_, size in found) / 1e3
        lines.append(
            f"{name:<{wide}}{len(found):>7}{_time(time):>10}{time / total:>7.0%}{_time(longest):>10}{gigabytes:>9.2f}"
        )
    return "\n".join(lines)


def _time(seconds: float) -> str:
    if seconds < 600:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 36_000 else f"{seconds / 3600:.0f} h"


class Estimator:
    """Estimates jobs from what was measured: at this scale, else at another here, else elsewhere.

    Parameters
    ----------
    plan : Plan
        The plan whose jobs are estimated.
    files : iterable of str or Path, optional
        Rates, the best first; by default those of this folder and those that ship.

    Raises
    ------
    InputError
        If one is damaged.
    """

    def __init__(self, plan: Plan, files: Iterable[str | Path] | None = None) -> None:
        own = Path(plan.layout.rates)
        here = sorted(Path(RESULTS).glob(f"*/{own.name}"), key=lambda path: (path != own, -path.stat().st_mtime))
        self.plan = plan
        self.rates = [read_rates(path) for path in (files or [*here, SHIPPED_RATES])]
        every = [rate for rates in self.rates for rate in rates]
        #: The quickest jobs do nothing but start.
        self.start_s = min(rate.seconds / rate.jobs for rate in every)
        self._unknown = _sum(every)._replace(work=0, size=0)
        #: Whether a training was measured on a GPU.
        self.gpu_is_measured = any(rate.rule == _ON_GPU for rate in every)

    def __call__(self, job: Job) -> Estimate:
        """Return what a job will take."""
        rule = rule_of(job)
        of, sizes = subject(rule, job.wildcards_dict), work(self.plan, rule, job.wildcards_dict)
        seconds, megabytes = self._scaled(self._rate(rule, of), *sizes)
        gpu_s = 0.0
        if rule == "train_network":
            gpu_s = seconds / ASSUMED_CORES_PER_GPU
            if self.gpu_is_measured:
                gpu_s, _ = self._scaled(self._rate(_ON_GPU, of), *sizes)
        return Estimate(rule, seconds, megabytes, gpu_s)

    def _rate(self, rule: str, of: str) -> Rate:
        """What is known of a rule and method, else of the rule, else of all rules."""
        for alike in (lambda rate: rate.of == of, lambda rate: True):
            for rates in self.rates:
                if found := [rate for rate in rates if rate.rule == rule and alike(rate)]:
                    return _sum(found)
        return self._unknown

    def _scaled(self, rate: Rate, work: float, size: float) -> tuple[float, float]:
        """What one job takes of so much work: beyond its start in proportion."""
        more = work / (rate.work / rate.jobs) if rate.work else 1.0
        larger = size / (rate.size / rate.jobs) if rate.size else 1.0
        beyond = max(rate.seconds / rate.jobs - self.start_s, 0.0)
        return self.start_s + beyond * more, rate.megabytes / rate.jobs * larger


def print_estimate(plan: Plan, dag: Any, cores: int | None) -> None:
    """Print what the jobs of `snakemake estimate` would take, and end the call in place of running them.

    Parameters
    ----------
    plan : Plan
        What is made from what.
    dag : snakemake.dag.DAG
        Jobs of the call; those of another target are left to run.
    cores : int or None
        Cores of the machine, if said.

    Raises
    ------
    SystemExit
        When the estimate is printed.
    InputError
        If a file of rates is damaged.
    """
    jobs = list(dag.needrun_jobs())
    if any(job.rule.name.endswith("estimate") for job in jobs):
        print(estimate(plan, jobs, cores))
        raise SystemExit


def estimate(plan: Plan, jobs: Iterable[Job], cores: int | None) -> str:
    """Return what jobs will take, for a person to read.

    Parameters
    ----------
    plan : Plan
        The plan that they belong to.
    jobs : iterable of Job
        What is still to be done.
    cores : int, optional
        Cores that they will have.

    Raises
    ------
    InputError
        If the rates of an earlier run are damaged.
    """
    estimator = Estimator(plan)
    found = [estimator(job) for job in jobs if rule_of(job)]
    if not found:
        return "\nNothing is to be done.\n"
    seconds, longest = sum(job.seconds for job in found), max(job.seconds for job in found)
    lines = [
        f"\nStill to be done at scale {plan.config.scale}, on one core without a GPU:\n",
        table(j[:3] for j in found),
        "",
    ]
    if cores:
        lines.append(f"About {_time(max(seconds / cores, longest))} on {cores} cores without a GPU.")
    if gpu_s := sum(job.gpu_s for job in found):
        assumed = f"if a GPU trains as fast as {ASSUMED_CORES_PER_GPU} cores, an assumption"
        rest = sum(job.seconds for job in found if not job.gpu_s)
        how = "as measured here" if estimator.gpu_is_measured else assumed
        lines.append(
            f"With a GPU: trainings take {gpu_s / 3600:.1f} GPU hours ({how}), all else {rest / 3600:.1f} core hours."
        )
    return "\n".join([*lines, f"Disk: {sum(job.megabytes for job in found) / 1e3:.1f} GB.\n"])
