"""What columns tell of their crystal: lattice, sublattices, displacements and strain."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from stembench.application.crystal import OTHER_LATTICE, Match, fitted_structure, match_structure
from stembench.application.periodicity import Lattice, LocalLattice, find_lattice, local_lattice, robust_fit, told_apart
from stembench.crystals.projection import Projection
from stembench.evaluation.lattice_precision import AXES, spacing_metrics, spacing_sums, spacings

#: Distances to so many columns are given.
NEIGHBOURS = 4

_ALIKE = 0.1  # of the intensity, by which sublattices differ that are named by it
_SECOND = 0.1  # of all columns, that a second lattice is remarked on from
_OUTSIDE = 0.2  # of all columns, off the lattice, that are remarked on
_PERCENT, _SURE = 1.0, 3.0  # error of the pixel size that is remarked on, and in standard errors
_SHEAR = 0.01  # of y, that is remarked on
_STRAINS = ("strain_xx", "strain_yy", "strain_xy", "rotation_deg")
_STRUCTURE = (
    *("fits", "a_A", "b_A", "angle_deg", "pixel_size_error_percent", "pixel_size_error_percent_se"),
    *("scale_x", "scale_x_se", "scale_y", "scale_y_se", "shear", "shear_se", "rotation_deg", "mirrored"),
    *("rms_pm", "fraction_explained", "not_seen"),
)


def analyse(
    columns: pd.DataFrame, extent_A: tuple[float, float], projection: Projection | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fit a lattice to columns: sublattices, species, displacements and strain.

    Parameters
    ----------
    columns : DataFrame
        One row per column: `x_A`, `y_A` [A] and `intensity`, larger for heavier columns. Other columns are kept.
    extent_A : tuple of float
        Height and width of the image [A].
    projection : Projection, optional
        The crystal along the zone axis that the image shows.

    Returns
    -------
    columns : DataFrame
        The same rows in the same order, with more columns. Unknown values are an empty text or nan.

        `sublattice`
            `A`, `B`, ... from the brightest to the darkest. Of two equally bright sublattices, the first one has its
            nearest column of another sublattice to the right.
        `species`
            Elements of the column in one period along the beam: `Sr`, `Ti + O`, `2 S`.
        `neighbour_1_A` to `neighbour_4_A`
            Distances to the four nearest columns of any sublattice [A]; nan where the edge of the image is nearer.
        `displacement_x_pm`, `displacement_y_pm`
            Displacement from the place that the nearest columns of the same sublattice predict by an affine fit [pm].
        `strain_xx`, `strain_yy`, `strain_xy`, `rotation_deg`
            Difference of the same fit from the median lattice, in the axes of the image: F = R U maps vectors of the
            median lattice to local ones; the strain is U - 1, and R rotates by `rotation_deg` [deg] from x towards y.
    summary : dict
        Numbers, texts and None. `_se` marks a standard error.

        `columns`, `columns_in_lattice` : int
            Number of columns found, and of those that belong to the lattice.
        `a`, `b` : dict or None
            The shortest lattice vectors: `x_A`, `y_A`, `length_A`, `x_A_se`, `y_A_se`, `length_A_se`.
        `angle_deg`, `angle_deg_se` : float or None
            Angle between a and b [deg].
        `sublattices` : list of dict
            `name`, `number` of columns, `fraction_a` and `fraction_b` (in lattice vectors from sublattice A),
            `intensity` (mean, or None), `species` (or None), `displacement_rms_pm`.
        `strain` : dict
            For `strain_xx`, `strain_yy`, `strain_xy`, `rotation_deg`: `mean` and `sd` over the columns; None where no
            column has a value.
        `spacings` : dict
            For `a` and `b`: `mean_pm`, `sd_pm` and `n` of the distances between columns one lattice vector apart.
        `structure` : dict or None
            None without a projection. `fits` says whether the crystal fits; the other values are None if it does not.
            `a_A`, `b_A`, `angle_deg` of the crystal; `pixel_size_error_percent` (positive: the pixel size is too
            large); `scale_x`, `scale_y`, `shear` (measured x = scale_x * x + shear * y, measured y = scale_y * y);
            `rotation_deg` of the projection's x axis, from x towards y of the image; `mirrored`; `rms_pm`, residual of
            the columns; `fraction_explained` of all columns; `not_seen`, species without a column.
        `remarks` : list of str
            Sentences for the user: no lattice, a second lattice, a crystal that does not fit, a wrong pixel size.

    Notes
    -----
    Strain from local lattice vectors: Galindo et al., Ultramicroscopy 107, 1186 (2007), doi
    10.1016/j.ultramic.2007.01.019; here by least squares over a few shells of neighbours.
    """
    positions, intensities = columns[["x_A", "y_A"]].to_numpy(float), columns["intensity"].to_numpy(float)
    lattice, match, remarks = _lattice_of(positions, intensities, extent_A, projection)
    local = local_lattice(positions, positions, lattice)
    displacements = 100 * (positions - local.expected)
    strains = _strains(local)
    names = [*_names(len(lattice.places)), ""]
    species = [*(name or "" for name in match.species), ""] if match else [""] * len(names)
    added: dict[str, Any] = {
        "sublattice": [names[k] for k in lattice.sublattices],
        "species": [species[k] for k in lattice.sublattices],
        **{f"neighbour_{n}_A": values for n, values in enumerate(_neighbours(positions, extent_A).T, start=1)},
        **{f"displacement_{axis}_pm": values for axis, values in zip("xy", displacements.T)},
        **dict(zip(_STRAINS, strains.T)),
    }
    found = len(lattice.places) > 0
    summary = {
        "columns": len(positions),
        "columns_in_lattice": int(lattice.members.sum()),
        **(_vectors(lattice, positions, extent_A) if found else dict.fromkeys(("a", "b", "angle_deg", "angle_deg_se"))),
        "sublattices": _sublattices(lattice, intensities, displacements, names, species),
        "spacings": _spacings(positions[lattice.members], lattice.vectors, extent_A),
        "strain": {name: _mean_and_sd(values) for name, values in zip(_STRAINS, strains.T)},
        "structure": None,
        "remarks": remarks,
    }
    if projection is not None:
        structure = dict.fromkeys(_STRUCTURE) | {"fits": False}
        if match:
            structure = fitted_structure(match, positions, extent_A)
            remarks += _structure_remarks(structure)
        elif found:
            remarks.append(
                "The columns do not fit the structure that is named: its material, its zone axis or the pixel size is "
                "wrong, or the wrong columns were found."
            )
        summary["structure"] = structure
    return columns.assign(**added), summary


