"""Confidence intervals by bootstrap over training seeds and over images, or the structures or blocks that these share.

Many comparisons find some difference by chance; `discoveries` corrects for their number.
"""

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd
import scipy  # whose `stats` takes long to load: it does where it is used

#: Fewer units than this give no interval.
MIN_UNITS = 5
#: Share of differences called significant that are none.
FALSE_DISCOVERIES = 0.05

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
    def of(cls, sums: pd.DataFrame, metrics: Metrics, resamplings: int, method: str = "") -> "Resampled":
        """Parameters as for `with_intervals`; training seeds of each `method` are drawn on their own."""
        names = [name for name in sums if name not in ("unit", "seed")]
        cells = (
            sums.assign(seed=sums.get("seed", 0))
            .groupby(["unit", "seed"], sort=True)[names]
            .sum()
            .unstack(fill_value=0)
        )
        units, seeds = cells.index, cells.columns.unique("seed")
        values = cells.to_numpy(float).reshape(len(units), len(names), len(seeds))
        weights, seed_weights = np.ones((1, len(units))), np.ones((1, len(seeds)))
        if len(units) >= MIN_UNITS:
            weights = np.vstack([weights, _draws(len(units), resamplings, 0)])
            seed_weights = np.vstack([seed_weights, _draws(len(seeds), resamplings, (1, crc32(method.encode())))])
        drawn = np.einsum("ru,ucs,rs->rc", weights, values, seed_weights, optimize=True)
        found = metrics(pd.DataFrame(drawn, columns=names))
        return cls(frozenset(units), found.iloc[0], found.iloc[1:].reset_index(drop=True))


def _draws(number: int, resamplings: int, stream: int | tuple[int, int]) -> np.ndarray:
    """How often each of some things is drawn in each sample of as many; the same for the same number and stream."""
    return np.random.default_rng(stream).multinomial(number, np.full(number, 1 / number), size=resamplings)


def with_intervals(sums: pd.DataFrame, metrics: Metrics, resamplings: int) -> dict[str, float]:
    """Each metric with its 95 % interval.

    Parameters
    ----------
    sums : DataFrame
        A row an image and training seed: what `metrics` needs; `unit`, which is what is resampled (images of one unit
        stay together: noise draws of a structure are not independent images); and `seed` where there are several, which
        are resampled as well.
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
        `difference`, ours less theirs, with its 95 % interval `low` and `high`; `p`, how probable one as far from 0 on
        either side would be by chance (nan without an interval); `gain_percent`, ours over theirs less one, and theirs
        over ours less one where lower is better.

    Raises
    ------
    ValueError
        If the two are not of the same units.
    """
    if ours.units != theirs.units:
        raise ValueError("a paired difference needs the same images for both methods")
    a, b = float(ours.value[metric]), float(theirs.value[metric])
    drawn = ours.drawn[metric] - theirs.drawn[metric]
    drawn = drawn.dropna()
    low, high = float(drawn.quantile(0.025)), float(drawn.quantile(0.975))
    beyond = min((drawn <= 0).sum(), (drawn >= 0).sum())
    better, worse = (b, a) if lower_is_better else (a, b)
    return {
        "difference": a - b,
        "low": low,
        "high": high,
        "p": min(1.0, 2 * (beyond + 1) / (len(drawn) + 1)) if len(drawn) else np.nan,
        "gain_percent": 100 * (better / worse - 1) if worse else np.nan,
    }


def discoveries(p: np.ndarray) -> np.ndarray:
    """Which of many differences are significant, when of those called so at most `FALSE_DISCOVERIES` are none.

    Source: Benjamini & Hochberg, J. R. Stat. Soc. B 57, 289 (1995), doi 10.1111/j.2517-6161.1995.tb02031.x: the k
    smallest, for the largest k whose p is at most k / n times that share.

    Parameters
    ----------
    p : ndarray, shape (n,)
        Probability of each by chance; nan where none is known.

    Returns
    -------
    ndarray of object, shape (n,)
        True or False; None where p is nan.
    """
    known = np.isfinite(p)
    significant = np.full(len(p), None, object)
    if known.any():
        significant[known] = scipy.stats.false_discovery_control(p[known]) <= FALSE_DISCOVERIES
    return significant
