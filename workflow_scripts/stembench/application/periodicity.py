"""The lattice that columns lie on, found from their positions, and the local lattice about each of them."""

from dataclasses import dataclass, replace

import numpy as np
from ase.geometry import minkowski_reduce
from scipy import ndimage, stats
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components
from scipy.spatial import cKDTree

_SEEDS, _AROUND = 3000, 80  # columns that differences are taken from, and to how many others each
_TOLERANCE, _TOLERANCE_A = 0.3, 0.45  # that a column may lie off its place: of the median nearest distance, and [A]
_CANDIDATES, _LATTICES = 40, 8  # differences that compete, and pairs of them
_LEAST_SINE = 0.3  # of the angle between lattice vectors, which is 60 degrees or more for the shortest ones
_FEW = 8  # chances of a partner that are counted as missed ones, so that a few that are met prove little
_FINE = 0.25  # exponent of the area: half the cell is worth a sixth of the columns
_CORE, _CORE_PLACES = (
    0.6,
    3,
)  # part of the eight places around a column of the lattice that is occupied, of how many seen
_FEWEST, _SURE, _FILLED = 6, 12, 0.55  # columns that make a lattice, of few and of many; part of their places occupied
_REACH = 1.2  # long diagonals of a cell, to the nearest column of the first sublattice
_SUBLATTICE = 0.25  # of the first sublattice's columns make another one
_MOST_SUBLATTICES = 26
_SHELLS = 12  # columns of the same sublattice around one, in whole shells, that say where it should be
_FEWEST_NEIGHBOURS, _MOST_VARIANCE = 5, 0.6  # of a local fit; variance of its prediction in variances of a column
_STRAY = 0.25  # of the shortest vector, that a neighbour may be strained or displaced
_CHANCE, _EXPLAINED = 1e-4, 0.2  # of a superlattice: of the test, and part of the variance, 0.2 for means an SD apart
_DISPLACED_A, _BRIGHTER = 0.05, 0.05  # least SD between a superlattice's columns [A], and of the mean intensity
_BLOCKS = 4  # on each axis, that stand for independent parts of an image
_HUBER = 1.345  # SDs beyond which a residual counts less; 95 % efficient for normal ones
_PASSES = 10

#: Columns of the lattices of index 2 and 3 of a lattice, as rows of multiples of its vectors.
_SUPERLATTICES = np.array(
    [
        [[2, 0], [0, 1]],
        [[1, 0], [0, 2]],
        [[1, 1], [0, 2]],
        [[3, 0], [0, 1]],
        [[1, 0], [0, 3]],
        [[1, 1], [0, 3]],
        [[1, 2], [0, 3]],
    ]
)
_AROUND_A_CELL = np.array([[1, 0], [0, 1], [1, 1], [1, -1]])


