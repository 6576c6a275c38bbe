"""How honest confidence and error bars were on images whose truth is known."""

import numpy as np
import pandas as pd
from scipy.stats import beta

from stembench.evaluation.tuning import NO_DOSE

#: Where positions come from: the network's map, or a fit from there.
ESTIMATORS = ("network", "refined")
#: Columns of the table of `characterisation.judge`, and what they hold.
JUDGED: dict[str, type] = {"sample": int, "structure": int, "dose": str, "noise": float, "true": bool, "resolved": bool}
JUDGED |= {"confidence": float}
JUDGED |= {f"{name}_{what}_pm": float for name in ESTIMATORS for what in ("uncertainty", "error_x", "error_y")}

_COVERAGE = (
    *("dose", "estimator", "columns", "covered", "covered_x", "covered_y", "covered_resolved"),
    *("rmse_pm", "uncertainty_pm"),
)
_BINS = 10


def nothing_judged() -> pd.DataFrame:
    """The table of `judge` without rows."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in JUDGED.items()})


def coverage(judged: pd.DataFrame) -> pd.DataFrame:
    """How many true columns' coordinates lie within their stated half-width of the truth.

    Parameters
    ----------
    judged : DataFrame
        Of `characterisation.judge`.

    Returns
    -------
    DataFrame
        A row a dose, from the lowest, and one for `all`, of each of `ESTIMATORS`: `dose`, `estimator`, `columns`,
        the parts `covered`, `covered_x`, `covered_y` and `covered_resolved` (of columns that are resolved), the root
        mean square error `rmse_pm` of a coordinate, and the median half-width `uncertainty_pm`.
    """
    true = judged[judged.true]
    doses = sorted(true.dose.unique(), key=lambda dose: -1.0 if dose == NO_DOSE else float(dose))
    rows = []
    for dose in [*doses, "all"] if len(true) else []:
        for name in ESTIMATORS:
            part = true if dose == "all" else true[true.dose == dose]
            errors = part[[f"{name}_error_x_pm", f"{name}_error_y_pm"]].to_numpy()
            half_width = part[f"{name}_uncertainty_pm"].to_numpy()
            within = np.abs(errors) <= half_width[:, None]
            row = {"dose": dose, "estimator": name, "columns": len(part), "covered": within.mean()}
            row |= {"covered_x": within[:, 0].mean(), "covered_y": within[:, 1].mean()}
            row |= {"covered_resolved": within[part.resolved].mean() if part.resolved.any() else np.nan}
            row |= {"rmse_pm": np.sqrt(np.mean(errors**2)), "uncertainty_pm": np.median(half_width)}
            rows.append(row)
    return pd.DataFrame(rows, columns=list(_COVERAGE))


def reliability(judged: pd.DataFrame) -> pd.DataFrame:
    """Stated confidence against the part of the found columns that are true.

    Parameters
    ----------
    judged : DataFrame
        Of `characterisation.judge`.

    Returns
    -------
    DataFrame
        A row a tenth of the range of confidence that holds columns: their number `columns`, mean `confidence`, the
        part `true`, and its exact 95 % interval `low` and `high` (Clopper and Pearson (1934), Biometrika 26, 404).
    """
    bins = np.minimum((judged.confidence * _BINS).astype(int), _BINS - 1)
    rows = judged.groupby(bins).agg(columns=("true", "size"), confidence=("confidence", "mean"), hits=("true", "sum"))
    low = beta.ppf(0.025, rows.hits, rows["columns"] - rows.hits + 1)
    high = beta.ppf(0.975, rows.hits + 1, rows["columns"] - rows.hits)
    intervals = {"low": np.nan_to_num(low, nan=0.0), "high": np.nan_to_num(high, nan=1.0)}
    return rows.assign(true=rows.hits / rows["columns"], **intervals).drop(columns="hits").reset_index(drop=True)
