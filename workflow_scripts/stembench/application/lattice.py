"""What columns tell of their crystal: lattice, sublattices, displacements and strain."""

from collections.abc import Mapping

import pandas as pd

from stembench.crystals.projection import Projection


def analyse(
    columns: pd.DataFrame, extent_A: tuple[float, float], projection: Projection | None = None
) -> tuple[pd.DataFrame, Mapping]:
    """Lattice, sublattices, species, displacements and strain from the positions of columns.

    Parameters
    ----------
    columns : DataFrame
        A row a column: `x_A`, `y_A` [A] and `intensity`, the brighter the heavier. Others are passed through.
    extent_A : tuple of float
        Height and width of the image [A].
    projection : Projection, optional
        The crystal along the zone axis that the image shows.

    Returns
    -------
    columns : DataFrame
        The same rows in the same order, and more columns. What cannot be told of a column is an empty text or nan.

        `sublattice`
            `A`, `B`, ...: from the brightest to the darkest; of equally bright ones the first is that whose nearest
            column of another one lies to the right.
        `species`
            What the column holds in one period along the beam: `Sr`, `Ti + O`, `2 S`.
        `neighbour_1_A` to `neighbour_4_A`
            Distances to the nearest columns of any sublattice [A]; nan where the image's edge is nearer.
        `displacement_x_pm`, `displacement_y_pm`
            From where the nearest columns of the same sublattice put this one [pm], by an affine fit without it.
        `strain_xx`, `strain_yy`, `strain_xy`, `rotation_deg`
            How the same fit differs from the median lattice, in the image's axes: F = R U takes vectors of the median
            lattice to those of the local one, the strain is U - 1 and R turns by `rotation_deg`, from x towards y.
    summary : dict
        Numbers, texts and None alone; each `_se` is the standard error of what it is named after.

        `columns`, `columns_in_lattice` : int
            Number of them.
        `a`, `b` : dict or None
            The shortest lattice vectors: `x_A`, `y_A`, `length_A`, `x_A_se`, `y_A_se`, `length_A_se`.
        `angle_deg`, `angle_deg_se` : float or None
            Between a and b [degrees].
        `sublattices` : list of dict
            `name`, `number` of columns, `fraction_a` and `fraction_b` (in lattice vectors from sublattice A),
            `intensity` (mean), `species` (None where it is not known), `displacement_rms_pm`.
        `spacings` : dict
            By `a` and `b`: `mean_pm`, `sd_pm` and `n` of the distances of columns a lattice vector apart.
        `structure` : dict or None
            Of the projection, None where there is none: `fits` (bool), and None each where it does not:
            `a_A`, `b_A`, `angle_deg` (what the crystal has), `pixel_size_error_percent` and its `_se` (positive: the
            pixel size is too large), `scale_x`, `scale_y`, `shear` and their `_se` (measured x = scale_x * x +
            shear * y and y = scale_y * y of the true ones), `rotation_deg` (of the projection's x axis, from the
            image's x towards its y), `mirrored` (bool), `rms_pm` (of columns against the fitted structure),
            `fraction_explained` (of all columns), `not_seen` (list of species).
        `remarks` : list of str
            Sentences for the user: no lattice, a second one, a structure that does not fit, a pixel size that is off.
    """
