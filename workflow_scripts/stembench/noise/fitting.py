"""The noise parameters of one image, by indirect inference (Gourieroux et al. 1993, doi 10.1002/jae.3950080507).

The published decomposition also measures the signal: a noise-free Si [110] lattice alone gives a scan slope of 0.03 to
0.12. Displaced rows also look like scan noise. Therefore the parameters are those whose synthetic images show the same
raw statistics as the real one, a synthetic image being the real one's lattice with its rows displaced and noise on it:
a clean lattice fits zero, and streaks are what displaced rows leave.
"""

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields, replace

import numpy as np
import scipy  # whose `stats` takes long to load: it does where it is used

from stembench.noise.calibrated import STREAK_RANGE_PX, NoiseDraws, NoiseParameters, with_noise
from stembench.noise.lattice import lattice_estimate
from stembench.noise.observation import GREYS, Observation, Reference, Scale, levels
from stembench.noise.patches import resampled
from stembench.noise.physical import shifted_rows
from stembench.noise.solver import Solver
from stembench.noise.streaks import first_guess

_SYNTHETIC_PIXELS = 2**20  # of all synthetic images together: their noise adds an eighth to the error at 512 x 512 px
_SYNTHETIC_IMAGES = 2, 8  # at least, so that an estimate's lattice can have noise it has not seen, and at most
_JACOBIAN_PIXELS = 2**18
_STEPS, _STEPS_AGAIN = 6, 3
#: Of each parameter that a fit may give.
BOUNDS = {
    "tukey_lambda": (-0.4, 1.0),
    "streak_px": STREAK_RANGE_PX,
    "pixel_correlation": (-0.6, 0.9),
    "jitter_x_px": (0.0, np.inf),
    "jitter_y_px": (0.0, np.inf),
}
_SIGNIFICANCE = 3.0  # standard errors of its variance that tell row jitter from none
_LEAST_ERRORS = 0.03, 0.003, 1e-4  # of variances of noise, of correlations and lambda, of variances of displacements
_LEAST_FACTOR = 0.5
_OUTWEIGHED = 30.0  # so that correlations, which no model fits quite, fix the streaks' length and their own alone
_LARGEST_STEP = 0.5  # of the logarithm of the streaks' length


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
    """Images of a lattice under noise that is drawn once, which parameters scale."""

    def __init__(self, lattice: np.ndarray, scale: Scale, noises: list[NoiseDraws]) -> None:
        self.scale, self.noises, self.reference = scale, noises, Reference.of(lattice, scale)

    def images(self, state: np.ndarray) -> Iterator[np.ndarray]:
        parameters = _parameters(state, self.scale)
        for draws in self.noises:
            displaced = shifted_rows(self.reference.lattice, draws.shifts(parameters))
            noise = draws.streaks(parameters), draws.points(parameters)
            yield with_noise(displaced, self.reference.gradient, *noise, parameters)

    def seen(self, state: np.ndarray) -> list[Observation]:
        return [Observation.of(image, self.reference) for image in self.images(state)]

    def levels(self, state: np.ndarray) -> np.ndarray:
        return levels(self.seen(state))


