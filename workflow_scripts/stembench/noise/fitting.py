"""The noise parameters of one image, by indirect inference (Gourieroux et al. 1993, doi 10.1002/jae.3950080507).

The published decomposition also measures the signal: a noise-free Si [110] lattice alone gives a scan slope of 0.03 to
0.12. Displaced rows also look like scan noise. Therefore the parameters are those whose synthetic images show the same
raw statistics as the real one, a synthetic image being the real one's lattice with its rows displaced and noise on it:
a clean lattice fits zero, and streaks are what displaced rows leave.
"""

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields

import numpy as np
import scipy  # whose `stats` takes long to load: it does where it is used

from stembench.noise.calibrated import STREAK_RANGE_PX, NoiseDraws, NoiseParameters, smooth_gradient, with_noise
from stembench.noise.decomposition import PatchStatistics, tukey_shape
from stembench.noise.lattice import lattice_estimate
from stembench.noise.patches import resampled
from stembench.noise.physical import shifted_rows
from stembench.noise.registration import RowDisplacements
from stembench.noise.streaks import apparent_correlation

_SYNTHETIC_PIXELS = 2**20  # of all synthetic images together: their noise adds an eighth to the error at 512 x 512 px
_SYNTHETIC_IMAGES = 2, 8  # at least, so that an estimate's lattice can have noise it has not seen, and at most
_JACOBIAN_PIXELS = 2**18
_STEPS, _STEPS_AGAIN = 6, 3
_GRADIENTS = (20.0, 60.0)  # where the scan line is compared
_GREYS = (64.0, 192.0)  # where the pointwise line is compared
#: Of each parameter that a fit may give.
BOUNDS = {
    "tukey_lambda": (-0.4, 1.0),
    "streak_px": STREAK_RANGE_PX,
    "pixel_correlation": (-0.6, 0.9),
    "jitter_x_px": (0.0, np.inf),
    "jitter_y_px": (0.0, np.inf),
}
_START = {"streak_px": np.log(10.0), "pixel_correlation": 0.0}
_LARGEST_STEP = 0.5  # of the logarithm of the streaks' length
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


@dataclass(frozen=True)
class _Seen:
    """What is compared of an image: its decomposition, and how its rows lie on a lattice."""

    noise: PatchStatistics
    rows: RowDisplacements

    @classmethod
    def of(cls, image: np.ndarray, lattice: np.ndarray) -> "_Seen":
        return cls(PatchStatistics.of(image), RowDisplacements.of(image, lattice))


class _Synthetic:
    """Images of a lattice under noise that is drawn once, which parameters scale."""

    def __init__(self, lattice: np.ndarray, *noises: NoiseDraws) -> None:
        self.lattice, self.noises = lattice, noises
        self.gradient = smooth_gradient(lattice)

    def images(self, parameters: NoiseParameters) -> Iterator[np.ndarray]:
        for draws in self.noises:
            displaced = shifted_rows(self.lattice, draws.shifts(parameters))
            noise = draws.streaks(parameters), draws.points(parameters)
            yield with_noise(displaced, self.gradient, *noise, parameters)

    def seen(self, parameters: NoiseParameters) -> list[_Seen]:
        return [_Seen.of(image, self.lattice) for image in self.images(parameters)]