def _lattice_of(
    positions: np.ndarray, intensities: np.ndarray, extent: tuple[float, float], projection: Projection | None
) -> tuple[Lattice, Match | None, list[str]]:
    """The lattice, without a sublattice if there is none; the crystal if it fits; remarks on the columns' order."""
    finest = find_lattice(positions, extent)
    if finest is None:
        off = np.full(len(positions), -1)
        nothing = Lattice(np.eye(2), np.zeros((len(positions), 2), int), off, np.empty((0, 2)))
        return (
            nothing,
            None,
            ["The columns show no lattice: neither sublattices nor displacements nor strain are known."],
        )
    told = told_apart(finest, positions, intensities, extent)
    match = None
    if projection is not None:
        match = match_structure(told, [], intensities, projection)
        if match is None or match.cost > OTHER_LATTICE:
            more = [lattice.fitted(positions, extent) for lattice in told[-1].superlattices()]
            match = match_structure(told, more, intensities, projection)
    if match and match.fits:
        lattice, order = _ordered(match.lattice, intensities)
        match = match.of(lattice, order)
    else:
        match, lattice = None, _ordered(told[-1], intensities)[0]
    outside, number, remarks = ~lattice.members, len(positions), []
    second = find_lattice(positions[outside], extent) if outside.sum() >= _SECOND * number else None
    if second is not None and second.members.sum() >= _SECOND * number:
        remarks.append(
            f"{second.members.sum()} columns lie on another lattice, that of a second grain or of another crystal; the "
            "larger one is analysed, and those of the other one have no sublattice."
        )
    elif outside.sum() > _OUTSIDE * number:
        remarks.append(f"{outside.sum()} of {number} columns belong to no lattice.")
    return lattice, match, remarks