def fit_parameters(grey: np.ndarray, rng: np.random.Generator) -> NoiseFit:
    """Parameters whose synthetic images on the same lattice look like `grey`.

    The estimate of the lattice keeps some of the noise, and displaced rows blur it. How much that changes what is seen
    is learnt from the synthetic images, whose lattice is known: they differ, seen on the lattices that are estimated
    from them, from synthetic images on these estimates, and their rows lie elsewhere on an estimate than on the lattice
    itself; as much is taken off. Row jitter is fitted only where it is three standard errors from none, because streaks
    can pass for jitter; elsewhere it is 0, and so is its error.
    Standard errors are of a bootstrap over bands of rows, the same bands of real and synthetic images.

    Parameters
    ----------
    grey : ndarray, shape (rows, columns)
        Grey levels, 0 to 255, scanned along the rows; at least 128 px wide.
    rng : numpy.random.Generator
        Of the synthetic images and the bootstrap.

    Raises
    ------
    InputError
        If too few grey levels are seen.
    """
    count = int(np.clip(_SYNTHETIC_PIXELS // grey.size, *_SYNTHETIC_IMAGES))
    noises = [NoiseDraws.of(grey.shape, rng) for _ in range(count)]
    lattice = lattice_estimate(grey)
    scale = Scale.of(grey, lattice, rng)
    synthetic = _Synthetic(lattice, scale, noises)
    real = Observation.of(grey, synthetic.reference)
    wanted, weights = levels([real]), resampled(real.bands, rng)
    chance = levels([real], weights).std(0)
    told = wanted[-2:] > _SIGNIFICANCE * chance[-2:]
    length, correlation = first_guess(wanted[5:-2])
    state = np.clip([*wanted[:5], np.log(length), correlation, *np.where(told, wanted[-2:], 0)], *_ENDS)
    first = _Synthetic(lattice, scale, noises[: -(-_JACOBIAN_PIXELS // grey.size)])
    solver = _solver(first.levels, state, chance, np.append(np.full(7, True), told))
    state = solver.solved(synthetic.levels, wanted, state, _STEPS)

    images = list(synthetic.images(state))
    estimates = [lattice_estimate(image) for image in images]
    drawn = [Observation.of(image, Reference.of(estimate, scale)) for image, estimate in zip(images, estimates)]
    others = noises[1:] + noises[:1]  # noise that an estimate has not seen
    again = [each for pair in zip(estimates, others) for each in _Synthetic(pair[0], scale, [pair[1]]).seen(state)]
    known = [Observation.of(image, synthetic.reference).rows for image in images]  # where their rows lie
    again = [replace(each, rows=rows) for each, rows in zip(again, known)]
    # Variances that a blurred lattice magnifies are corrected by a factor, those that it absorbs by the difference.
    factor = np.ones(len(wanted))
    factor[-2:][told] = np.clip(
        levels(again)[-2:][told] / np.maximum(levels(drawn)[-2:][told], 1e-12), _LEAST_FACTOR, 1
    )
    corrected = factor * (wanted - levels(drawn)) + levels(again)
    state = solver.solved(synthetic.levels, corrected, state, _STEPS_AGAIN)
    final = synthetic.seen(state)

    differences = factor * (levels([real], weights) - levels(drawn, weights))
    differences += levels(again, weights) - levels(final, weights)
    differences = differences - differences.mean(0)  # what is left of the root, and is none of the spread
    states = np.clip(state + differences @ solver.to_state.T, *_ENDS)
    samples = np.array([astuple(_parameters(each, scale)) for each in states])
    errors = samples.std(0, ddof=1) * np.sqrt(real.bands / (real.bands - 1))
    names = [field.name for field in fields(NoiseParameters)]
    return NoiseFit(_parameters(state, scale), dict(zip(names, errors.tolist())), real.bands)


def _solver(
    shown: Callable[[np.ndarray], np.ndarray], state: np.ndarray, chance: np.ndarray, free: np.ndarray
) -> Solver:
    """With the Jacobian at a state by differences, which common random numbers make exact."""
    here = shown(state)
    steps = [*np.maximum(0.1 * state[:4], 0.1), 0.05, 0.1, 0.05, *np.maximum(0.1 * state[7:], 0.01)]
    jacobian = np.column_stack([(shown(state + np.eye(9)[i] * step) - here) / step for i, step in enumerate(steps)])
    jacobian[-2:, :7] = 0  # but for chance: what is independent between segments of a row displaces none
    units = np.concatenate([np.maximum(state[:4], 1), [1, 1, 1], np.maximum(state[7:], 0.01)])
    errors = np.hypot(chance, [*[_LEAST_ERRORS[0]] * 4, *[_LEAST_ERRORS[1]] * 11, *[_LEAST_ERRORS[2]] * 2])
    errors[5:-2] *= _OUTWEIGHED / np.clip(state[:4].max(), 1e-12, 1)  # of noise below a grey level they tell nothing
    return Solver(jacobian, units, errors, _ENDS, np.where(np.arange(9) == 5, _LARGEST_STEP, np.inf), free)


def _ends() -> tuple[np.ndarray, np.ndarray]:
    """Of the state: `BOUNDS`, and no variance is negative."""
    shape, streaks, correlation, *jitters = BOUNDS.values()
    ends = [*[(0.0, np.inf)] * 4, shape, np.log(streaks), correlation, *jitters]
    lowest, highest = np.array(ends, float).T
    return lowest, highest


_ENDS = _ends()


def _parameters(state: np.ndarray, scale: Scale) -> NoiseParameters:
    sds = np.sqrt(state[:4])
    scan_slope, pointwise_slope = (sds[1] - sds[0]) / np.ptp(scale.gradients), (sds[3] - sds[2]) / np.ptp(GREYS)
    return NoiseParameters(
        scan_slope=float(scan_slope),
        scan_intercept=float(sds[0] - scan_slope * scale.gradients[0]),
        pointwise_slope=float(pointwise_slope),
        pointwise_intercept=float(sds[2] - pointwise_slope * GREYS[0]),
        tukey_lambda=float(state[4]),
        streak_px=float(np.exp(state[5])),
        pixel_correlation=float(state[6]),
        jitter_x_px=float(np.sqrt(state[7])),
        jitter_y_px=float(np.sqrt(state[8])),
    )
