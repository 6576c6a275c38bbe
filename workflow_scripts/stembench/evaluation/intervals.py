"""Confidence intervals by bootstrap over images, or over the structures or blocks that images share."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

#: Fewer units than this give no interval.
MIN_UNITS = 5

Metrics = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Resampled:
    """Metrics of a method on a set of images, and on bootstrap samples of these.

    Attributes
    ----------
    units : frozenset
        What was resampled.
    value : Series
        Each metric of the set.
    drawn : DataFrame
        Of each bootstrap sample, a row; the same samples for the same units, and none for fewer than `MIN_UNITS`.
    """

    units: frozenset
    value: pd.Series
    drawn: pd.DataFrame

    @classmethod
    def of(cls, sums: pd.DataFrame, metrics: Metrics, resamplings: int) -> "Resampled":
        """Parameters as for `with_intervals`."""
        units = sums.groupby("unit", sort=True).sum()
        weights = np.ones((1, len(units)))
        if len(units) >= MIN_UNITS:
            equal = np.full(len(units), 1 / len(units))
            draws = np.random.default_rng(0).multinomial(len(units), equal, size=resamplings)
            weights = np.vstack([weights, draws])
        values = metrics(pd.DataFrame(weights @ units.to_numpy(), columns=units.columns))
        return cls(frozenset(units.index), values.iloc[0], values.iloc[1:].reset_index(drop=True))


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
    resampled = Resampled.of(sums, metrics, resamplings)
    low, high = resampled.drawn.quantile(0.025), resampled.drawn.quantile(0.975)
    return {
        key: float(value)
        for name, of_all in resampled.value.items()
        for key, value in ((name, of_all), (f"{name}_low", low[name]), (f"{name}_high", high[name]))
    }


def paired_difference(ours: Resampled, theirs: Resampled, metric: str, *, lower_is_better: bool = False) -> dict:
    """How two methods differ in a metric on the same images.

    Returns
    -------
    dict
        `difference`, ours less theirs, with its 95 % interval `low` and `high`, and whether that leaves out 0
        (`significant`; None without an interval); `gain_percent`, ours over theirs less one, and theirs over ours less
        one where lower is better.

    Raises
    ------
    ValueError
        If the two are not of the same units.
    """
    if ours.units != theirs.units:
        raise ValueError("a paired difference needs the same images for both methods")
    a, b = float(ours.value[metric]), float(theirs.value[metric])
    drawn = ours.drawn[metric] - theirs.drawn[metric]
    low, high = float(drawn.quantile(0.025)), float(drawn.quantile(0.975))
    better, worse = (b, a) if lower_is_better else (a, b)
    return {
        "difference": a - b,
        "low": low,
        "high": high,
        "significant": None if np.isnan(low) else not low <= 0 <= high,
        "gain_percent": 100 * (better / worse - 1) if worse else np.nan,
    }
