"""Which column of a known crystal is which, and what the crystal says of the pixel size."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy.optimize import linear_sum_assignment

from stembench.application.periodicity import Lattice, reduced, robust_fit
from stembench.crystals.composition import composition
from stembench.crystals.field import in_plane_turn
from stembench.crystals.projection import Projection
from stembench.imaging.linear import strength_of

#: What a lattice costs in a match that the columns alone do not show.
OTHER_LATTICE = 0.3

_GAMMA = 1.7  # of Z in a column's strength, as in the linear model
_ALIKE = 0.15  # difference of strengths, as a fraction, that an image does not show
_SAME_PLACE_A = 0.15  # difference of places that it does not show
_OFF_PLACE_A = 0.4  # that a sublattice may be displaced from the crystal's place
_SCALE, _ANISOTROPY = 0.25, 0.12  # logarithms of the largest error of the pixel size and ratio of principal stretches
# What counts as much as a whole sublattice that is not explained: SD of places [A], logarithms of stretch and scale.
_PLACE_A, _STRETCH, _ENLARGED = 0.15, 0.03, 0.1
_EQUAL = 0.02  # difference of such costs between what the crystal's symmetries make of one
_FAINT = 0.05  # difference of mean intensities, as a fraction, that may be noise
_UNEXPLAINED, _UNSEEN, _OUT_OF_ORDER = 0.2, 0.4, 0.5  # of a structure that fits, at most
_DISPLACED = (
    2  # likewise, mean squared distance from its places in that of _PLACE_A: a tilt parts heavy and light columns
)
_CHANGES = np.array([m for m in product(range(-2, 3), repeat=4) if abs(m[0] * m[3] - m[1] * m[2]) == 1]).reshape(
    -1, 2, 2
)


@dataclass(frozen=True)
class Pattern:
    """Those columns of a crystal that an image may show, on the finest lattice by which they repeat in it.

    Attributes
    ----------
    vectors : ndarray, shape (2, 2)
        Lattice vectors as rows (x, y) [A].
    places : ndarray, shape (places, 2)
        In fractions of them.
    strengths : ndarray, shape (places,)
        Scattering strength of one period along the beam.
    species : tuple of str
        What the columns hold.
    not_seen : tuple of str
        What those hold that are left out.
    """

    vectors: np.ndarray
    places: np.ndarray
    strengths: np.ndarray
    species: tuple[str, ...]
    not_seen: tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """A lattice with what its sublattices are.

    Attributes
    ----------
    lattice : Lattice
        Of the columns.
    pattern : Pattern
        Of the crystal.
    places : ndarray of int, shape (sublattices,)
        Place in the pattern of each sublattice; -1 where the crystal has none.
    ideal : ndarray, shape (sublattices, 2)
        Position of each sublattice's place in the lattice's cell (0, 0) of the undistorted crystal [A].
    vectors : ndarray, shape (2, 2)
        a and b of the undistorted crystal, in the projection's axes [A].
    cost : float
        0 for a perfect match.
    fits : bool
        Whether the columns can be of this crystal.
    """

    lattice: Lattice
    pattern: Pattern
    places: np.ndarray
    ideal: np.ndarray
    vectors: np.ndarray
    cost: float
    fits: bool

    @property
    def species(self) -> list[str | None]:
        """Of each sublattice."""
        return [self.pattern.species[place] if place >= 0 else None for place in self.places]

    def of(self, lattice: Lattice, order: np.ndarray) -> "Match":
        """The same of a lattice whose sublattices are in another order."""
        return replace(self, lattice=lattice, places=self.places[order], ideal=self.ideal[order])


def patterns_of(projection: Projection) -> list[Pattern]:
    """What an image may show of a crystal: all columns, or the heavier ones alone, the more the earlier."""
    strengths = np.array(
        [sum(a["occupancy"] * strength_of(a["element"], _GAMMA) for a in c["atoms"]) for c in projection.columns]
    )
    species = [composition(column) for column in projection.columns]
    places = np.array([[c["x_A"], c["y_A"]] for c in projection.columns]) @ np.linalg.inv(projection.lattice)
    visible = {tuple(strengths >= least * (1 - _ALIKE)) for least in strengths}
    found = []
    for seen in sorted(visible, key=sum, reverse=True):
        chosen = np.flatnonzero(seen)
        not_seen = tuple(dict.fromkeys(name for name, it in zip(species, seen) if not it))
        names = tuple(species[index] for index in chosen)
        found.append(_finest(Pattern(projection.lattice, places[chosen] % 1, strengths[chosen], names, not_seen)))
    return found


def match_structure(
    told: list[Lattice], more: list[Lattice], intensities: np.ndarray, projection: Projection
) -> Match | None:
    """The lattice, and the origin and orientation of the crystal, that explain the columns best.

    Parameters
    ----------
    told : list of Lattice
        Those that the columns show, the coarsest last.
    more : list of Lattice
        Others that are possible.
    intensities : ndarray, shape (columns,)
        The brighter, the heavier the column.
    projection : Projection
        The crystal.

    Returns
    -------
    Match or None
        None if no lattice is as large and as high as one of the crystal, within 25 % of the size and 12 % of the shape.
    """
    patterns = patterns_of(projection)
    matches = [
        replace(match, cost=match.cost + (0 if lattice is told[-1] else OTHER_LATTICE))
        for lattice in [*told, *more]
        for pattern in patterns
        for match in _matches(lattice, _means(lattice, intensities), pattern)
    ]
    if not matches:
        return None
    best = min(match.cost for match in matches)
    return min((match for match in matches if match.cost < best + _EQUAL), key=_turn)


def fitted_structure(match: Match, positions: np.ndarray, extent: tuple[float, float]) -> dict:
    """Distortion and orientation of a matched crystal in the image, by the best affine map of its columns.

    Parameters
    ----------
    match : Match
        The crystal.
    positions : ndarray, shape (columns, 2)
        x and y [A].
    extent : tuple of float
        Height and width of the image [A].

    Returns
    -------
    dict
        As `analyse` says of its `structure`.
    """
    lattice = match.lattice
    explained = lattice.members & (match.places[lattice.sublattices] >= 0)
    ideal = lattice.cells[explained] @ match.vectors + match.ideal[lattice.sublattices[explained]]
    mirrored = bool(np.linalg.det(_affine(match)) < 0)
    ideal = ideal * ([-1, 1] if mirrored else [1, 1])
    middle = ideal.mean(axis=0)
    design = np.column_stack([np.ones(len(ideal)), ideal - middle])
    fit = robust_fit(design, positions[explained], positions[explained], extent)
    covariance = fit.covariance.reshape(2, 3, 2, 3)[:, 1:, :, 1:].reshape(4, 4)  # x of both rows, then y
    affine = fit.coefficients[1:]
    values = _distortion(affine)
    steps = 1e-6 * np.eye(4).reshape(4, 2, 2)
    slopes = np.array([(_distortion(affine + step.T) - values) / 1e-6 for step in steps])
    errors = np.sqrt(np.einsum("iq,ij,jq->q", slopes, covariance, slopes))
    (size, scale_x, scale_y, shear, _), (size_se, scale_x_se, scale_y_se, shear_se, _) = values, errors
    length_a, length_b = np.linalg.norm(match.vectors, axis=1)
    cosine = match.vectors[0] @ match.vectors[1] / (length_a * length_b)
    return {
        "fits": True,
        "a_A": float(length_a),
        "b_A": float(length_b),
        "angle_deg": float(np.degrees(np.arccos(cosine))),
        "pixel_size_error_percent": 100 * float(size - 1),
        "pixel_size_error_percent_se": 100 * float(size_se),
        "scale_x": float(scale_x),
        "scale_x_se": float(scale_x_se),
        "scale_y": float(scale_y),
        "scale_y_se": float(scale_y_se),
        "shear": float(shear),
        "shear_se": float(shear_se),
        "rotation_deg": float(np.degrees(values[4])),
        "mirrored": mirrored,
        "rms_pm": 100 * float(np.sqrt((fit.residuals**2).sum(axis=1).mean())),
        "fraction_explained": float(explained.mean()),
        "not_seen": list(match.pattern.not_seen),
    }


def _distortion(affine: np.ndarray) -> np.ndarray:
    """Scale, scale_x, scale_y, shear and turn [rad] of a map of row vectors: a turn, then what a slow scan does.

    A drift during the scan shifts and stretches along y, and shears along x, for the rows are fast.
    """
    turn = np.arctan2(affine[0, 1], affine[1, 1])
    (scale_x, _), (shear, scale_y) = in_plane_turn(-turn) @ affine
    return np.array([np.sqrt(np.linalg.det(affine)), scale_x, scale_y, shear, turn])


def _affine(match: Match) -> np.ndarray:
    """Map of row vectors from the projection's axes to the image's."""
    return np.linalg.solve(match.vectors, match.lattice.vectors)


def _turn(match: Match) -> tuple[bool, float]:
    """What puts one of several equal orientations first: no mirror, the least rotation."""
    affine = _affine(match)
    mirrored = bool(np.linalg.det(affine) < 0)
    return mirrored, round(abs(float(_distortion(np.diag([-1, 1]) @ affine if mirrored else affine)[4])), 3)


def _means(lattice: Lattice, intensities: np.ndarray) -> np.ndarray:
    return np.array([np.nanmean(intensities[lattice.sublattices == k]) for k in range(len(lattice.places))])


def _matches(lattice: Lattice, intensities: np.ndarray, pattern: Pattern) -> Iterable[Match]:
    """Every orientation and origin of a pattern that is about as large as the lattice."""
    bases = _CHANGES @ pattern.vectors
    affine = np.linalg.solve(bases, np.broadcast_to(lattice.vectors, bases.shape))
    large, small = np.linalg.svd(affine, compute_uv=False).T
    scale, stretch = np.log(large * small) / 2, np.log(large / small)
    shares = np.bincount(lattice.sublattices[lattice.members], minlength=len(lattice.places)) / lattice.members.sum()
    for which in np.flatnonzero((abs(scale) < _SCALE) & (stretch < _ANISOTROPY)):
        vectors, change = bases[which], _CHANGES[which]
        places = pattern.places @ np.linalg.inv(change)
        distorted = (stretch[which] / _STRETCH) ** 2 + (scale[which] / _ENLARGED) ** 2
        for origin in range(len(places)):
            apart = (places - places[origin])[None] - (lattice.places - lattice.places[0])[:, None]
            apart -= np.round(apart)
            distances = np.linalg.norm(apart @ lattice.vectors, axis=2)
            rows, taken = linear_sum_assignment(np.minimum(distances, _OFF_PLACE_A))
            close = distances[rows, taken] < _OFF_PLACE_A
            rows, taken = rows[close], taken[close]
            off = apart[rows, taken] @ lattice.vectors
            off = off - np.average(off, axis=0, weights=shares[rows])
            displaced = float(np.average((off**2).sum(axis=1), weights=shares[rows])) / _PLACE_A**2
            unexplained = 1 - shares[rows].sum()
            unseen = 1 - pattern.strengths[taken].sum() / pattern.strengths.sum()
            disorder = _out_of_order(pattern.strengths[taken], intensities[rows])
            at, ideal = np.full(len(lattice.places), -1), np.zeros((len(lattice.places), 2))
            at[rows] = taken
            # the image of the place that is nearest to the sublattice's own
            ideal[rows] = (lattice.places[rows] - lattice.places[0] + apart[rows, taken]) @ vectors
            cost = distorted + displaced + 2 * unexplained + unseen + disorder
            fits = unexplained < _UNEXPLAINED and unseen < _UNSEEN and disorder < _OUT_OF_ORDER
            yield Match(lattice, pattern, at, ideal, vectors, float(cost), bool(fits and displaced < _DISPLACED))


def _out_of_order(strengths: np.ndarray, intensities: np.ndarray) -> float:
    """Part of the differences in strength that the intensities contradict."""
    one, other = np.triu_indices(len(strengths), 1)
    heavier = np.log(strengths[one] / strengths[other])
    heavier[abs(heavier) < _ALIKE] = 0
    middle = (abs(intensities[one]) + abs(intensities[other])) / 2
    brighter = (intensities[one] - intensities[other]) / np.maximum(middle, 1e-12) * np.sign(heavier)
    against = np.clip(-np.nan_to_num(brighter) / _FAINT, 0, 1)  # what nobody knows contradicts nothing
    return float((abs(heavier) * against).sum() / max(abs(heavier).sum(), 1e-12))


def _finest(pattern: Pattern) -> Pattern:
    """The same columns on all translations that take each to one that looks like it."""
    places, strengths = pattern.places, pattern.strengths
    shifts = [shift for shift in places - places[0] if _repeats(places, strengths, shift, pattern.vectors)]
    if len(shifts) == 1:
        return pattern
    whole = np.array(list(product((-1, 0, 1), repeat=2)))
    steps = (np.array(shifts)[:, None] + whole).reshape(-1, 2)
    one, other = np.triu_indices(len(steps), 1)
    areas = abs(steps[one, 0] * steps[other, 1] - steps[one, 1] * steps[other, 0])
    cell = np.flatnonzero(abs(areas * len(shifts) - 1) < 0.5)[0]
    fractions = steps[[one[cell], other[cell]]]
    # nearly a translation is taken for one, so that multiples of it are lattice vectors of the crystal
    inverse = np.round(np.linalg.inv(fractions))
    vectors, change = reduced(np.linalg.solve(inverse, pattern.vectors))
    places = places @ inverse @ np.linalg.inv(change)
    once: list[int] = []
    for index, place in enumerate(places):
        off = places[once] - place
        if not np.any(np.linalg.norm((off - np.round(off)) @ vectors, axis=1) < 2 * _SAME_PLACE_A):
            once.append(index)
    species = tuple(pattern.species[index] for index in once)
    return Pattern(vectors, places[once] % 1, strengths[once], species, pattern.not_seen)


def _repeats(places: np.ndarray, strengths: np.ndarray, shift: np.ndarray, vectors: np.ndarray) -> bool:
    off = (places + shift)[:, None] - places
    distances = np.linalg.norm((off - np.round(off)) @ vectors, axis=2)
    distances[abs(np.log(strengths[:, None] / strengths)) > _ALIKE] = np.inf
    return bool(np.all(distances.min(axis=1) < _SAME_PLACE_A))
