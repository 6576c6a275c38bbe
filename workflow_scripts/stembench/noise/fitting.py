"""The noise parameters of one image, by indirect inference (Gourieroux et al. 1993, doi 10.1002/jae.3950080507).

The published decomposition also measures the signal: a noise-free Si [110] lattice alone gives a scan slope of 0.03 to
0.12. Therefore the parameters are those whose synthetic images show the same raw statistics as the real one, a
synthetic image being the real one's lattice with noise on it; a clean lattice then fits zero.
"""

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields

import numpy as np
import scipy  # whose `stats` takes long to load: it does where it is used

from stembench.noise.calibrated import (
    NoiseParameters,
    smooth_gradient,
    tukey_variates,
    uniform_variates,
    unit_streaks,
)
from stembench.noise.decomposition import PatchStatistics, tukey_shape
from stembench.noise.lattice import lattice_estimate
from stembench.noise.patches import resampled

_SYNTHETIC_PIXELS = 2**20  # of all synthetic images together: their noise adds an eighth to the error at 512 x 512 px
_SYNTHETIC_IMAGES = 2, 8  # at least, so that an estimate's lattice can have noise it has not seen, and at most
_STEPS, _STEPS_AGAIN = 5, 2
_GRADIENTS = (20.0, 60.0)  # where the scan line is compared
_GREYS = (64.0, 192.0)  # where the pointwise line is compared
_TUKEY_RANGE = (-0.4, 1.0)
_UNTOLD = 1e-3  # of the largest singular value: what statistics tell less of, the shape of no noise, stays put


@dataclass(frozen=True)
class NoiseFit:
    """Noise parameters of one image with their uncertainty.

    Attributes
    ----------
    parameters : NoiseParameters
        The estimate.
    standard_errors : dict of str to float
        By parameter.
    patches : int
        Over which they were bootstrapped.
    """

    parameters: NoiseParameters
    standard_errors: dict[str, float]
    patches: int

    def interval(self, name: str) -> tuple[float, float]:
        """95 % confidence interval of a parameter."""
        estimate = getattr(self.parameters, name)
        half = scipy.stats.t.ppf(0.975, self.patches - 1) * self.standard_errors[name]
        return estimate - half, estimate + half


class _Synthetic:
    """Images of a lattice under noise that is drawn once: unit streaks and uniform variates, which parameters scale."""

    def __init__(self, lattice: np.ndarray, *noises: tuple[np.ndarray, np.ndarray]) -> None:
        self.lattice, self.noises = lattice, noises
        self.gradient = smooth_gradient(lattice)

    def images(self, parameters: NoiseParameters) -> Iterator[np.ndarray]:
        scan_sd = parameters.scan_sd(self.gradient)
        for streaks, u in self.noises:
            scanned = self.lattice + streaks * scan_sd
            yield scanned + parameters.pointwise_sd(scanned) * tukey_variates(u, parameters.tukey_lambda)

    def statistics(self, parameters: NoiseParameters) -> list[PatchStatistics]:
        return [PatchStatistics.of(image) for image in self.images(parameters)]


