"""Fit exponents of Z by imaging mode, and what else the linear model takes from scattering.csv.

Prints what stands as defaults in `stembench.config` and as constants in `stembench.imaging.scattering`, and how far the
table is from the fit.
"""

import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

import numpy as np
import pandas as pd
from ase.data import atomic_numbers
from scipy.optimize import least_squares, minimize_scalar
from stembench.config import Imaging
from stembench.imaging.cross_sections import FITTED, Channelling, column_cross_section
from stembench.imaging.detectors import DARK_FIELD, Mode, mode_of
from stembench.imaging.linear import strength_of
from stembench.imaging.probe import electron_wavelength

#: Thicknesses that exponents are fitted for [A], about the middle of those that datasets show by default.
THICKNESS_A = (35.0, 65.0)
#: Elements by which the fit of cross sections is tested, and which it leaves out.
LEFT_OUT = ("O", "Cu", "Ba", "Gd")
#: Least inner angle of the detectors that cross sections are fitted for [mrad].
HIGH_MRAD = 50.0
#: Least thickness of a column: slabs of one layer count less.
THIN_A = 10.0


def reference() -> pd.DataFrame:
    """The table, with the imaging mode of each row."""
    table = pd.read_csv(Path(__file__).with_name("scattering.csv"), dtype={"zone": str})
    rows = zip(table.inner, table.outer, table.semiangle, 1e3 * table.energy)
    return table.assign(mode=[mode_of(*row) for row in rows])


def relative_depths(table: pd.DataFrame, mode: Mode) -> pd.DataFrame:
    """Columns of the crystals in `structures/`: how much each stands out, as a fraction of what does most.

    From the darkest place of a dark field, from the brightest of a bright one.
    """
    image = ["crystal", "zone", "inner", "outer", "thickness"]
    several = table[(table["mode"] == mode) & ~table.zone.str.contains("A") & table.thickness.between(*THICKNESS_A)]
    extreme = "least" if mode in DARK_FIELD else "greatest"
    ends = several[several.column == extreme].set_index(image).fraction
    columns = several[~several.column.isin(["cell", "least", "greatest"])].set_index(image)
    depth = (columns.fraction - ends.reindex(columns.index)) * (1 if mode in DARK_FIELD else -1)
    strongest = depth.groupby(level=list(range(len(image)))).transform("max")
    return columns.assign(depth=depth / strongest).reset_index()


def strength(column: str, gamma: float) -> float:
    """Strength of a column such as `1O 1Sr`."""
    return sum(int(n) * strength_of(element, gamma) for n, element in re.findall(r"(\d+)([A-Z][a-z]?)", column))


def misfit(columns: pd.DataFrame, gamma: float) -> float:
    """RMS difference of relative depths from relative strengths, of the columns that are not the strongest."""
    image = ["crystal", "zone", "inner", "outer", "thickness"]
    strengths = columns.column.map(lambda column: strength(column, gamma))
    relative = strengths / strengths.groupby([columns[key] for key in image]).transform("max")
    weaker = columns.depth < 1
    return float(np.sqrt(np.mean((relative - columns.depth)[weaker] ** 2)))


def fitted_exponent(columns: pd.DataFrame) -> float:
    """Exponent with the least misfit."""
    return float(minimize_scalar(lambda gamma: misfit(columns, gamma), bounds=(0, 2), method="bounded").x)


def lattices(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the square lattices at high angles, with the cross section of a column [A^2]."""
    rows = table[table.zone.str.contains("A") & (table.column == "cell") & (table.inner >= HIGH_MRAD)]
    return rows.assign(cross_section=rows.fraction * rows.area)


def modelled(rows: pd.DataFrame, fitted: Channelling = FITTED) -> np.ndarray:
    """`column_cross_section` of each row."""
    return np.array(
        [
            column_cross_section(
                np.array([atomic_numbers[row.crystal]]),
                np.array([row.atoms]),
                1e3 * row.energy,
                row.semiangle,
                (row.inner, row.outer),
                fitted,
            )
            for row in rows.itertuples()
        ]
    )


def fitted_channelling(rows: pd.DataFrame) -> Channelling:
    """Constants with the least squares of relative differences."""
    weights = np.where(rows.thickness < THIN_A, 0.1, 1.0)
    # Of the pattern of Bragg reflections at small momentum transfer the model knows nothing.
    wavelengths = (1e3 * rows.energy).map(electron_wavelength)
    weights *= np.where(1e-3 * rows.inner < 1.5 * wavelengths, 0.1, 1.0)
    known = np.log(rows.cross_section.to_numpy())
    found = least_squares(lambda x: weights * (np.log(modelled(rows, Channelling(*x))) - known), FITTED)
    return Channelling(*found.x.tolist())


def main() -> None:
    table = reference()
    rows = lattices(table)
    left_out = rows.crystal.isin(LEFT_OUT)
    found = fitted_channelling(rows[~left_out])
    print(f"channelling: {', '.join(f'{value:.3f}' for value in found)}")
    for name, used in (("fit", found), ("constants", FITTED)):
        errors = modelled(rows, used) / rows.cross_section - 1
        thick = rows.thickness >= THIN_A
        for energy, inner in sorted(set(zip(rows.energy, rows.inner))):
            one = thick & (rows.energy == energy) & (rows.inner == inner)
            largest = [abs(errors[one & those]).max() for those in (~left_out, left_out)]
            print(f"largest_error_of_{name}_{energy}_keV_{inner}_mrad: {largest[0]:.2f}, left out {largest[1]:.2f}")
    modes: tuple[Mode, ...] = ("HAADF", "ADF", "ABF", "BF")
    for mode in modes:
        columns = relative_depths(table, mode)
        gamma, used = fitted_exponent(columns), Imaging().exponent(mode)
        print(f"{mode}_exponent: {gamma:.2f}")
        print(f"{mode}_rms_of_relative_depths: {misfit(columns, gamma):.3f}")
        print(f"{mode}_rms_at_the_default_{used:g}: {misfit(columns, used):.3f}")


if __name__ == "__main__":
    main()
