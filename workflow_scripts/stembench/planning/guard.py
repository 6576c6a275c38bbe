"""Weights that took long to train are not trained anew unasked."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stembench.errors import InputError
from stembench.products import damaged

#: Trainings that took longer are guarded [h].
COSTLY_H = 1.0


def hours(history: str | Path) -> float:
    """Return how long a training took [h], from its history; 0 where there is none, as of networks never trained."""
    try:
        with open(history, newline="", encoding="utf-8") as file:
            return sum(float(row["seconds"]) for row in csv.DictReader(file)) / 3600
    except FileNotFoundError:
        return 0.0
    except (KeyError, TypeError, ValueError):
        raise damaged(history) from None


def refuse_retraining(dag: Any, allowed: bool) -> None:
    """Refuse a run that would train costly networks anew, unless they are named.

    Parameters
    ----------
    dag : snakemake.dag.DAG
        Jobs of the run, or of a dry run.
    allowed : bool
        Whether `training.retrain` allows all.

    Raises
    ------
    InputError
        That names each network, the hours it took, why it would be trained anew, and the remedies.
    """
    asked_for = {*dag.targetfiles, *dag.forcefiles}
    again = [
        (str(job.output.history), str(dag.reason(job)))
        for job in dag.needrun_jobs()
        if job.rule.name.endswith("train_network")  # a module may prefix it
        and not (job.rule in dag.forcerules or asked_for & set(job.output))
    ]
    if message := retraining_refused(again, allowed):
        raise InputError(message)


def retraining_refused(again: Iterable[tuple[str, str]], allowed: bool) -> str:
    """Return why a run that would train costly networks anew is refused; empty where it is not.

    Parameters
    ----------
    again : iterable of (str, str)
        History of each training that would be done, and the reason.
    allowed : bool
        Whether `training.retrain` allows all.
    """
    if allowed:
        return ""
    lines, named = [], []
    for history, reason in again:
        took = hours(history)
        if took > COSTLY_H and (weights := Path(history).with_name("weights.safetensors")).exists():
            named.append(str(weights))
            lines.append(f"  {weights.parent}: took {took:.1f} hours; would be trained anew because: {reason}")
    if not named:
        return ""
    return "\n".join(
        [
            "This run would train costly networks anew, and overwrite their weights:",
            *lines,
            "If that is meant, name them on the command line, such as",
            f"  snakemake --cores all {' '.join(named)}",
            "or allow all by `--config training='{retrain: true}'`. To keep the weights, take back what was changed.",
        ]
    )
