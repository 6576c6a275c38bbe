"""Models of what is not known of a found column: whether it is one, and how far it lies from where it was found.

They are fitted to columns whose truth is known and see a column through numbers that any image gives, each held to the
range it was fitted in, so that nothing is extrapolated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit

#: Part of the errors that lie within the stated half-width: that of one standard deviation of a normal distribution.
COVERED = 0.6827

_FOLDS = 5
_RIDGE = 1e-3
# Part of the columns at either end of a feature that are taken as its ends: false ones stand there, and are few.
_OUTERMOST, _FALSE = 0.01, 0.001
_LEAST = 1e-6  # features are logarithms of numbers that are at least this
_RELIABILITY_BINS, _NOISE_BINS = 60, 6  # at most
_LEAST_VARIANCE = 4.0  # of the number of true columns in a bin of confidence
_FEWEST = 50  # columns that a bin of noise holds


@dataclass(frozen=True)
class Terms:
    """Second-order polynomials of the logarithms of some features.

    Attributes
    ----------
    features : tuple of str
        Columns of the tables.
    low, high : tuple of float
        Ends that each logarithm is held between; they become -1 and 1.
    """

    features: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def of(cls, columns: pd.DataFrame, features: Sequence[str], outermost: float = _OUTERMOST) -> Terms:
        """Between the ends that some columns reach, a part `outermost` of them left out at each."""
        logs = _logarithms(columns, features)
        ends = [outermost, 1 - outermost]
        low, high = np.quantile(logs, ends, axis=0) if len(logs) else np.zeros((2, logs.shape[1]))
        return cls(tuple(features), tuple(low.tolist()), tuple(high.tolist()))

    def __call__(self, columns: pd.DataFrame) -> np.ndarray:
        """Shape (columns, terms): 1, the features, their products and their squares."""
        low, high = np.array(self.low), np.array(self.high)
        held = np.clip(_logarithms(columns, self.features), low, high)
        scaled = (2 * held - low - high) / np.maximum(high - low, _LEAST)
        one = np.column_stack([np.ones(len(scaled)), scaled])
        first, second = np.triu_indices(one.shape[1])
        return one[:, first] * one[:, second]


def _logarithms(columns: pd.DataFrame, features: Sequence[str]) -> np.ndarray:
    return np.log(np.fmax(columns[list(features)].to_numpy(float), _LEAST))


@dataclass(frozen=True)
class Confidence:
    """Probability that a found column is one.

    A logistic model of `terms`, whose log-odds `knots` an isotonic regression on columns of other structures than it
    was fitted to takes to `probabilities`, linear in between.
    """

    terms: Terms
    weights: tuple[float, ...]
    knots: tuple[float, ...]
    probabilities: tuple[float, ...]

    @classmethod
    def fit(cls, columns: pd.DataFrame, features: Sequence[str], true: np.ndarray, groups: np.ndarray) -> Confidence:
        """From found columns.

        Parameters
        ----------
        columns : DataFrame
            Their features.
        features : sequence of str
            Which the model sees.
        true : ndarray of bool, shape (columns,)
            Whether each is a column.
        groups : ndarray, shape (columns,)
            What belongs together (structures): none is in what the logistic model was fitted to, when it is calibrated.
        """
        terms = Terms.of(columns, features, _FALSE)
        seen, outcome = terms(columns), np.asarray(true, float)
        odds = np.empty(len(seen))
        for out in _folds(groups):
            odds[out] = seen[out] @ _logistic(seen[~out], outcome[~out])
        # Of equal variance of what they count: narrow where columns and false ones are mixed, however few these are.
        bins = _bins(odds, expit(odds) * expit(-odds), _LEAST_VARIANCE, _RELIABILITY_BINS)
        # Of n columns that were all true, or false, the next one may be otherwise: as often as the logistic model says.
        counted = [(outcome[rows].sum() + 2 * expit(odds[rows]).mean()) / (len(rows) + 2) for rows in bins]
        rising = isotonic_regression(counted, weights=[len(rows) for rows in bins]).x if bins else np.array([0.5])
        knots = [float(odds[rows].mean()) for rows in bins] or [0.0]
        return cls(terms, tuple(_logistic(seen, outcome).tolist()), tuple(knots), tuple(rising.tolist()))

    def __call__(self, columns: pd.DataFrame) -> np.ndarray:
        """Of found columns, shape (columns,)."""
        return np.interp(self.terms(columns) @ self.weights, self.knots, self.probabilities)

    def to_dict(self) -> dict:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict) -> Confidence:
        """From what `to_dict` gave."""
        return cls(**_plain_tuples(plain))


@dataclass(frozen=True)
class HalfWidth:
    """Half of the 68.27 % interval of a coordinate of a found column [pm].

    A scale exp(terms * weights), of greatest likelihood for exponentially distributed errors, times the factor that
    makes the interval cover: the conformal quantile of errors over scales of columns of other structures, in bins of
    the images' noise level, between whose medians `levels` (logarithms) `factors` (logarithms) are interpolated.
    Source: Papadopoulos et al. (2011), Regression conformal prediction with nearest neighbours, JAIR 40, 815-840,
    for errors normalised by a model of their scale.
    """

    terms: Terms
    weights: tuple[float, ...]
    levels: tuple[float, ...]
    factors: tuple[float, ...]

    @classmethod
    def fit(cls, columns: pd.DataFrame, features: Sequence[str], errors: np.ndarray, groups: np.ndarray) -> HalfWidth:
        """From columns that are true.

        Parameters
        ----------
        columns : DataFrame
            Their features, and `noise`.
        features : sequence of str
            Which the model sees.
        errors : ndarray, shape (columns, 2)
            Of x and y [pm].
        groups : ndarray, shape (columns,)
            As for `Confidence.fit`.
        """
        terms = Terms.of(columns, features)
        seen, sizes = terms(columns), np.abs(errors)
        ratios = np.empty(errors.shape)
        for out in _folds(groups):
            ratios[out] = sizes[out] / np.exp(seen[out] @ _log_scale(seen[~out], sizes[~out]))[:, None]
        noise = _logarithms(columns, ["noise"])[:, 0]
        bins = _bins(noise, np.ones(len(noise)), _FEWEST, _NOISE_BINS)
        levels = [float(np.median(noise[rows])) for rows in bins]
        factors = [float(np.log(max(_conformal_quantile(ratios[rows].ravel()), _LEAST))) for rows in bins]
        weights = tuple(_log_scale(seen, sizes).tolist())
        return cls(terms, weights, tuple(levels or [0.0]), tuple(factors or [0.0]))

    def __call__(self, columns: pd.DataFrame) -> np.ndarray:
        """Of found columns, shape (columns,) [pm]."""
        factor = np.interp(_logarithms(columns, ["noise"])[:, 0], self.levels, self.factors)
        return np.exp(self.terms(columns) @ self.weights + factor)

    def to_dict(self) -> dict:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict) -> HalfWidth:
        """From what `to_dict` gave."""
        return cls(**_plain_tuples(plain))


def _plain_tuples(plain: dict) -> dict:
    terms = Terms(**{name: tuple(values) for name, values in plain["terms"].items()})
    return {name: tuple(values) for name, values in plain.items() if name != "terms"} | {"terms": terms}


def _folds(groups: np.ndarray) -> list[np.ndarray]:
    """Masks of what is left out in turn: each group once, or each column where all are of one group.

    Neighbouring groups are left out together: a dataset goes through its materials in turn, and none is left out whole.
    """
    _, numbers = np.unique(groups, return_inverse=True)
    if numbers.max(initial=0) < 1:
        numbers = np.arange(len(groups))
    folds = numbers * _FOLDS // (numbers.max(initial=0) + 1)
    return [folds == fold for fold in np.unique(folds)]


def _bins(values: np.ndarray, weights: np.ndarray, least: float, most: int) -> list[np.ndarray]:
    """Indices of ascending values, in at most so many bins of equal weight, which is at least `least` if it can be."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    number = int(np.clip(weights.sum() // least, 1, most))
    ends = np.searchsorted(reached, weights.sum() * np.arange(1, number) / number)
    return [rows for rows in np.split(order, ends) if len(rows)]


