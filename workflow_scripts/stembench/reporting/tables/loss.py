"""The loss that each training ended with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stembench.reporting.base import Inputs, Parameters, Table, once
from stembench.reporting.published import published_digest

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan

_LOSSES = ("train_loss", "validation_loss")


def loss_table(trainings: Sequence[dict]) -> pd.DataFrame:
    """Return the loss of the last epoch on training and validation images, by the loss that was trained with.

    Parameters
    ----------
    trainings : sequence of dict
        As for `cost_table`.
    """
    import pandas as pd

    from stembench.products import read_json
    from stembench.reporting.tabulation import IDENTITY, METHOD

    rows = []
    for training in trainings:
        record = read_json(Path(training["folder"]) / "model.json")
        history = pd.read_csv(Path(training["folder"]) / "history.csv")
        known = {"loss": record.get("training", {}).get("loss"), "note": record.get("not_trained", record.get("note"))}
        last = dict(history[list(_LOSSES)].iloc[-1]) if len(history) else dict.fromkeys(_LOSSES, np.nan)
        rows.append(training | {"testset": training["train_dataset"]} | known | last)
    grouped = pd.DataFrame(rows).groupby([*METHOD, "testset", "loss"], sort=False, dropna=False)
    losses = grouped[list(_LOSSES)]
    spread = losses.std().add_suffix("_seed_sd")
    table = losses.mean().join(spread).assign(n_seeds=grouped.seed.nunique(), subset="all").reset_index()
    values = [f"{name}{end}" for name in _LOSSES for end in ("", "_seed_sd")]
    return table[[*IDENTITY, "loss", *values, "note"]]


def parameters(plan: Plan, _: str) -> dict[str, Any]:
    """Return the trainings, and which published numbers stand beside them."""
    return {
        "trainings": [row.plain() for row in plan.evaluations.trained],
        "published": plan.config.evaluation.published,
        "numbers": published_digest(),
    }


def tabulate(_: Inputs, parameters: Parameters) -> pd.DataFrame:
    """Return the table."""
    from stembench.reporting.published import beside_published

    return beside_published(loss_table(parameters["trainings"]), "loss", parameters["published"])


def caption(plan: Plan, _: str) -> str:
    """Return the caption."""
    return (
        "The loss that each training ended with, as a mean over the images of its last epoch, on training and on "
        "validation images; losses of different kinds cannot be compared. `paper_*` are printed numbers, of AtomSegNet "
        "after 200 epochs of its own set."
    )


TABLE = Table(
    subjects=once(lambda plan: plan.evaluations.trained, "loss"),
    inputs=lambda plan, _: {"records": plan.evaluations.records(plan.evaluations.trained)},
    parameters=parameters,
    tabulate=tabulate,
    caption=caption,
    needs="a network that is trained",
)
