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
from scipy.optimize import minimize_scalar
from stembench.config import Imaging
from stembench.imaging.detectors import DARK_FIELD, Mode, mode_of
from stembench.imaging.linear import strength_of

#: Thicknesses that exponents are fitted for [A], about the middle of those that datasets show by default.
THICKNESS_A = (35.0, 65.0)


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


def main() -> None:
    table = reference()
    modes: tuple[Mode, ...] = ("HAADF", "ADF", "ABF", "BF")
    for mode in modes:
        columns = relative_depths(table, mode)
        gamma, used = fitted_exponent(columns), Imaging().exponent(mode)
        print(f"{mode}_exponent: {gamma:.2f}")
        print(f"{mode}_rms_of_relative_depths: {misfit(columns, gamma):.3f}")
        print(f"{mode}_rms_at_the_default_{used:g}: {misfit(columns, used):.3f}")


if __name__ == "__main__":
    main()
