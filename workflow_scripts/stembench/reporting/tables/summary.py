"""The headline numbers of every network and baseline, one row each, from the other tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from stembench.config.networks import Task
from stembench.evaluation.rows import Kind
from stembench.reporting.base import Inputs, Parameters, Table

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan

#: Rows that the table holds at most.
MOST = 30
#: Doses of F1 [counts per pixel at the peak].
DOSES = (3, 10)

_KEY = ["method", "task", "train_dataset"]
_ENDS = ("", "_low", "_high", "_seed_sd")
_TASKS = ("localise", "denoise_background", *get_args(Task))  # those that are scored come first


def testset_of(plan: Plan) -> str:
    """Return the test set that methods are scored on: the first simulated one."""
    return plan.evaluations.simulated_testsets[0]


def candidates(plan: Plan) -> list[dict[str, Any]]:
    """Return the beginning of the row of every network, finder and filter, by task and kind."""
    testset, seeds = testset_of(plan), dict[tuple, set[int]]()
    scored = [row for row in (*plan.evaluations.detection, *plan.evaluations.enhancement) if row.testset == testset]
    for row in (*scored, *plan.evaluations.trained):
        known = (row.method, row.kind, row.task, row.train_dataset, row.scale, row.width)
        seeds.setdefault(known, set()).add(row.seed)
    names = ("method", "kind", "task", "train_dataset", "scale", "width")
    rows = [dict(zip(names, known), n_seeds=len(found)) for known, found in seeds.items()]
    rows.sort(key=lambda row: (_TASKS.index(row["task"]), get_args(Kind).index(row["kind"])))
    return [row | {"testset": testset, "subset": "all"} for row in rows]


def subjects(plan: Plan) -> dict[str, str]:
    """Return the table, where there is a test set."""
    return {"summary": ""} if plan.evaluations.simulated_testsets else {}


def inputs(plan: Plan, _: str) -> dict[str, Any]:
    """Return the tables that numbers are taken from."""
    made = {
        "detection": plan.evaluations.detection,
        "enhancement": plan.evaluations.enhancement,
        "enhancement_comparison": plan.evaluations.enhancement,
        "cost": plan.evaluations.trained,
    }
    return {name: plan.layout.table(name)[0] for name, rows in made.items() if rows}


def summary(rows: list[dict], tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the table.

    Parameters
    ----------
    rows : list of dict
        The beginning of each row.
    tables : mapping of DataFrame
        Of `detection`, `enhancement`, `enhancement_comparison` and `cost` those that there are.
    """
    import pandas as pd

    from stembench.reporting.tabulation import by_default

    table = pd.DataFrame(rows).set_index(_KEY, drop=False)
    testset = rows[0]["testset"]

    def add(found: pd.DataFrame, columns: Mapping[str, str]) -> None:
        """Add columns under the names that they are mapped to; they are blank for methods that are not found."""
        known = found.fillna({"train_dataset": ""}).drop_duplicates(_KEY).set_index(_KEY)
        for column, name in columns.items():
            table[name] = known[column].reindex(table.index)

    if "detection" in tables:
        found = by_default(tables["detection"][tables["detection"].testset == testset])
        for dose in DOSES:
            at = found[found.subset == f"counts_per_px={dose:g}"]
            add(at, {f"f1{end}": f"f1_at_{dose}_counts{end}" for end in _ENDS})
        add(found[found.subset == "all"], {f"rmse_over_crlb{end}": f"rmse_over_crlb{end}" for end in _ENDS})
    if "enhancement" in tables:
        gains = _gains(tables["enhancement"], tables["enhancement_comparison"], testset)
        add(gains, {"difference": "gain_db", "low": "gain_db_low", "high": "gain_db_high"})
    if "cost" in tables:
        add(tables["cost"], {"parameters": "parameters", "training_s": "training_s"})
    reasons = [each[[*_KEY, "note"]].dropna(subset="note") for each in tables.values() if "note" in each]
    add(pd.concat(reasons) if reasons else pd.DataFrame(columns=[*_KEY, "note"]), {"note": "note"})
    return table.reset_index(drop=True).fillna({"note": ""})


def _gains(enhancement: pd.DataFrame, comparison: pd.DataFrame, testset: str) -> pd.DataFrame:
    """Return how far the PSNR (gain and offset free) of each method exceeds that of the best filter [dB]."""
    import pandas as pd

    rows = enhancement[(enhancement.testset == testset) & (enhancement.subset == "all")]
    filters = rows[rows.kind == "baseline"]
    if filters.empty:
        return comparison.iloc[:0]
    images = filters.assign(total=filters.psnr_free_db * filters.n_images).groupby(["method", "task"], sort=False)
    psnr = images.total.sum() / images.n_images.sum()  # over all imaging modes
    best, _ = psnr.idxmax()
    gains = (psnr - psnr.max()).rename("difference").reset_index().assign(train_dataset="", low=np.nan, high=np.nan)
    whole = (comparison.testset == testset) & (comparison.subset == "all")
    return pd.concat([comparison[whole & (comparison.baseline == best) & (comparison.metric == "psnr_free_db")], gains])


def tabulate(inputs: Inputs, parameters: Parameters) -> pd.DataFrame:
    """Return the table."""
    import pandas as pd

    return summary(parameters["rows"], {name: pd.read_csv(path) for name, path in inputs.items()})


def caption(plan: Plan, _: str) -> str:
    """Return the caption."""
    left_out = len(candidates(plan)) - MOST
    return (
        f"The headline numbers of every network, finder and filter on the test set {testset_of(plan)}. "
        "`f1_at_3_counts` and `f1_at_10_counts`: F1 of columns found in images of 3 and 10 counts per pixel at the "
        "peak; maps of networks are read by tuned maxima. `rmse_over_crlb`: localisation error over the Cramér-Rao "
        "bound, in images whose noise is Poisson's alone. `gain_db`: PSNR, with gain and offset free, less that of the "
        "best tuned filter on the same images. `parameters` and `training_s`: size of a network, and seconds that its "
        "training took. Blank where a number is not defined. Brackets: 95 % bootstrap over structures and, where there "
        "are several, training seeds; SDs over seeds are in the CSV. The tables detection, enhancement and cost hold "
        "the rest."
        + (f" Left out here are {left_out} more networks and filters, of later tasks." if left_out > 0 else "")
    )


TABLE = Table(
    subjects=subjects,
    inputs=inputs,
    parameters=lambda plan, _: {"rows": candidates(plan)[:MOST]},
    tabulate=tabulate,
    caption=caption,
    needs="a simulated test set with images",
    category="At a glance",
)