def fit_parameters(grey: np.ndarray, rng: np.random.Generator) -> NoiseFit:
    """Parameters whose synthetic images on the same lattice have the raw statistics of `grey`.

    What the estimate of the lattice misses of the signal, and what it keeps of the noise, is learnt from the synthetic
    images, whose lattice is known: the raw statistics differ between synthetic images on the lattice and synthetic
    images on the lattices estimated from them, and as much is taken off. Standard errors are of a bootstrap over
    patches, the same patches of real and synthetic images.

    Parameters
    ----------
    grey : ndarray, shape (rows, columns)
        Grey levels, 0 to 255, scanned along the rows.
    rng : numpy.random.Generator
        Of the synthetic images and the bootstrap.

    Raises
    ------
    InputError
        If too few grey levels or gradients are seen.
    """
    count = int(np.clip(_SYNTHETIC_PIXELS // grey.size, *_SYNTHETIC_IMAGES))
    noises = [(unit_streaks(grey.shape, rng), uniform_variates(grey.shape, rng)) for _ in range(count)]
    lattice = lattice_estimate(grey)
    real, synthetic = PatchStatistics.of(grey), _Synthetic(lattice, *noises)

    def shown(state: np.ndarray) -> np.ndarray:
        return _levels(synthetic.statistics(_parameters(state)))

    wanted, signal = _levels([real]), _levels([PatchStatistics.of(lattice)])
    state = _bounded(np.append(wanted[:4] - signal[:4], wanted[4]))
    to_state = _inverse(_jacobian(shown, state), state)
    for _ in range(_STEPS):
        state = _bounded(state + to_state @ (wanted - shown(state)))
    parameters = _parameters(state)
    drawn = synthetic.statistics(parameters)
    estimates = [lattice_estimate(image) for image in synthetic.images(parameters)]
    others = noises[1:] + noises[:1]  # noise that an estimate has not seen
    again = [each for pair in zip(estimates, others) for each in _Synthetic(*pair).statistics(parameters)]
    wanted = wanted + _levels(again) - _levels(drawn)
    for _ in range(_STEPS_AGAIN):
        state = _bounded(state + to_state @ (wanted - shown(state)))
    drawn = synthetic.statistics(_parameters(state))

    weights = resampled(real.patches, rng)
    differences = _levels([real], weights) - 2 * _levels(drawn, weights) + _levels(again, weights)
    differences = differences - differences.mean(0)  # what is left of the root, and is none of the spread
    samples = np.array([astuple(_parameters(each)) for each in _bounded(state + differences @ to_state.T)])
    errors = samples.std(0, ddof=1) * np.sqrt(real.patches / (real.patches - 1))
    names = [field.name for field in fields(NoiseParameters)]
    return NoiseFit(_parameters(state), dict(zip(names, errors.tolist())), real.patches)


def _jacobian(shown: Callable[[np.ndarray], np.ndarray], state: np.ndarray) -> np.ndarray:
    """Of `shown`, by differences that its common random numbers make exact."""
    here = shown(state)
    steps = np.append(np.maximum(0.1 * state[:4], 0.1), 0.05)
    return np.column_stack([(shown(state + np.eye(5)[i] * step) - here) / step for i, step in enumerate(steps)])


def _inverse(jacobian: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Its pseudoinverse, in units of each variance, at least of a grey level squared."""
    units = np.append(np.maximum(state[:4], 1), 1)
    return units[:, None] * np.linalg.pinv(jacobian * units / units[:, None], rcond=_UNTOLD) / units


def _levels(statistics: list[PatchStatistics], weights: np.ndarray | None = None) -> np.ndarray:
    """What is compared, mean over images, shape (..., 5): variances at two gradients and two grey levels, and the Tukey
    lambda of all pixels."""
    weights = np.ones(statistics[0].patches) if weights is None else weights
    variances = []
    for each in statistics:
        lines = (each.scan.line(weights), _GRADIENTS), (each.pointwise.line(weights), _GREYS)
        sds = np.stack([intercept + slope * at for (slope, intercept), places in lines for at in places], axis=-1)
        variances.append(sds * np.abs(sds))
    shapes = np.apply_along_axis(tukey_shape, -1, weights @ sum(each.histogram for each in statistics))
    return np.concatenate([np.mean(variances, axis=0), shapes[..., None]], axis=-1)


def _bounded(state: np.ndarray) -> np.ndarray:
    return np.clip(state, [0, 0, 0, 0, _TUKEY_RANGE[0]], [np.inf] * 4 + [_TUKEY_RANGE[1]])


def _parameters(state: np.ndarray) -> NoiseParameters:
    sds = np.sqrt(state[:4])
    scan_slope, pointwise_slope = (sds[1] - sds[0]) / np.ptp(_GRADIENTS), (sds[3] - sds[2]) / np.ptp(_GREYS)
    return NoiseParameters(
        scan_slope=float(scan_slope),
        scan_intercept=float(sds[0] - scan_slope * _GRADIENTS[0]),
        pointwise_slope=float(pointwise_slope),
        pointwise_intercept=float(sds[2] - pointwise_slope * _GREYS[0]),
        tukey_lambda=float(state[4]),
    )