@dataclass(frozen=True)
class Lattice:
    """Columns on a lattice with a basis.

    Attributes
    ----------
    vectors : ndarray, shape (2, 2)
        a and b as rows (x, y) [A].
    cells : ndarray of int, shape (columns, 2)
        The cell of each column in multiples of a and b; counted along the columns, so that strain adds up to nothing.
    sublattices : ndarray of int, shape (columns,)
        Which of `places` each lies on; -1 for columns off the lattice.
    places : ndarray, shape (sublattices, 2)
        In fractions of a and b.
    """

    vectors: np.ndarray
    cells: np.ndarray
    sublattices: np.ndarray
    places: np.ndarray

    @property
    def members(self) -> np.ndarray:
        """Which columns lie on the lattice, bool."""
        return self.sublattices >= 0

    @property
    def design(self) -> np.ndarray:
        """Of a linear model of the members' positions, whose coefficients are a, b and the sublattices' places."""
        member = self.members
        return (
            np.column_stack([self.cells[member], self.sublattices[member, None] == np.arange(len(self.places))]) * 1.0
        )

    def fitted(self, positions: np.ndarray, extent: tuple[float, float]) -> "Lattice":
        """With the vectors and places that the positions of its columns have on average."""
        fit = robust_fit(self.design, positions[self.members], positions[self.members], extent)
        vectors, origins = fit.coefficients[:2], fit.coefficients[2:]
        return replace(self, vectors=vectors, places=(origins - origins[0]) @ np.linalg.inv(vectors))

    def superlattice(self, multiples: np.ndarray) -> "Lattice":
        """The same columns on a lattice whose vectors are multiples of this one's, rows of an int matrix."""
        inverse = np.linalg.inv(multiples)
        vectors, change = reduced(multiples @ self.vectors)
        cells = np.floor(self.cells @ inverse + 1e-6).astype(int)
        rest = self.cells - cells @ multiples
        corners = np.stack(np.meshgrid(*[np.arange(3)] * 2, indexing="ij"), -1).reshape(-1, 2)
        whole = np.floor(corners @ inverse + 1e-6).astype(int) @ multiples
        kinds = np.unique(corners - whole, axis=0)
        kind = (rest[self.members, None] == kinds).all(axis=2).argmax(axis=1)
        places = (kinds[:, None] + self.places) @ inverse
        sublattices = np.full(len(self.cells), -1)
        sublattices[self.members] = kind * len(self.places) + self.sublattices[self.members]
        back = np.linalg.inv(change)
        places, cells = places.reshape(-1, 2) @ back, np.round(cells @ back).astype(int)
        return Lattice(vectors, cells, sublattices, places)

    def superlattices(self) -> list["Lattice"]:
        """Those of index 2 and 3 whose vectors and places the columns determine."""
        every = (self.superlattice(multiples) for multiples in _SUPERLATTICES)
        return [coarser for coarser in every if coarser.determined]

    @property
    def determined(self) -> bool:
        """Whether there are columns enough to tell the vectors and places."""
        design = self.design
        number = len(self.places) + 2
        return len(design) > number and int(np.linalg.matrix_rank(design.T @ design)) == number


def find_lattice(positions: np.ndarray, extent: tuple[float, float]) -> Lattice | None:
    """The finest lattice that the positions of columns show; their intensities may tell of a coarser one.

    Differences between columns that most of them share are lattice vectors. From column to column these lead over the
    largest connected part of a crystal, whatever its strain and drift; the other sublattices are where columns lie
    alike about those of the first.

    Parameters
    ----------
    positions : ndarray, shape (columns, 2)
        x and y [A].
    extent : tuple of float
        Height and width of the image [A].

    Returns
    -------
    Lattice or None
        None where there is none, as in an amorphous material.
    """
    if len(positions) < _FEWEST:
        return None
    tree = cKDTree(positions)
    nearest = float(np.median(tree.query(positions, k=2)[0][:, 1]))
    tolerance = min(_TOLERANCE * nearest, _TOLERANCE_A)
    fewest = np.clip(len(positions) / 3, _FEWEST, _SURE)
    most, found = 0, None
    for vectors in _translations(positions, tree, extent, nearest, tolerance):
        first, cells, filled = _connected(positions, tree, extent, vectors, tolerance)
        if first.sum() >= max(fewest, most + 1) and filled >= _FILLED:
            lattice = _with_basis(positions, first, cells, vectors, tolerance)
            if lattice.determined:
                most, found = first.sum(), lattice
    return None if found is None else found.fitted(positions, extent)


