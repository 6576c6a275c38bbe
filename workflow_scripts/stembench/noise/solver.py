"""Newton's method within bounds by one Jacobian, for statistics that are costly to see."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy  # whose `optimize` takes long to load: it does where it is used

_ENOUGH = 0.005  # units, a step that is not worth its costs
_UNTOLD = 1e-3  # of the largest singular value: what statistics tell less of stays put


@dataclass(frozen=True)
class Solver:
    """Finds the state that shows most nearly what is wanted.

    Attributes
    ----------
    jacobian : ndarray, shape (m, n)
        Of the m statistics that are shown by the n numbers of a state.
    units : ndarray, shape (n,)
        In which steps of the numbers are alike.
    errors : ndarray, shape (m,)
        Of the statistics.
    bounds : tuple of ndarray, shape (n,)
        Lowest and highest state.
    largest : ndarray, shape (n,)
        Steps.
    free : ndarray of bool, shape (n,)
        Numbers that are sought; the others stay as they are.
    """

    jacobian: np.ndarray
    units: np.ndarray
    errors: np.ndarray
    bounds: tuple[np.ndarray, np.ndarray]
    largest: np.ndarray
    free: np.ndarray

    @property
    def system(self) -> np.ndarray:
        """Equations of the free numbers, in `units`: what they show, and that they stay put."""
        scaled = (self.jacobian * self.units / self.errors[:, None])[:, self.free]
        return np.concatenate([scaled, _UNTOLD * np.linalg.norm(scaled, 2) * np.eye(scaled.shape[1])])

    @property
    def to_state(self) -> np.ndarray:
        """The linear map, shape (n, m), from what is shown to the state, without bounds."""
        whole = np.zeros(self.jacobian.shape[::-1])
        whole[self.free] = np.linalg.pinv(self.system)[:, : len(self.errors)] / self.errors
        return whole * self.units[:, None]

    def step(self, missing: np.ndarray, state: np.ndarray) -> np.ndarray:
        """The step within bounds that shows most nearly what is missing."""
        low, high = (end - state for end in self.bounds)
        ends = np.maximum(low, -self.largest) / self.units, np.minimum(high, self.largest) / self.units
        wanted = np.append(missing / self.errors, np.zeros(self.free.sum()))
        within = tuple(end[self.free] for end in ends)
        step = np.zeros(len(state))
        step[self.free] = scipy.optimize.lsq_linear(self.system, wanted, within, method="bvls").x
        return step * self.units

    def solved(
        self, shown: Callable[[np.ndarray], np.ndarray], wanted: np.ndarray, state: np.ndarray, steps: int
    ) -> np.ndarray:
        """A state that shows what is wanted, as far as some steps lead.

        A step that leads away is taken back, and half of it is tried.
        """
        scale, step = 1.0, self.step(wanted - shown(state), state)
        for _ in range(steps):
            if np.linalg.norm(step / self.units) < _ENOUGH:
                break
            moved = np.clip(state + scale * step, *self.bounds)
            following = self.step(wanted - shown(moved), moved)
            if np.linalg.norm(following / self.units) < np.linalg.norm(step / self.units):
                state, step, scale = moved, following, min(1.0, 2 * scale)
            else:
                scale /= 2
        return state
