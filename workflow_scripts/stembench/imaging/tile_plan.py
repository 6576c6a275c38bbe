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
        period_in_box = _period_in_box(cell, projection)
        grid = _probes_along(period_in_box, probe.cutoff)
        fractions = _fractions_of_period(grid)
        equal_to = np.arange(len(fractions))
        if probe.is_round and symmetric:
            equal_to = equivalent_points(cell.atoms(projection, projection.period), period_in_box, grid)
        distinct, simulated = np.unique(equal_to, return_inverse=True)
        divisions = _divisions_of_edges(cell.tile, cell.indices)
        slices_per_period = np.ceil(projection.period / slice_thickness - 1e-6)
        return cls(
            cell=cell,
            lattice=cell.tile @ projection.lattice,
            grid=grid,
            positions=fractions[distinct] @ period_in_box,
            simulated=simulated,
            gpts=(
                grid_points(cell.edges[0], sampling, divisions[0]),
                grid_points(cell.edges[1], sampling, divisions[1]),
            ),
            step=float(projection.period / slices_per_period),
        )

    def transforms(self, thickness: float) -> float:
        """Size of the calculation for one phonon configuration: probes x slices x grid points x their logarithm."""
        points = float(np.prod(self.gpts))
        return len(self.positions) * np.ceil(thickness / self.step) * points * np.log2(points)


def _period_in_box(cell: Supercell, projection: Projection) -> np.ndarray:
    """Vectors of the in-plane period as rows (x, y) in the box, which is strained and whose columns may climb [A]."""
    climbing = cell.tile @ np.column_stack([projection.lattice, projection.rise])
    return (climbing @ cell.deformation)[:, :2]


def _probes_along(period: np.ndarray, cutoff: float) -> tuple[int, int]:
    """Probes along each vector of the period: one per reciprocal lattice vector up to the cut-off of either sign."""
    first, second = (2 * int(cutoff * np.linalg.norm(vector)) + 1 for vector in period)
    return first, second


def _fractions_of_period(grid: tuple[int, int]) -> np.ndarray:
    """Places of the probes in fractions of the period, the first one running fastest; shape (probes, 2)."""
    along_first, along_second = (np.arange(count) / count for count in grid)
    return np.stack(np.meshgrid(along_first, along_second), -1).reshape(-1, 2)


def grid_points(edge: float, sampling: float, divisions: int = 1) -> int:
    """Grid points along an edge of the box.

    abTEM spreads an atom over the four grid points around it, which takes from its high-angle scattering: equal atoms
    are equal only on equal points, and columns on special positions (halves, thirds, sixths) lie best on points. The
    number is therefore a multiple of six times the divisions, or of the divisions, where one is at most 25 % larger
    than needed. Prime factors are up to 11 then, and up to 5 otherwise, for the Fourier transforms. Multiples of 128
    are left out: on some of them FFTW's unmeasured plans are ten times slower.

    Parameters
    ----------
    edge : float
        [A].
    sampling : float
        Largest spacing of the points [A].
    divisions : int
        Equal parts of the edge on whose ends periods of the crystal lie.
    """
    least = int(np.ceil(edge / sampling - 1e-6))
    plain = next(n for n in range(least, 2 * least + 8) if _is_fast(n, largest_prime=5))
    candidates = [n for n in range(least, plain * 5 // 4) if _is_fast(n, largest_prime=11)]
    for multiple in (6 * divisions, divisions):
        for n in candidates:
            if n % multiple == 0:
                return n
    return plain


def _is_fast(n: int, largest_prime: int) -> bool:
    """Whether FFTW transforms n points fast: no larger prime factor, and no multiple of 128."""
    if n % 128 == 0:
        return False
    for prime in (2, 3, 5, 7, 11):
        while prime <= largest_prime and n % prime == 0:
            n //= prime
    return n == 1


def _divisions_of_edges(tile: np.ndarray, edges: np.ndarray) -> list[int]:
    """Into how many equal parts each edge is divided so that every period of the tile ends on an end of a part.

    Parameters
    ----------
    tile, edges : ndarray, shape (2, 2)
        Periods of the tile and edges of the box as integer rows, in vectors of the lattice.
    """
    (a, b), (c, d) = edges.tolist()
    determinant = abs(a * d - b * c)
    adjugate = np.array([[d, -b], [-c, a]])
    in_edges = tile @ adjugate  # periods as fractions of the edges, times the determinant
    return [determinant // gcd(determinant, *along_edge) for along_edge in in_edges.T.tolist()]