def reduced(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The shortest basis of a lattice, and the integer matrix that makes it of the given one.

    a is the shorter vector, of two that are equally long the one nearer to the x axis; each points to the right, or
    straight down.
    """
    cell = np.zeros((3, 3))
    cell[:2, :2], cell[2, 2] = vectors, np.linalg.norm(vectors, axis=1).max()
    short, change = minkowski_reduce(cell, pbc=(True, True, False))
    short, change = short[:2, :2], change[:2, :2]
    lengths = np.linalg.norm(short, axis=1)
    alike = np.ptp(lengths) < 0.01 * lengths.max()
    order = np.argsort(-abs(short[:, 0]) if alike else lengths, kind="stable")
    signs = np.where([tuple(vector) > (1e-9, 0) for vector in short], 1, -1)
    return (short * signs[:, None])[order], (change * signs[:, None])[order].astype(int)


@dataclass(frozen=True)
class LocalLattice:
    """The lattice about each column, from its neighbours on the same sublattice.

    Attributes
    ----------
    expected : ndarray, shape (columns, quantities)
        What an affine fit to the neighbours gives for the column itself; nan where they are too few or on one side.
    gradients : ndarray, shape (columns, 2, quantities)
        Change of the quantities with the vectors of the undistorted lattice [1/A].
    """

    expected: np.ndarray
    gradients: np.ndarray


def local_lattice(positions: np.ndarray, quantities: np.ndarray, lattice: Lattice) -> LocalLattice:
    """Affine fits to the quantities of each column's neighbours, without the column.

    Parameters
    ----------
    positions : ndarray, shape (columns, 2)
        x and y [A].
    quantities : ndarray, shape (columns, quantities)
        What is fitted, such as the positions themselves.
    lattice : Lattice
        Of the columns.
    """
    vectors = lattice.vectors
    steps = np.stack(np.meshgrid(*[np.arange(-9, 10)] * 2), -1).reshape(-1, 2)
    lengths = np.sort(np.linalg.norm(steps @ vectors, axis=1))[1:]
    radius = lengths[_SHELLS - 1] * 1.01
    number = int(np.searchsorted(lengths, radius)) + 4  # false columns among them
    stray = _STRAY * np.linalg.norm(vectors, axis=1).min()
    expected = np.full(quantities.shape, np.nan)
    gradients = np.full((len(positions), 2, quantities.shape[1]), np.nan)
    for sublattice in range(len(lattice.places)):
        own = np.flatnonzero(lattice.sublattices == sublattice)
        if len(own) <= _FEWEST_NEIGHBOURS:
            continue
        at, cells, values = positions[own], lattice.cells[own], quantities[own]
        _, near = cKDTree(at).query(at, k=min(number, len(own) - 1) + 1)
        near = near[:, 1:]
        ideal = (cells[near] - cells[:, None]) @ vectors
        off = np.linalg.norm(at[near] - at[:, None] - ideal, axis=2)
        lengths = np.linalg.norm(ideal, axis=2)
        weights = ((lengths < radius) & (lengths > 0) & (off < stray + 0.1 * lengths)).astype(float)
        design = np.concatenate([np.ones((*near.shape, 1)), ideal / radius], axis=2)
        weighted = design * weights[..., None]
        normal = np.einsum("nki,nkj->nij", weighted, design)
        enough = (weights.sum(axis=1) >= _FEWEST_NEIGHBOURS) & (np.linalg.eigvalsh(normal)[:, 0] > 0.1)
        inverse = np.linalg.inv(normal[enough])
        fit = inverse @ np.einsum("nki,nkq->niq", weighted[enough], values[near[enough]])
        sided = inverse[:, 0, 0] > _MOST_VARIANCE
        expected[own[enough]] = np.where(sided[:, None], np.nan, fit[:, 0])
        gradients[own[enough]] = fit[:, 1:] / radius
    return LocalLattice(expected, gradients)


def told_apart(
    lattice: Lattice, positions: np.ndarray, intensities: np.ndarray, extent: tuple[float, float]
) -> list[Lattice]:
    """A lattice and the coarser ones that intensities, or small displacements, show it to be a part of.

    Columns that take turns in brightness (perovskites along [001]) or in place (the rare earth of an orthorhombic one)
    have a lattice of twice or three times the cell. Each column is compared with its surroundings, by an analysis of
    variance over the classes of the superlattice.

    Returns
    -------
    list of Lattice
        From the given one to the coarsest.
    """
    chain = [lattice]
    while len(chain[-1].places) <= _MOST_SUBLATTICES // 2:
        coarser = _told_apart_once(chain[-1], positions, intensities)
        if coarser is None:
            break
        chain.append(coarser.fitted(positions, extent))
    return chain


@dataclass(frozen=True)
class RobustFit:
    """Coefficients of a linear model, and the covariance of all of them, the first quantity's first."""

    coefficients: np.ndarray
    covariance: np.ndarray
    residuals: np.ndarray


def robust_fit(design: np.ndarray, values: np.ndarray, positions: np.ndarray, extent: tuple[float, float]) -> RobustFit:
    """Least squares by Huber's weights, with a covariance for residuals that are alike in a part of the image.

    The covariance is the sandwich over the blocks of the image (Liang and Zeger, Biometrika 73, 13 (1986), doi
    10.1093/biomet/73.1.13): drift and strain make neighbours err together. No variance is less than that of independent
    residuals.

    Parameters
    ----------
    design : ndarray, shape (columns, coefficients)
    values, positions : ndarray, shape (columns, 2)
        What is fitted, and where that was measured [A].
    extent : tuple of float
        Height and width of the image [A].
    """
    weights = np.ones(len(design))
    for _ in range(_PASSES):
        weighted = design * weights[:, None]
        inverse = np.linalg.pinv(weighted.T @ design)
        coefficients = inverse @ weighted.T @ values
        residuals = values - design @ coefficients
        off = np.linalg.norm(residuals, axis=1)
        scale = np.median(off) / 1.1774  # the median of a Rayleigh distribution
        weights = 1 / np.maximum(off / max(_HUBER * scale, 1e-9), 1)
    block = np.clip(positions / np.array(extent)[::-1] * _BLOCKS, 0, _BLOCKS - 1).astype(int) @ [1, _BLOCKS]
    scores = np.stack([weighted * residuals[:, [axis]] for axis in (0, 1)], axis=1).reshape(len(design), -1)
    sums = np.stack([np.bincount(block, column, _BLOCKS**2) for column in scores.T], axis=1)
    bread = np.kron(np.eye(2), inverse)
    used, number = len(np.unique(block)), len(design)
    spare = number - design.shape[1]
    small_sample = used / max(used - 1, 1) * max(number - 1, 1) / max(spare, 1)
    covariance = small_sample * bread @ sums.T @ sums @ bread
    # A few blocks tell too small an error where residuals are independent after all.
    variances = (weights[:, None] * residuals**2).sum(axis=0) / max(spare, 1)
    independent, clustered = np.outer(variances, np.diag(inverse)).ravel(), np.diag(covariance)
    factors = np.sqrt(np.maximum(independent / np.maximum(clustered, 1e-300), 1))
    return RobustFit(coefficients, covariance * np.outer(factors, factors), residuals)


def _translations(
    positions: np.ndarray, tree: cKDTree, extent: tuple[float, float], nearest: float, tolerance: float
) -> list[np.ndarray]:
    """Pairs of shortest vectors that lead from columns to columns; of many columns there is one."""
    seeds = positions[:: max(len(positions) // _SEEDS, 1)]
    around = min(_AROUND, len(positions) - 1)
    distances, near = tree.query(seeds, k=around + 1)
    differences = (positions[near[:, 1:]] - seeds[:, None]).reshape(-1, 2)
    candidates = _peaks(differences, float(np.median(distances[:, -1])), nearest)
    if len(candidates) < 2:
        return []
    candidates, has, seen = _supported(seeds, tree, extent, candidates, tolerance)
    # Vectors that hold together for the same columns, not some of them for one grain and some for another one.
    possible, joint = (np.einsum("dip,diq->pq", each, each, optimize=True) for each in (seen, has))
    # Two that lead ahead to columns lead back to others as well, unless they join the atoms of a dumbbell or honeycomb.
    back = [np.einsum("dip,diq->pq", has * each[::-1], has, optimize=True) for each in (has, seen)]
    closed = (back[0] + back[0].T) / (back[1] + back[1].T + _FEW)
    lengths = np.linalg.norm(candidates, axis=1)
    area = abs(candidates[:, None, 0] * candidates[None, :, 1] - candidates[:, None, 1] * candidates[None, :, 0])
    apart = np.triu(area > _LEAST_SINE * lengths[:, None] * lengths, 1) & (possible > 0)
    if not apart.any():
        return []
    # Of a finer lattice a coarser one is a part, and of two grains there is one that is almost a part of both.
    fineness = closed**2 / np.where(apart, area, np.inf) ** _FINE
    sure, error = joint / (possible + _FEW) * fineness, 0.5 / np.sqrt(np.maximum(possible, 1))
    good = apart & ((joint / np.maximum(possible, 1) + error) * fineness >= sure.max())
    pairs = np.argwhere(good)[np.argsort(-sure[good], kind="stable")]
    lattices: list[np.ndarray] = []
    for pair in pairs:
        vectors = reduced(candidates[pair])[0]
        if not any(np.allclose(vectors, other, atol=tolerance) for other in lattices):
            lattices.append(vectors)
    return lattices[:_LATTICES]


def _peaks(differences: np.ndarray, radius: float, nearest: float) -> np.ndarray:
    """Differences that are frequent, one of each and its opposite, shape (peaks, 2) [A]."""
    step = nearest / 12
    half = int(np.ceil(radius / step)) + 1
    bins = np.floor(differences / step + half + 0.5).astype(int)
    bins = bins[np.all((bins >= 0) & (bins <= 2 * half), axis=1)]
    counts = np.zeros((2 * half + 1,) * 2)
    np.add.at(counts, (bins[:, 1], bins[:, 0]), 1)
    counts = ndimage.gaussian_filter(counts + counts[::-1, ::-1], 1.5, mode="constant")
    tops = (counts == ndimage.maximum_filter(counts, 5)) & (counts > 0)
    rows, cells = np.nonzero(tops)
    peaks = (np.column_stack([cells, rows]) - half) * step
    one_of_two = (peaks[:, 0] > 1e-9) | ((abs(peaks[:, 0]) <= 1e-9) & (peaks[:, 1] > 0))
    heights = np.where(one_of_two, counts[rows, cells], 0)
    best = np.argsort(-heights, kind="stable")[:_CANDIDATES]
    return peaks[best[heights[best] > 0]]


def _supported(
    seeds: np.ndarray, tree: cKDTree, extent: tuple[float, float], candidates: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Refined vectors; 1 where a column is one ahead and behind (2, seeds, vectors), 1 where the image goes so far."""
    for _ in range(3):
        ends = seeds[:, None] + candidates
        _, partner = tree.query(ends, distance_upper_bound=tolerance)
        met = partner < tree.n
        off = np.where(met[..., None], tree.data[np.where(met, partner, 0)] - ends, np.nan)
        used = met.any(axis=0)
        candidates = candidates[used] + np.nanmedian(off[:, used], axis=0)
        apart = np.linalg.norm(candidates[:, None] - candidates, axis=2)
        candidates = candidates[~np.triu(apart < tolerance, 1).any(axis=0)]  # the more frequent of two
    ends = seeds[:, None] + np.stack([candidates, -candidates])[:, None]
    distance, _ = tree.query(ends, distance_upper_bound=tolerance)
    return candidates, np.isfinite(distance).astype(float), _inside(ends, extent).astype(float)


def _inside(points: np.ndarray, extent: tuple[float, float]) -> np.ndarray:
    return np.all((points >= 0) & (points <= extent[::-1]), axis=-1)


def _connected(
    positions: np.ndarray, tree: cKDTree, extent: tuple[float, float], vectors: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """The most columns that steps of lattice vectors connect, as a mask, all cells, and part of the places occupied."""
    number = len(positions)
    steps = np.concatenate([_AROUND_A_CELL, -_AROUND_A_CELL])
    partners, filled, seen = [], np.zeros(number), np.zeros(number)
    for step in steps:
        ends = positions + step @ vectors
        _, partner = tree.query(ends, distance_upper_bound=tolerance)
        partners.append(partner)
        filled += partner < number
        seen += _inside(ends, extent)
    core = (filled >= _CORE * seen) & (filled >= _CORE_PLACES)
    starts, ends, taken = [], [], []
    for which in range(len(_AROUND_A_CELL)):
        ahead, behind = partners[which], partners[which + len(_AROUND_A_CELL)]
        start = np.flatnonzero(ahead < number)
        start = start[behind[ahead[start]] == start]
        start = start[core[start] | core[ahead[start]]]
        starts.append(start)
        ends.append(ahead[start])
        taken.append(np.full(len(start), which + 1))
    start, end, code = (np.concatenate(parts) for parts in (starts, ends, taken))
    links = coo_array(
        (np.concatenate([code, -code]), (np.concatenate([start, end]), np.concatenate([end, start]))), (number,) * 2
    ).tocsr()
    _, part = connected_components(links, directed=False)
    largest = np.bincount(part[core], minlength=1).argmax() if core.any() else -1
    cells = np.zeros((number, 2), int)
    first = part == largest
    if not first.any():
        return first, cells, 0.0
    order, previous = breadth_first_order(links, np.flatnonzero(first & core)[0])
    codes = np.asarray(links[previous[order[1:]], order[1:]]).ravel()
    step = np.sign(codes)[:, None] * _AROUND_A_CELL[abs(codes) - 1]
    reached = {int(order[0]): (0, 0)}
    for column, before, (da, db) in zip(order[1:].tolist(), previous[order[1:]].tolist(), step.tolist()):
        a, b = reached[before]
        reached[column] = (a + da, b + db)
    cells[list(reached)] = list(reached.values())
    return first, cells, float(filled[first].sum() / seen[first].sum())


def _with_basis(
    positions: np.ndarray, first: np.ndarray, cells: np.ndarray, vectors: np.ndarray, tolerance: float
) -> Lattice:
    """All columns that lie alike about those of the first sublattice."""
    lattice = Lattice(vectors, cells, np.where(first, 0, -1), np.zeros((1, 2)))
    gradients = local_lattice(positions, positions, lattice).gradients[first]
    local = np.where(np.isfinite(gradients), vectors @ gradients, vectors)
    own, others = np.flatnonzero(first), np.flatnonzero(~first)
    reach = _REACH * max(np.linalg.norm(vectors.sum(axis=0)), np.linalg.norm(vectors[0] - vectors[1]))
    _, near = cKDTree(positions[own]).query(positions[others], distance_upper_bound=reach)
    others, near = others[near < len(own)], near[near < len(own)]
    away = positions[others] - positions[own[near]]
    fractions = np.linalg.solve(np.swapaxes(local[near], 1, 2), away[..., None])[..., 0]
    places = _places(fractions, vectors, tolerance, _SUBLATTICE * len(own))

    off = fractions[:, None] - places
    whole = np.round(off)
    distance = np.linalg.norm((off - whole) @ vectors, axis=2)
    nearest = distance.argmin(axis=1)
    rows = np.flatnonzero(distance[np.arange(len(others)), nearest] < tolerance)
    sublattices, off_place = np.where(first, 0, -1), np.zeros(len(positions))
    sublattices[others[rows]] = nearest[rows]
    off_place[others[rows]] = distance[rows, nearest[rows]]
    cells = cells.copy()
    cells[others[rows]] = cells[own[near[rows]]] + whole[rows, nearest[rows]].astype(int)
    members = np.flatnonzero(sublattices >= 0)
    members = members[np.argsort(off_place[members], kind="stable")]
    _, once = np.unique(np.column_stack([sublattices, cells])[members], axis=0, return_index=True)
    sublattices[np.setdiff1d(members, members[once])] = -1
    return Lattice(vectors, cells, sublattices, places)


def _places(fractions: np.ndarray, vectors: np.ndarray, tolerance: float, fewest: float) -> np.ndarray:
    """Where in a cell columns gather, in fractions; the first sublattice at 0."""
    places = [np.zeros(2)]
    rest = fractions % 1
    rest = rest[_apart(rest, places[0], vectors) >= tolerance]
    shape = np.ceil(np.linalg.norm(vectors, axis=1) / (tolerance / 4)).astype(int)
    while len(rest) >= fewest and len(places) < _MOST_SUBLATTICES:
        at = np.floor(rest * shape).astype(int) % shape
        counts = np.zeros(shape)
        np.add.at(counts, tuple(at.T), 1)
        counts = ndimage.gaussian_filter(counts, 1.5, mode="wrap")
        place = (np.array(np.unravel_index(counts.argmax(), shape)) + 0.5) / shape
        for _ in range(3):
            gathered = _apart(rest, place, vectors) < tolerance
            off = rest[gathered] - place
            place = place + np.median(off - np.round(off), axis=0) if gathered.any() else place
        gathered = _apart(rest, place, vectors) < tolerance
        if gathered.sum() < max(fewest, 3):
            break
        places.append(place % 1)
        rest = rest[~gathered]
    return np.array(places)


def _apart(fractions: np.ndarray, place: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    off = fractions - place
    return np.linalg.norm((off - np.round(off)) @ vectors, axis=1)


def _told_apart_once(lattice: Lattice, positions: np.ndarray, intensities: np.ndarray) -> Lattice | None:
    quantities = np.column_stack([positions, intensities])
    local = quantities - local_lattice(positions, quantities, lattice).expected
    least = np.array([_DISPLACED_A, _DISPLACED_A, _BRIGHTER * abs(np.nanmean(intensities))])
    best, found = _CHANCE, None
    for coarser in lattice.superlattices():
        for sublattice in range(len(lattice.places)):
            own = np.flatnonzero(lattice.sublattices == sublattice)
            apart = local[own]
            if 2 * np.isfinite(apart[:, 0]).sum() < len(own):  # a small image has hardly a column with surroundings
                apart = _about_the_mean(quantities[own], lattice.cells[own])
            for values, limit in zip(apart.T, least):
                chance = _chance(values, coarser.sublattices[own], limit)
                if chance < best:
                    best, found = chance, coarser
    return found


def _about_the_mean(quantities: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """What an affine function of the cell leaves of positions, and their mean of intensities."""
    design = np.column_stack([np.ones(len(cells)), cells])
    places = quantities[:, :2] - design @ np.linalg.lstsq(design, quantities[:, :2], rcond=None)[0]
    return np.column_stack([places, quantities[:, 2] - np.nanmean(quantities[:, 2])])


def _chance(values: np.ndarray, classes: np.ndarray, least: float) -> float:
    """Probability that classes differ as much by chance; 1 where they differ by less than matters."""
    known = np.isfinite(values)
    values, classes = values[known], classes[known]
    groups = [values[classes == each] for each in np.unique(classes)]
    if len(groups) < 2 or min(len(group) for group in groups) < 3:
        return 1.0
    middle, spread = np.median(values), stats.median_abs_deviation(values, scale="normal")
    groups = [np.clip(group, middle - 4 * spread, middle + 4 * spread) for group in groups]
    together = np.concatenate(groups)
    between = np.concatenate([np.full(len(group), group.mean()) for group in groups]).std()
    if between < least or between**2 < _EXPLAINED * together.var():
        return 1.0
    return float(stats.f_oneway(*groups).pvalue)