def fit_parameters(grey: np.ndarray, rng: np.random.Generator) -> NoiseFit:
    """Parameters whose synthetic images on the same lattice have the raw statistics of `grey`.

    What the estimate of the lattice misses of the signal, and what it keeps of the noise, is learnt from the synthetic
    images, whose lattice is known: the raw statistics differ between synthetic images on the lattice and synthetic
    images on the lattices estimated from them, and as much is taken off. Likewise rows lie elsewhere on an estimate,
    which follows them a little and is blurred by them, than on the lattice itself. Standard errors are of a bootstrap
    over bands of rows, the same bands of real and synthetic images.

    Parameters
    ----------
    grey : ndarray, shape (rows, columns)
        Grey levels, 0 to 255, scanned along the rows; at least 128 px wide.
    rng : numpy.random.Generator
        Of the synthetic images and the bootstrap.

    Raises
    ------
    InputError
        If too few grey levels or gradients are seen.
    """
    count = int(np.clip(_SYNTHETIC_PIXELS // grey.size, *_SYNTHETIC_IMAGES))
    noises = [NoiseDraws.of(grey.shape, rng) for _ in range(count)]
    lattice = lattice_estimate(grey)
    real, synthetic = _Seen.of(grey, lattice), _Synthetic(lattice, *noises)

    def shown(state: np.ndarray) -> np.ndarray:
        return _levels(synthetic.seen(_parameters(state)))

    wanted, first = _levels([real]), _Synthetic(lattice, *noises[: -(-_JACOBIAN_PIXELS // grey.size)])
    jitter = NoiseParameters(0, 0, 0, 0, 0.1, jitter_x_px=_root(wanted[7]), jitter_y_px=_root(wanted[8]))
    moved = _levels(first.seen(jitter))  # without noise
    state = _bounded(np.array([*(wanted[:4] - moved[:4]), wanted[4], *_START.values(), *wanted[7:]]))
    to_state = _inverse(_jacobian(lambda state: _levels(first.seen(_parameters(state))), state), state)
    state = _solved(shown, wanted, state, to_state, _STEPS)
    parameters = _parameters(state)
    images = list(synthetic.images(parameters))
    estimates = [lattice_estimate(image) for image in images]
    drawn = [_Seen.of(image, lattice) for image in images]
    others = noises[1:] + noises[:1]  # noise that an estimate has not seen
    again = [
        _Seen(seen.noise, known.rows)
        for known, pair in zip(drawn, zip(estimates, others))
        for seen in _Synthetic(*pair).seen(parameters)
    ]
    drawn = [
        _Seen(known.noise, RowDisplacements.of(image, estimate))
        for known, image, estimate in zip(drawn, images, estimates)
    ]
    correction = _levels(again) - _levels(drawn)
    state = _solved(shown, wanted + correction, state, to_state, _STEPS_AGAIN)
    final = synthetic.seen(_parameters(state))

    weights = resampled(real.noise.patches, rng)
    differences = _levels([real], weights) + _levels(again, weights) - _levels(drawn, weights) - _levels(final, weights)
    differences = differences - differences.mean(0)  # what is left of the root, and is none of the spread
    samples = np.array([astuple(_parameters(each)) for each in _bounded(state + differences @ to_state.T)])
    errors = samples.std(0, ddof=1) * np.sqrt(real.noise.patches / (real.noise.patches - 1))
    names = [field.name for field in fields(NoiseParameters)]
    return NoiseFit(_parameters(state), dict(zip(names, errors.tolist())), real.noise.patches)


def _solved(
    shown: Callable[[np.ndarray], np.ndarray], wanted: np.ndarray, state: np.ndarray, to_state: np.ndarray, steps: int
) -> np.ndarray:
    """Return a state that shows what is wanted, as far as some steps by one inverse Jacobian lead.

    A step that leads away is taken back, and half of it is tried.
    """
    units, scale = _units(state), 1.0
    step = to_state @ (wanted - shown(state))
    for _ in range(steps):
        tried = scale * step
        tried[5] = np.clip(tried[5], -_LARGEST_STEP, _LARGEST_STEP)
        moved = _bounded(state + tried)
        following = to_state @ (wanted - shown(moved))
        if np.linalg.norm(following / units) < np.linalg.norm(step / units):
            state, step, scale = moved, following, min(1.0, 2 * scale)
        else:
            scale /= 2
    return state


def _root(variance: float) -> float:
    return float(np.sqrt(max(variance, 0)))


def _units(state: np.ndarray) -> np.ndarray:
    """Return each variance, at least of a grey level squared and of a tenth of a pixel squared; 1 for other numbers."""
    return np.concatenate([np.maximum(state[:4], 1), [1, 1, 1], np.maximum(state[7:], 0.01)])


def _jacobian(shown: Callable[[np.ndarray], np.ndarray], state: np.ndarray) -> np.ndarray:
    """Of `shown`, by differences that its common random numbers make exact."""
    here = shown(state)
    steps = [*np.maximum(0.1 * state[:4], 0.1), 0.05, 0.1, 0.05, *np.maximum(0.1 * state[7:], 0.01)]
    jacobian = np.column_stack([(shown(state + np.eye(9)[i] * step) - here) / step for i, step in enumerate(steps)])
    jacobian[7:, :7] = 0  # but for chance: what is independent between segments of a row displaces none
    return jacobian


def _inverse(jacobian: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Return its pseudoinverse, in `_units`; the correlation of noise below a grey level counts as little as that."""
    units = _units(state)
    weights = units.copy()
    weights[5:7] = 1 / np.clip([state[:2].max(), state[2:4].max()], 1e-6, 1)
    return units[:, None] * np.linalg.pinv(jacobian * units / weights[:, None], rcond=_UNTOLD) / weights


def _levels(seen: list[_Seen], weights: np.ndarray | None = None) -> np.ndarray:
    """What is compared, mean over images, shape (..., 9): variances at two gradients and two grey levels, the Tukey
    lambda of all pixels, the length of streaks, the correlation of pixels, and variances of row displacements."""
    statistics = [each.noise for each in seen]
    weights = np.ones(statistics[0].patches) if weights is None else weights
    variances = []
    for each in statistics:
        lines = (each.scan.line(weights), _GRADIENTS), (each.pointwise.line(weights), _GREYS)
        sds = np.stack([intercept + slope * at for (slope, intercept), places in lines for at in places], axis=-1)
        variances.append(sds * np.abs(sds))
    shapes = np.apply_along_axis(tukey_shape, -1, weights @ sum(each.histogram for each in statistics))
    correlation = apparent_correlation(weights @ sum(each.rows.rest for each in seen))
    rows = np.mean([each.rows.variances(weights) for each in seen], axis=0)
    return np.concatenate([np.mean(variances, axis=0), shapes[..., None], correlation, rows], axis=-1)


def _bounded(state: np.ndarray) -> np.ndarray:
    """Within `BOUNDS`; no variance is negative."""
    (low_shape, high_shape), streaks, (low, high), *_ = BOUNDS.values()
    lowest = [0, 0, 0, 0, low_shape, np.log(streaks[0]), low, 0, 0]
    return np.clip(state, lowest, [*[np.inf] * 4, high_shape, np.log(streaks[1]), high, np.inf, np.inf])


def _parameters(state: np.ndarray) -> NoiseParameters:
    sds = np.sqrt(state[:4])
    scan_slope, pointwise_slope = (sds[1] - sds[0]) / np.ptp(_GRADIENTS), (sds[3] - sds[2]) / np.ptp(_GREYS)
    return NoiseParameters(
        scan_slope=float(scan_slope),
        scan_intercept=float(sds[0] - scan_slope * _GRADIENTS[0]),
        pointwise_slope=float(pointwise_slope),
        pointwise_intercept=float(sds[2] - pointwise_slope * _GREYS[0]),
        tukey_lambda=float(state[4]),
        streak_px=float(np.exp(state[5])),
        pixel_correlation=float(state[6]),
        jitter_x_px=float(np.sqrt(state[7])),
        jitter_y_px=float(np.sqrt(state[8])),
    )