def _conformal_quantile(ratios: np.ndarray) -> float:
    """The quantile that covers the next one with probability `COVERED`."""
    rank = int(np.ceil((len(ratios) + 1) * COVERED))
    return float(np.sort(ratios)[min(rank, len(ratios)) - 1])


def _logistic(seen: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """Weights of greatest likelihood, held back a little."""

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        odds = seen @ weights
        value = np.mean(np.logaddexp(0, odds) - outcome * odds)
        return value + _RIDGE * weights @ weights, seen.T @ (expit(odds) - outcome) / len(odds) + 2 * _RIDGE * weights

    return _minimum(loss, seen)


def _log_scale(seen: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Weights of the logarithm of the mean size, of greatest likelihood for exponentially distributed sizes."""
    mean = sizes.mean(axis=1) if len(sizes) else np.empty(0)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        log_scale = seen @ weights
        ratio = mean * np.exp(-log_scale)
        value = np.mean(log_scale + ratio)
        return value + _RIDGE * weights @ weights, seen.T @ (1 - ratio) / len(mean) + 2 * _RIDGE * weights

    return _minimum(loss, seen)


def _minimum(loss: Callable[[np.ndarray], tuple[float, np.ndarray]], seen: np.ndarray) -> np.ndarray:
    start = np.zeros(seen.shape[1])
    return minimize(loss, start, jac=True, method="L-BFGS-B").x if len(seen) else start
