"""What tells columns apart by eye."""

import pandas as pd

#: Of kinds of columns, in turn; told apart on grey, also without seeing red or green.
KIND_COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#D55E00")


def kinds(columns: pd.DataFrame) -> pd.Series:
    """What tells columns apart: species, sublattice where no species is known, blank where neither is."""
    species, sublattice = words(columns, "species"), words(columns, "sublattice")
    return species.where(species != "", sublattice)


def words(columns: pd.DataFrame, key: str) -> pd.Series:
    """A column of words, blank where there is none."""
    return columns[key].fillna("").astype(str) if key in columns else pd.Series("", index=columns.index)
