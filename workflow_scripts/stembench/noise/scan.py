"""Where the rows of a frame lie on the specimen, and where columns therefore appear.

A column's apparent position is the maximum of its noise-free image alone, at the lateral position of the entrance
surface, moved by drift and by what moves whole groups of rows, not by the random jitter of single rows. Everything in a
scan that is not random from row to row counts: drift, shear, mains pick-up, jumps, odd-even shifts, flyback. A column
is moved by the mean of the shifts of the rows that it covers, each weighted by the column's own profile. So a slow beat
of the mains moves a column as a whole, and a fast one, or a shift of every other row, averages out. A column that a
jump cuts is moved with the rows that its maximum lies in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stembench.noise.physical import Array, Randomness, afterglow, detector, digitised, sampled, smoothed

_SIGMA_OF_FWHM = 1 / np.sqrt(8 * np.log(2))
_REACH = 5  # SDs of a column's profile, beyond which it weighs less than 4e-6 of its middle
_NARROWEST_PX = 1.0  # SD of a profile whose mean over whole rows is its centre within 1e-8 px
_ROUNDS = 8  # of Newton's method; each doubles the digits, and slopes lie between 1/2 and 3/2


@dataclass(frozen=True)
class Scan:
    """One frame; pixel (i, j) shows the specimen at (i + dy_i, j + dx_i + flyback_j). Lengths in pixels.

    Attributes
    ----------
    rows : int
        Of the frame.
    step : tuple of float
        x and y by which a row is displaced against the one before, by drift and shear.
    pickup : tuple of float
        RMS displacements along x and y by the mains and their harmonics, whose amplitudes fall as 1 over their number.
    periods_per_row : float
        Periods of the mains from a row to the next: mains frequency x line time, the flyback included.
    phases : tuple of float
        Of the mains and its harmonics in the first row [rad].
    jumps : tuple of (int, float, float)
        Rows from which on everything is displaced, by how much along x and y.
    odd_even : float
        Displacement of odd rows against even ones along x, as in a scan to and fro.
    stretch, settling : float
        By what fraction rows are stretched at their left end after the flyback (negative: compressed), less than 1,
        and the length over which this decays.
    jitter : ndarray, shape (rows, 2), or None
        Random displacements of single rows, which no apparent position follows.
    dead, hot : tuple of int
        Rows without signal, and with the highest signal.
    """

    rows: int
    step: tuple[float, float] = (0.0, 0.0)
    pickup: tuple[float, float] = (0.0, 0.0)
    periods_per_row: float = 0.0
    phases: tuple[float, ...] = ()
    jumps: tuple[tuple[int, float, float], ...] = ()
    odd_even: float = 0.0
    stretch: float = 0.0
    settling: float = 1.0
    jitter: np.ndarray | None = None
    dead: tuple[int, ...] = ()
    hot: tuple[int, ...] = ()

    @property
    def is_straight(self) -> bool:
        """Whether nothing but jitter displaces anything."""
        return not (any(self.step) or any(self.pickup) or self.jumps or self.odd_even or self.stretch)

    def shifts(self, rows: np.ndarray) -> np.ndarray:
        """dx and dy without jitter, of mean 0 over the frame; shape (len(rows), 2). Rows beyond the frame continue."""
        return self._gradual(rows) + self._jumped(rows)

    def steady_shifts(self, fwhm: float) -> np.ndarray:
        """dx and dy by which columns of this width appear displaced, for each row; shape (rows, 2).

        They are the means of `shifts` over the rows of a column, weighted by its profile; jumps stay sharp. Fast beats
        of the mains and odd-even shifts, which tear columns apart, average out.
        """
        sigma = _profile_sd(fwhm)
        reach = int(np.ceil(_REACH * sigma))
        weights = np.exp((np.arange(-reach, reach + 1) / sigma) ** 2 / -2)
        every = self._gradual(np.arange(-reach, self.rows + reach))
        means = [np.convolve(along, weights / weights.sum(), "valid") for along in every.T]
        return np.column_stack(means) + self._jumped(np.arange(self.rows))

    def _gradual(self, rows: np.ndarray) -> np.ndarray:
        """Shifts but for jumps."""
        return self._placed(rows) - self._placed(np.arange(self.rows)).mean(0)

    def _jumped(self, rows: np.ndarray) -> np.ndarray:
        shifts = np.zeros((len(rows), 2))
        for first, *size in self.jumps:
            shifts += np.outer((rows >= first) - (self.rows - first) / self.rows, size)
        return shifts

    def _placed(self, rows: np.ndarray) -> np.ndarray:
        placed = rows[:, None] * np.array(self.step)
        if any(self.pickup):
            order = np.arange(1, len(self.phases) + 1)
            waves = np.sin(2 * np.pi * self.periods_per_row * rows[:, None] * order + np.array(self.phases)) / order
            placed += (waves.sum(1) / np.sqrt(np.sum(order**-2.0) / 2))[:, None] * self.pickup
        placed[rows % 2 == 1, 0] += self.odd_even
        return placed

    def flyback(self, x: np.ndarray) -> np.ndarray:
        """Displacement along x of pixels at x; left of the frame it goes on as steeply as at its edge."""
        after, before = np.maximum(x, 0), np.minimum(x, 0)
        return -self.stretch * (before - self.settling * np.exp(-after / self.settling))

    def apparent(self, positions: np.ndarray, fwhm: float) -> np.ndarray:
        """Where columns appear.

        Parameters
        ----------
        positions : ndarray, shape (columns, 2)
            x and y of their maxima in the undistorted image [px].
        fwhm : float
            Full width at half maximum of a column's profile [px].

        Returns
        -------
        ndarray, shape (columns, 2)
            x and y [px].
        """
        if self.is_straight or not len(positions):
            return positions
        firsts = np.array([-np.inf, *sorted(first for first, *_ in self.jumps)])
        lasts = np.append(firsts[1:], np.inf) - 1
        # Moved as the rows between two jumps are; kept where the maximum lies furthest inside these rows.
        places = np.stack([self._moved(positions - jump, fwhm) for jump in self._jumped(firsts)])
        inside = np.minimum(places[..., 1] - firsts[:, None], lasts[:, None] - places[..., 1])
        kept = inside.argmax(0)
        x, y = places[kept, np.arange(len(positions))].T
        return np.column_stack([self._unwarped(x), y.clip(firsts[kept], lasts[kept])])

    def _moved(self, positions: np.ndarray, fwhm: float) -> np.ndarray:
        """Positions moved by all but jumps and flyback."""
        x, y = positions.T
        sigma = _profile_sd(fwhm)
        ends = np.arange(min(np.floor(y.min()), 0), max(np.ceil(y.max()), self.rows) + 1)
        reach = int(np.ceil(_REACH * sigma + np.abs(self._gradual(ends)[:, 1]).max()))
        middle, around = np.round(y).astype(int), np.arange(-reach, reach + 1)
        every = np.arange(middle.min() - reach, middle.max() + reach + 1)
        dx, dy = self._gradual(every).T
        near = middle[:, None] + around - every[0]
        weights = np.exp((((every + dy)[near] - y[:, None]) / sigma) ** 2 / -2)
        total = np.maximum(weights.sum(1), np.finfo(float).tiny)  # far outside the frame it may be 0
        x = x - np.einsum("cr,cr->c", weights, dx[near]) / total
        return np.column_stack([x, middle + weights @ around / total])

    def _unwarped(self, places: np.ndarray) -> np.ndarray:
        """x at which x + flyback(x) has these values."""
        x = places
        for _ in range(_ROUNDS if self.stretch else 0):
            slope = 1 - self.stretch * np.exp(-np.maximum(x, 0) / self.settling)
            x = x - (x + self.flyback(x) - places) / slope
        return x


def _profile_sd(fwhm: float) -> float:
    """Standard deviation of a column's profile [px]."""
    return max(fwhm * _SIGMA_OF_FWHM, _NARROWEST_PX)


