"""Confidence intervals by bootstrap over images, or over the structures or blocks that images share."""

from collections.abc import Callable

import numpy as np
import pandas as pd

#: Fewer units than this give no interval.
MIN_UNITS = 5

Metrics = Callable[[pd.DataFrame], pd.DataFrame]


def with_intervals(sums: pd.DataFrame, metrics: Metrics, resamplings: int) -> dict[str, float]:
    """Each metric with its 95 % interval.

    Parameters
    ----------
    sums : DataFrame
        A row an image: what `metrics` needs, and `unit`, which is what is resampled (images of one unit stay together:
        noise draws of a structure are not independent images).
    metrics : callable
        From sums to metrics, a row for a row.
    resamplings : int
        Bootstrap samples.

    Returns
    -------
    dict
        `{metric}`, `{metric}_low`, `{metric}_high`; nan where there is nothing to divide by, and for the interval of
        fewer than `MIN_UNITS` units, which would claim too much.
    """
    values, drawn = metrics(_total(sums)).iloc[0], metrics(_resampled(sums, resamplings))
    if sums.unit.nunique() < MIN_UNITS:
        drawn = drawn * np.nan
    low, high = drawn.quantile(0.025), drawn.quantile(0.975)
    return {
        key: float(value)
        for name in values.index
        for key, value in ((name, values[name]), (f"{name}_low", low[name]), (f"{name}_high", high[name]))
    }


def paired_difference(
    ours: pd.DataFrame, theirs: pd.DataFrame, metrics: Metrics, metric: str, resamplings: int
) -> dict[str, float]:
    """`difference` of a metric between two methods on the same images, with its interval `low` and `high`.

    Raises
    ------
    ValueError
        If the two are not of the same units.
    """
    if set(ours.unit) != set(theirs.unit):
        raise ValueError("a paired difference needs the same images for both methods")
    value = metrics(_total(ours))[metric].iloc[0] - metrics(_total(theirs))[metric].iloc[0]
    drawn = metrics(_resampled(ours, resamplings))[metric] - metrics(_resampled(theirs, resamplings))[metric]
    if ours.unit.nunique() < MIN_UNITS:
        drawn = drawn * np.nan
    return {"difference": float(value), "low": float(drawn.quantile(0.025)), "high": float(drawn.quantile(0.975))}


def _total(sums: pd.DataFrame) -> pd.DataFrame:
    return sums.drop(columns="unit").sum().to_frame().T


def _resampled(sums: pd.DataFrame, resamplings: int) -> pd.DataFrame:
    """Sums over bootstrap samples; the same draws for the same units."""
    units = sums.groupby("unit", sort=True).sum()
    draws = np.random.default_rng(0).multinomial(len(units), np.full(len(units), 1 / len(units)), size=resamplings)
    return pd.DataFrame(draws @ units.to_numpy(), columns=units.columns)
