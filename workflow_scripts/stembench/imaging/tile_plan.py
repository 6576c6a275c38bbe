"""What is simulated for a multislice tile: its slab, the grids of its probes and of the wave function, its slices."""

from dataclasses import dataclass
from math import gcd

import numpy as np

from stembench.crystals.projection import Projection
from stembench.crystals.supercell import Supercell, orthogonal_supercell
from stembench.crystals.symmetry import equivalent_points
from stembench.imaging.probe import Probe


@dataclass(frozen=True)
class TilePlan:
    """What is simulated for a tile.

    An image holds no frequency above 2 alpha / lambda, so the grid of probes holds the reciprocal lattice vectors up
    to there and no more; of the probes that the slab's symmetry makes equal, if it leaves the probe as it is, one is
    simulated. Slices divide the crystal's period along the beam.

    Attributes
    ----------
    cell : Supercell
        The slab.
    lattice : ndarray, shape (2, 2)
        In-plane period as rows (x, y), in the projection's axes [A].
    grid : tuple of int
        Probes along the first and the second of its vectors.
    positions : ndarray, shape (simulated, 2)
        x and y of the probes in the box [A].
    simulated : ndarray of int, shape (probes,)
        Which of these each probe of the grid is equal to.
    gpts : tuple of int
        Grid points of the wave function.
    step : float
        Thickness of a slice [A].
    """

    cell: Supercell
    lattice: np.ndarray
    grid: tuple[int, int]
    positions: np.ndarray
    simulated: np.ndarray
    gpts: tuple[int, int]
    step: float

    @classmethod
    def of(
        cls,
        projection: Projection,
        probe: Probe,
        cell_width: float,
        sampling: float,
        slice_thickness: float,
        symmetric: bool = True,
    ) -> "TilePlan":
        """Parameters as for `simulate_tile`; `symmetric` says that the detectors are the same from every azimuth."""
        cell = orthogonal_supercell(projection, cell_width)
        climbing = cell.tile @ np.column_stack([projection.lattice, projection.rise])
        in_box = (climbing @ cell.deformation)[:, :2]
        first, second = (2 * int(probe.cutoff * np.linalg.norm(vector)) + 1 for vector in in_box)
        places = np.stack(np.meshgrid(np.arange(first) / first, np.arange(second) / second), -1).reshape(-1, 2)
        equal = np.arange(len(places))
        if probe.is_round and symmetric:
            equal = equivalent_points(cell.atoms(projection, projection.period), in_box, (first, second))
        distinct, simulated = np.unique(equal, return_inverse=True)
        periods = _periods_along_edges(cell.tile, cell.indices)
        return cls(
            cell=cell,
            lattice=cell.tile @ projection.lattice,
            grid=(first, second),
            positions=places[distinct] @ in_box,
            simulated=simulated,
            gpts=(grid_points(cell.edges[0], sampling, periods[0]), grid_points(cell.edges[1], sampling, periods[1])),
            step=float(projection.period / np.ceil(projection.period / slice_thickness - 1e-6)),
        )

    def transforms(self, thickness: float) -> float:
        """Size of the calculation for one phonon configuration: probes x slices x grid points x their logarithm."""
        points = float(np.prod(self.gpts))
        return len(self.positions) * np.ceil(thickness / self.step) * points * np.log2(points)


def grid_points(edge: float, sampling: float, periods: int = 1) -> int:
    """Grid points along an edge: small prime factors, and whole sixths of a period on points where that costs little.

    abTEM spreads an atom over the four grid points around it, which takes from its high-angle scattering: equal atoms
    are equal only on equal points, and columns on special positions lie best on points. Multiples of 128 are left out:
    on some of them FFTW's unmeasured plans are ten times slower.
    """
    least = int(np.ceil(edge / sampling - 1e-6))
    plain = next(n for n in range(least, 2 * least + 8) if n % 128 and _smooth(n, 5))
    near = [n for n in range(least, plain * 5 // 4) if n % 128 and _smooth(n, 11)]
    return next((n for whole in (6 * periods, periods) for n in near if n % whole == 0), plain)


def _smooth(n: int, largest: int) -> bool:
    """Whether no prime factor of n is above the largest one."""
    for prime in (2, 3, 5, 7, 11):
        while prime <= largest and n % prime == 0:
            n //= prime
    return n == 1


def _periods_along_edges(tile: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """By what each edge must be divided so that all periods of the tile fall on the division; integer rows."""
    (a, b), (c, d) = edges.tolist()
    cells = abs(a * d - b * c)
    parts = (tile @ np.array([[d, -b], [-c, a]])).T  # in edges, times the determinant
    return np.array([cells // gcd(cells, *part) for part in parts.tolist()])