def apparent_positions(positions: np.ndarray, scans: Sequence[Scan], fwhm: float) -> np.ndarray:
    """Where columns appear in the average of some frames; see `Scan.apparent`."""
    return np.mean([scan.apparent(positions, fwhm) for scan in scans], axis=0)


def average(frames: Array) -> Array:
    """The mean of some frames."""
    return frames.mean(0) if len(frames) > 1 else frames[0]


def frames_of(
    coefficients: Array,
    scans: Sequence[Scan],
    chosen: Sequence[int],
    pads: Sequence[int],
    steady_over: Sequence[float] | None = None,
    put: Callable[[np.ndarray], Array] = np.asarray,
) -> Array:
    """Scan images.

    Parameters
    ----------
    coefficients, chosen, pads, put
        As in `noise.physical.sampled`.
    scans : sequence of Scan
        One a frame, as high as wide.
    steady_over : sequence of float, optional
        FWHM of a column in each frame [px]. Rows then lie where columns appear, by `Scan.steady_shifts` and without
        jitter, and columns are whole; else each row lies where the scan puts it.

    Returns
    -------
    array, shape (frames, rows, rows)
    """
    rows = np.arange(scans[0].rows)
    if steady_over is None:
        shifts = [scan.shifts(rows) + (0 if scan.jitter is None else scan.jitter) for scan in scans]
    else:
        shifts = [scan.steady_shifts(fwhm) for scan, fwhm in zip(scans, steady_over)]
    stretches = np.stack([scan.flyback(rows) for scan in scans])
    return sampled(coefficients, chosen, np.stack(shifts), stretches, pads, put)


def recorded(
    frames: Array,
    drawn: Mapping[str, Any],
    scans: Sequence[Scan],
    rng: Randomness,
    put: Callable[[np.ndarray], Array] = np.asarray,
) -> Array:
    """The recorded image of an ideal one: electrons counted in each frame, detected, and averaged over the frames.

    Parameters
    ----------
    frames : array, shape (frames, rows, columns)
        Noise-free frames, 1 at the brightest column.
    drawn : mapping
        What was drawn for the image, as `datasets.scanning.drawn_scans` names it. `counts_per_px` are electrons of all
        frames together. Beside `shot_noise_alone` everything but the counting is left out.
    scans : sequence of Scan
        One a frame; they say which rows are dead or hot.
    rng : Randomness
        Source of randomness.
    put : callable, optional
        Brings an array to where the frames are.

    Returns
    -------
    array, shape (rows, columns)
        Electrons beside `shot_noise_alone`, else levels.
    """
    counted = rng.poisson((drawn["counts_per_px"] / len(frames) * frames).clip(min=0))
    if drawn["shot_noise_alone"]:
        return counted[0] * 1.0
    for frame, scan in zip(counted, scans):
        frame[list(scan.dead)] = 0
    glowing = afterglow(counted * 1.0, drawn["afterglow"], drawn["afterglow_px"], put)
    levels = detector(glowing, drawn["gain"], drawn["offset"], drawn["readout_e"], rng)
    for frame, scan in zip(levels, scans):
        frame[list(scan.hot)] = levels.max()
    levels = digitised(levels, drawn["clip_low"], drawn["clip_high"], drawn["bits"])
    return smoothed(average(levels), drawn["smoothing_px"], put)
