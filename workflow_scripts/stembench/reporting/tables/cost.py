"""What training each network took, and what applying it takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stembench.reporting.base import Table, once

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan

_APPLIED = ("macs_per_px", "inference_ms_per_megapixel", "peak_memory_mib", "image_px", "threads", "device")


def cost_table(trainings: Sequence[dict]) -> pd.DataFrame:
    """Return what training each network took, and what applying it takes.

    Parameters
    ----------
    trainings : sequence of dict
        For each its `folder` (with `model.json` and `history.csv`), its `cost` (the JSON of
        `evaluation.inference_cost`, empty where there was nothing to measure) and the row's beginning, as for
        `read_detection`.
    """
    import pandas as pd

    from stembench.products import read_json
    from stembench.reporting.tabulation import IDENTITY, METHOD

    rows = []
    for training in trainings:
        record = read_json(Path(training["folder"]) / "model.json")
        history = pd.read_csv(Path(training["folder"]) / "history.csv")
        sizes = ("samples_seen", "crop_px", "batch_images", "precision")
        known = {key: record.get("training", {}).get(key) for key in sizes}
        known |= {"parameters": record["parameters"], "training_s": history.seconds.sum()}
        measured = read_json(training["cost"])
        known |= {key: measured.get(key) for key in _APPLIED}
        rows.append(training | known | {"note": record.get("not_trained", record.get("note"))})
    table = pd.DataFrame(rows)
    identity = list(METHOD)
    grouped = table.groupby([*identity, "crop_px", "batch_images", "precision"], sort=False, dropna=False)
    table = grouped.agg(
        n_seeds=("seed", "nunique"),
        parameters=("parameters", "first"),
        samples_seen=("samples_seen", "first"),
        training_s=("training_s", "mean"),
        training_s_seed_sd=("training_s", "std"),
        **{key: (key, "first") for key in _APPLIED},
    ).reset_index()
    table.insert(table.columns.get_loc(_APPLIED[0]), "samples_per_s", table.samples_seen / table.training_s)
    table = table.assign(testset="", subset="all")
    return table[[*IDENTITY, *(column for column in table if column not in (*IDENTITY, "note")), "note"]]


def inputs(plan: Plan, _: str) -> dict[str, Any]:
    """Return the records of trainings, and what applying their networks was measured to cost."""
    rows = plan.evaluations.trained
    return {"records": plan.evaluations.records(rows), "measured": sorted({str(row.cost) for row in rows})}


def caption(plan: Plan, _: str) -> str:
    """Return the caption."""
    return (
        "The cost of each network: parameters; in training crops seen, wall time and crops per second; applied to one "
        "image of `image_px` by `image_px` pixels, multiply-adds per pixel of the image (`macs_per_px`: convolutions, "
        "matrix products, attention, and Fourier transforms by half of 5 N log2 N; 1e6 times as many per megapixel), "
        "the median time of several passes, and the most memory that was held beyond the network, on `device` (on a "
        "CPU by `threads` threads and of the process's resident memory, beside whatever else ran there). Networks of "
        "one task see the same samples, as many of them. What could not be trained is blank."
    )


TABLE = Table(
    subjects=once(lambda plan: plan.evaluations.trained, "cost"),
    inputs=inputs,
    parameters=lambda plan, _: {"trainings": [row.plain() for row in plan.evaluations.trained]},
    tabulate=lambda _, parameters: cost_table(parameters["trainings"]),
    caption=caption,
    needs="a network that is trained",
)
