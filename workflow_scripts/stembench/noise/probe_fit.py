"""The probe of an instrument by an image of columns: its effective source and its defocus.

Such an image has the spectrum S(k) T(k): the structure factor of its columns times the transfer function of the probe,
which thermal motion and jitter of rows damp. Places and strengths of the columns are fitted, for a T that is thought
of. The mean of image over structure factor on rings of one frequency then is T as the image shows it. Source (a
Gaussian and a broader one) and defocus are fitted to that, on a grid that closes in on what the image allows. Columns
and T are fitted in turn, from several defoci; the best description of the image is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.spatial import KDTree

from stembench.errors import InputError
from stembench.imaging.drawn_probe import FITTED
from stembench.imaging.probe import Probe
from stembench.localisation.peaks import PeakSettings, find_columns
from stembench.noise.lattice import lattice_estimate

#: Thermal B of the columns, whose crystal is not known [A^2]. With 0.8 instead, the square of the source's FWHM is
#: 0.02 A^2 less.
ASSUMED_B = 0.5
#: Scores in ratio to the best, up to which descriptions of an image count as equally good.
ALIKE = 1.02

_COLUMNS = PeakSettings(sigma_A=0.25, background_sigma_A=2.0, threshold=0.12, relative=True)
_LEAST_COLUMNS = 30
_WEAKEST, _WEAKEST_SD = 0.02, 3.0  # of columns that are added: in strong ones, and in standard deviations of noise
_APART = 0.7  # of those from others [A]
_HIGHEST, _LOWEST, _RING = 2.0, 0.15, 0.03  # frequencies that are looked at, and width of a ring [1/A]
_NOISE_ALONE = 0.85  # part of the highest frequency beyond which there is only noise
_PASSES, _PRODUCTS = 6, 12
_FARTHEST_STEP = 0.15  # of a column in a pass [A]
_HANN = 2.25  # frequencies under a Hann window that are not independent
_UNSEEN = 0.02  # strength of columns that are not found, as a fraction of that in the strongest reflection
_STARTS = (0.0, 1.2, 2.4)  # defoci, in lambda / alpha^2
_FIRST_SOURCE = 0.8  # [A]
_FARTHEST = 4.0  # defocus, in lambda / alpha^2
_COUNTS = (15, 6, 4, 13)  # points of the grid along what is fitted
_BOUNDS = ((0.1, 3.0), (0.0, 0.5), (2.0, 4.0))
_USUAL_TAIL, _USUAL_DEFOCUS = 0.1, 2.0  # of the priors: an exponential's mean, a normal's SD in lambda / alpha^2
_ROUNDS, _KEPT = 4, 16.0  # of the grid, and how far above the least chi squared it goes on
_CAUTION = 4.0  # by which chi squared is lowered: with it, intervals hold the truth of simulated images
_DRAWS = 64


@dataclass(frozen=True)
class ProbeFit:
    """What an image tells of its probe.

    Attributes
    ----------
    draws : ndarray, shape (draws, 4)
        Values of what is `FITTED` that the image allows, each row as likely as the others. They keep together what the
        image does not tell apart, as a wider source and more defocus.
    frequencies, measured, errors, fitted : ndarray, shape (rings,)
        [1/A]; the transfer function as the image shows it, its standard error, and the fitted one; 1 at 0.
    score : float
        Squared residual of the image's spectrum in units of its noise, plus 2 for each column.
    """

    draws: np.ndarray
    frequencies: np.ndarray
    measured: np.ndarray
    errors: np.ndarray
    fitted: np.ndarray
    score: float


def fit_probe(
    image: np.ndarray, pixel_size: float, probe: Probe, rng: np.random.Generator, jitter: Sequence[float] = (0.0, 0.0)
) -> ProbeFit:
    """Fit effective source and defocus of a probe to an image.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Bright columns.
    pixel_size : float
        [A].
    probe : Probe
        Its energy, semi-angle and other aberrations, which are taken as known. If it has neither C3 nor C5, defoci of
        either sign look alike, and the positive ones are fitted.
    rng : numpy.random.Generator
        Of the draws.
    jitter : sequence of float
        SDs of the displacements of single rows along x and y [A], whose blur is no part of the probe.

    Raises
    ------
    InputError
        If too few columns are seen.
    """
    lattice = lattice_estimate(image)
    places, _ = find_columns(lattice, pixel_size, _COLUMNS)
    if len(places) < _LEAST_COLUMNS:
        raise InputError(f"{len(places)} columns are seen, and a probe is fitted to {_LEAST_COLUMNS} or more")
    spectrum = _Spectrum(image, lattice, pixel_size, jitter)
    depth = probe.wavelength / (1e-3 * probe.semiangle) ** 2
    starts = [_middle(probe) + start * depth for start in _STARTS]
    fits = [_fitted(spectrum, places, probe, start, rng) for start in starts]
    best = min(fits, key=lambda fit: fit.score)
    alike = [fit.draws for fit in fits if fit.score <= ALIKE * best.score]
    return replace(best, draws=np.concatenate(alike))


def _fitted(
    spectrum: "_Spectrum", places: np.ndarray, probe: Probe, start: float, rng: np.random.Generator
) -> ProbeFit:
    state = np.array([_FIRST_SOURCE, 0.0, _BOUNDS[2][0], start])
    for number in range(_PASSES):
        transfer = _models(probe, spectrum.radius.ravel(), [state[i : i + 1] for i in range(4)])
        transfer = transfer.reshape(spectrum.radius.shape) * spectrum.damping
        places, strengths = spectrum.columns(places, transfer)
        if 0 < number < _PASSES - 1:
            more = spectrum.weak_columns(places, strengths, transfer)
            places, strengths = spectrum.columns(np.concatenate([places, more]), transfer)
        rings = spectrum.rings(places, strengths)
        grid = _Grid(probe, *rings)
        state = grid.best
    factors = spectrum.structure_factors(places, strengths)
    transfer = grid.scale * _models(probe, spectrum.radius.ravel(), [state[i : i + 1] for i in range(4)])
    left = (spectrum.values - factors * transfer.reshape(factors.shape) * spectrum.damping)[spectrum.inside]
    score = float((np.abs(left) ** 2).sum() / (_HANN * spectrum.noise) + 2 * len(places))
    frequencies, measured, errors = rings
    scaled = measured / grid.scale, errors / grid.scale
    return ProbeFit(grid.draws(rng), frequencies, *scaled, grid.fitted, score)


class _Spectrum:
    """The spectra of an image and of its lattice, which holds little noise, and what columns add to them."""

    def __init__(self, image: np.ndarray, lattice: np.ndarray, pixel_size: float, jitter: Sequence[float]) -> None:
        self.pixel_size, sizes = pixel_size, image.shape[::-1]
        self.window = np.outer(*(np.hanning(n + 2)[1:-1] for n in image.shape))
        highest = min(_HIGHEST, 0.45 / pixel_size)
        ends = [int(highest * n * pixel_size) for n in sizes]
        self.kx, self.ky = (np.arange(-end, end + 1) / (n * pixel_size) for end, n in zip(ends, sizes))
        self.waves = [_waves(k, pixel_size * np.arange(n)) for k, n in zip((self.kx, self.ky), sizes)]
        self.values, self.lattice = (self._of(each) for each in (image, lattice))
        self.radius = np.hypot(self.ky[:, None], self.kx)
        self.inside = (self.radius > _LOWEST) & (self.radius < highest)
        self.damping = np.exp(-ASSUMED_B / 4 * self.radius**2)
        self.damping *= np.exp(-2 * np.pi**2 * ((jitter[1] * self.ky[:, None]) ** 2 + (jitter[0] * self.kx) ** 2))
        alone = self.inside & (self.radius > _NOISE_ALONE * highest)
        self.noise = float(np.median(np.abs(self.values[alone]) ** 2) / np.log(2))
        removed = np.mean(np.abs(self.values - self.lattice)[self.inside] ** 2) / self.noise
        self.kept = float(np.clip(1 - removed, 0.01, 1))
        ring = np.where(self.inside, (self.radius - _LOWEST) / _RING, 0).astype(int)
        self.count = int(ring.max()) + 1
        self.ring = np.where(self.inside, ring, self.count)

    def _of(self, image: np.ndarray) -> np.ndarray:
        mean = (self.window * image).sum() / self.window.sum()
        return self.waves[1] @ (self.window * (image - mean)) @ self.waves[0].T

    def columns(self, places: np.ndarray, transfer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places [A] and strengths by least squares: conjugate gradients through columns and their derivatives."""
        x, y = _waves(self.kx, places[:, 0]), _waves(self.ky, places[:, 1])
        x_slope, y_slope = (-2j * np.pi * k[:, None] * part for k, part in ((self.kx, x), (self.ky, y)))
        weight = np.where(self.inside, transfer, 0)
        unit = np.array([1.0, 0.3, 0.3])[:, None]  # a derivative is about three times as large [A]

        def shown(part: np.ndarray) -> np.ndarray:
            plain, along_x, along_y = unit * part
            return weight * ((y * plain + y_slope * along_y) @ x.T + (y * along_x) @ x_slope.T)

        def told(values: np.ndarray) -> np.ndarray:
            seen = np.conj(weight * values)
            down, slope = seen @ x, seen @ x_slope
            return unit * np.stack([(y * down).sum(0), (y * slope).sum(0), (y_slope * down).sum(0)]).real

        state = np.zeros((3, len(places)))
        residual = direction = told(self.lattice)
        squared = (residual**2).sum()
        for _ in range(_PRODUCTS):
            seen = told(shown(direction))
            step = squared / (direction * seen).sum()
            state, residual = state + step * direction, residual - step * seen
            last, squared = squared, (residual**2).sum()
            direction = residual + squared / last * direction
        strengths, *moved = unit * state
        strong = strengths > 0.05 * np.percentile(strengths, 90)
        shifts = [np.divide(part, strengths, out=np.zeros_like(part), where=strong) for part in moved]
        return places + np.clip(np.stack(shifts, axis=1), -_FARTHEST_STEP, _FARTHEST_STEP), strengths

    def structure_factors(self, places: np.ndarray, strengths: np.ndarray) -> np.ndarray:
        return (_waves(self.ky, places[:, 1]) * strengths) @ _waves(self.kx, places[:, 0]).T

    def weak_columns(self, places: np.ndarray, strengths: np.ndarray, transfer: np.ndarray) -> np.ndarray:
        """Places [A] of columns that stand out of what is left, as light ones between heavy ones do."""
        weight = np.where(self.inside, transfer, 0)
        left = weight * (self.lattice - self.structure_factors(places, strengths) * transfer)
        central = self.window > 0.2
        shown = (self.waves[1].conj().T @ left @ self.waves[0].conj()).real
        shown = np.where(central, shown / np.maximum(self.window, 0.2), 0)
        power = (weight**2).sum()
        noise = np.sqrt(power * self.kept * self.noise / np.mean(self.window**2))
        lowest = max(_WEAKEST_SD * noise, _WEAKEST * power * np.percentile(strengths, 95))
        found, _ = find_columns(shown, self.pixel_size, PeakSettings(0.0, 0.0, float(lowest), relative=False))
        return found[KDTree(places).query(found)[0] > _APART] if len(found) else found

    def rings(self, places: np.ndarray, strengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frequencies [1/A] of rings, the mean of spectrum over structure factor on each, and its standard error."""
        bare = self.structure_factors(places, strengths)
        factors, power = bare * self.damping, np.abs(bare) ** 2
        total = self._sums(np.abs(factors) ** 2)
        measured = self._sums((self.values * factors.conj()).real) / total
        left = self.values - factors * np.append(measured, 0)[self.ring]
        variances = _HANN * self._sums((left * factors.conj()).real ** 2) / total**2
        reflections = self._sums(power**2) / self._sums(power)
        variances += (_UNSEEN * measured) ** 2 * reflections.max() / reflections
        return self._sums(self.radius * np.abs(factors) ** 2) / total, measured, np.sqrt(variances)

    def _sums(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.ring.ravel(), values.ravel(), self.count + 1)[: self.count]


class _Grid:
    """How well each point of a grid over what is `FITTED` describes a measured transfer function."""

    def __init__(self, probe: Probe, frequencies: np.ndarray, measured: np.ndarray, errors: np.ndarray) -> None:
        depth, middle = probe.wavelength / (1e-3 * probe.semiangle) ** 2, _middle(probe)
        nearest = middle - _FARTHEST * depth if _has_sign(probe) else 0.0
        self.bounds = np.array([*_BOUNDS, (nearest, middle + _FARTHEST * depth)])
        ends, data = self.bounds, measured / errors
        for _ in range(_ROUNDS):
            axes = [np.linspace(low, high, count) for (low, high), count in zip(ends, _COUNTS)]
            self.steps = np.array([axis[1] - axis[0] for axis in axes])
            self.points = np.stack([part.ravel() for part in np.meshgrid(*axes, indexing="ij")], axis=1)
            models = _models(probe, frequencies, axes)
            scaled = models / errors
            scales = np.maximum(scaled @ data, 1e-30) / (scaled**2).sum(axis=1)
            squares = ((data - scales[:, None] * scaled) ** 2).sum(axis=1)
            squares /= _CAUTION * max(squares.min() / max(len(data) - len(FITTED) - 1, 1), 1.0)
            unusual = 2 * self.points[:, 1] / _USUAL_TAIL
            unusual += ((self.points[:, 3] - middle) / (_USUAL_DEFOCUS * depth)) ** 2
            total = squares + unusual
            near = self.points[total < total.min() + _KEPT]
            ends = np.stack([near.min(0) - self.steps, near.max(0) + self.steps], axis=1)
            ends = np.clip(ends, self.bounds[:, :1], self.bounds[:, 1:])
        self.weights = np.exp((total.min() - total) / 2)
        self.weights /= self.weights.sum()
        best = int(total.argmin())
        self.best, self.scale, self.fitted = self.points[best], float(scales[best]), models[best]

    def draws(self, rng: np.random.Generator) -> np.ndarray:
        """Points by their weights, anywhere in their cell of the grid."""
        chosen = self.points[rng.choice(len(self.points), _DRAWS, p=self.weights)]
        return np.clip(chosen + self.steps * rng.uniform(-0.5, 0.5, chosen.shape), *self.bounds.T)


def _models(probe: Probe, frequencies: np.ndarray, axes: Sequence[np.ndarray]) -> np.ndarray:
    """Transfer functions at frequencies, of all points of a grid; shape (points, frequencies)."""
    sources, tails, sizes, defoci = axes
    bare = replace(probe, source_size=0.0, source_tail=0.0, source_tail_size=0.0)
    coherent = np.array([np.interp(frequencies, *_transfer(replace(bare, defocus=float(each)))) for each in defoci])
    core, broad = (
        np.exp(-(np.pi**2) / (4 * np.log(2)) * np.multiply.outer(fwhm**2, frequencies**2)) for fwhm in (sources, sizes)
    )
    fractions = tails[:, None, None]
    source = (1 - fractions) * core[:, None, None] + fractions * broad
    return (source[:, :, :, None] * coherent).reshape(-1, len(frequencies))


@lru_cache(maxsize=256)
def _transfer(probe: Probe) -> tuple[np.ndarray, np.ndarray]:
    return probe.radial_transfer


def _waves(frequencies: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.exp(-2j * np.pi * np.multiply.outer(frequencies, places))


def _has_sign(probe: Probe) -> bool:
    """Whether probes of defoci of either sign differ."""
    return bool(probe.c3 or probe.c5)


def _middle(probe: Probe) -> float:
    """The likeliest defocus [A]."""
    return probe.defocus if _has_sign(probe) else 0.0