def _ordered(lattice: Lattice, intensities: np.ndarray) -> tuple[Lattice, np.ndarray]:
    """The sublattices from bright to dark, and which each was before."""
    number = len(lattice.places)
    bright = np.array([_mean_and_sd(intensities[lattice.sublattices == k])["mean"] for k in range(number)], float)
    apart = lattice.places[None] - lattice.places[:, None]
    apart = (apart - np.round(apart)) @ lattice.vectors
    lengths = np.linalg.norm(apart, axis=2) + np.where(np.eye(number), np.inf, 0)
    right = apart[np.arange(number), lengths.argmin(axis=1), 0]
    rank, level = np.zeros(number), np.inf
    for k in np.argsort(-bright):
        level = level if bright[k] > level - _ALIKE * abs(level) else bright[k]
        rank[k] = level
    order = np.lexsort((-right, -rank))
    back = np.append(np.argsort(order), -1)
    return replace(lattice, sublattices=back[lattice.sublattices], places=lattice.places[order]), order


def _names(number: int) -> list[str]:
    return [chr(ord("A") + k % 26) + str(k // 26 or "") for k in range(number)]


def _neighbours(positions: np.ndarray, extent: tuple[float, float]) -> np.ndarray:
    """Distances to the nearest columns, shape (columns, NEIGHBOURS) [A]; nan where unseen ones may be nearer."""
    if not len(positions):
        return np.empty((0, NEIGHBOURS))
    distances = cKDTree(positions).query(positions, k=NEIGHBOURS + 1)[0][:, 1:]
    edge = np.concatenate([positions, np.array(extent)[::-1] - positions], axis=1).min(axis=1)
    return np.where(np.isfinite(distances) & (distances <= edge[:, None]), distances, np.nan)


def _strains(local: LocalLattice) -> np.ndarray:
    """Strain xx, yy, xy and rotation [degrees] of each column against the median lattice, shape (columns, 4)."""
    strains = np.full((len(local.gradients), 4), np.nan)
    known = np.isfinite(local.gradients).all(axis=(1, 2))
    if known.any():
        gradients = local.gradients[known]
        deformations = np.swapaxes(np.linalg.solve(np.median(gradients, axis=0), gradients), 1, 2)
        left, stretches, right = np.linalg.svd(deformations)
        rotations = left @ right
        strain = np.swapaxes(right, 1, 2) * stretches[:, None] @ right - np.eye(2)
        angles = np.degrees(np.arctan2(rotations[:, 1, 0], rotations[:, 0, 0]))
        strains[known] = np.column_stack([strain[:, 0, 0], strain[:, 1, 1], strain[:, 0, 1], angles])
    return strains


def _mean_and_sd(values: np.ndarray) -> dict[str, float | None]:
    known = values[np.isfinite(values)]
    return {"mean": float(known.mean()), "sd": float(known.std())} if len(known) else {"mean": None, "sd": None}


def _vectors(lattice: Lattice, positions: np.ndarray, extent: tuple[float, float]) -> dict[str, Any]:
    member = lattice.members
    fit = robust_fit(lattice.design, positions[member], positions[member], extent)
    vectors, axes = fit.coefficients[:2], fit.covariance.shape[0] // 2
    a_and_b = np.array([0, axes, 1, axes + 1])  # x and y of a, then of b
    covariance = fit.covariance[np.ix_(a_and_b, a_and_b)]
    lengths = np.linalg.norm(vectors, axis=1)
    unit = vectors / lengths[:, None]
    described: dict[str, Any] = {}
    for n, axis in enumerate(AXES):
        part = covariance[2 * n : 2 * n + 2, 2 * n : 2 * n + 2]
        x_se, y_se = np.sqrt(np.diag(part))
        described[axis] = {
            "x_A": float(vectors[n, 0]),
            "y_A": float(vectors[n, 1]),
            "length_A": float(lengths[n]),
            "x_A_se": float(x_se),
            "y_A_se": float(y_se),
            "length_A_se": float(np.sqrt(unit[n] @ part @ unit[n])),
        }
    turning = np.concatenate([[-y, x] / length for (x, y), length in zip(unit, lengths)]) * [-1, -1, 1, 1]
    described["angle_deg"] = float(np.degrees(np.arccos(np.clip(unit[0] @ unit[1], -1, 1))))
    described["angle_deg_se"] = float(np.degrees(np.sqrt(turning @ covariance @ turning)))
    return described


def _sublattices(
    lattice: Lattice, intensities: np.ndarray, displacements: np.ndarray, names: list[str], species: list[str]
) -> list[dict[str, Any]]:
    described = []
    fractions = lattice.places - lattice.places[:1]
    for k, (along_a, along_b) in enumerate((fractions - np.floor(fractions + 1e-3)).tolist()):
        own = lattice.sublattices == k
        squares = (displacements[own] ** 2).sum(axis=1)
        squares = squares[np.isfinite(squares)]
        described.append(
            {
                "name": names[k],
                "number": int(own.sum()),
                "fraction_a": along_a,
                "fraction_b": along_b,
                "intensity": _mean_and_sd(intensities[own])["mean"],
                "species": species[k] or None,
                "displacement_rms_pm": float(np.sqrt(squares.mean())) if len(squares) else None,
            }
        )
    return described


def _spacings(positions: np.ndarray, vectors: np.ndarray, extent: tuple[float, float]) -> dict[str, dict[str, Any]]:
    table = spacings(positions, vectors, extent)
    described = {}
    for axis in AXES:
        sums = spacing_sums(table[table.axis == axis])[["n", "pm", "pm2"]].sum().to_frame().T
        metrics = spacing_metrics(sums).iloc[0]
        values = {key: float(value) if np.isfinite(value) else None for key, value in metrics.items()}
        described[axis] = values | {"n": int(sums.n.iloc[0])}
    return described


def _structure_remarks(structure: dict[str, Any]) -> list[str]:
    remarks = []
    error, se = structure["pixel_size_error_percent"], structure["pixel_size_error_percent_se"]
    if abs(error) > max(_PERCENT, _SURE * se):
        direction = "large" if error > 0 else "small"
        remarks.append(f"By the structure the pixel size is {abs(error):.1f} +- {se:.1f} % too {direction}.")
    stretch, shear = structure["scale_y"] / structure["scale_x"] - 1, structure["shear"] / structure["scale_y"]
    stretch_se = np.hypot(structure["scale_x_se"], structure["scale_y_se"])
    stretched = abs(stretch) > max(_PERCENT / 100, _SURE * stretch_se)
    if stretched or abs(shear) > max(_SHEAR, _SURE * structure["shear_se"]):
        direction = "large" if stretch > 0 else "small"
        remarks.append(
            f"Against the structure the image is distorted, as by drift during the scan: lengths along y are "
            f"{100 * abs(stretch):.1f} % too {direction} against those along x; x leans by {100 * shear:.1f} % of y."
        )
    if structure["not_seen"]:
        remarks.append(f"Columns of {', '.join(structure['not_seen'])} are not among those found.")
    return remarks
