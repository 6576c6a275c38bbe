"""What every table and figure of the benchmark declares: what it is made from, how, and what its caption says.

A table is a file in `reporting/tables/`, a figure one in `reporting/figures/`; the file's name is the product's, and
the file ends in `TABLE = Table(...)` or `FIGURE = Figure(...)`. The plan imports all of them to know what they need, so
whatever is slow to import (matplotlib, pandas) is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from stembench.planning import Plan

#: Paths by name, one or several.
Inputs = Mapping[str, Any]
Parameters = Mapping[str, Any]


def _nothing(plan: Plan, subject: str) -> dict[str, Any]:
    return {}


def _always(plan: Plan, subject: str) -> bool:
    return True


def once(needed: Callable[[Plan], object], name: str) -> Callable[[Plan], dict[str, str]]:
    """Return the subjects of a product that is made once, under its own name, where there is what it needs."""
    return lambda plan: {name: ""} if needed(plan) else {}


def each(subjects: Callable[[Plan], Sequence[str]], name: str) -> Callable[[Plan], dict[str, str]]:
    """Return the subjects of a product that is made of several; `name` holds `{}` where theirs stands."""
    return lambda plan: {name.format(subject): subject for subject in subjects(plan)}


def study_reported(plan: Plan, study: str) -> bool:
    """Return whether a study is part of the report at the plan's scale."""
    wanted = plan.config.sizes.studies
    return study in wanted if isinstance(wanted, tuple) else wanted


@dataclass(frozen=True, kw_only=True)
class Product:
    """A table or a figure.

    Attributes
    ----------
    subjects : callable
        Of the plan, the subject (a test set, a dataset; empty where there is but one) of each product by its name.
    inputs : callable
        Of the plan and a subject, the files it is made from, by name.
    parameters : callable
        Likewise the plain values it depends on beside them.
    caption : callable
        Likewise its caption, in reStructuredText.
    needs : str
        What it is left out without, as the report says it: "an image of one crystal".
    category : str
        Part of the report.
    environment : str
        Conda environment that it is made in.
    reported : callable
        Of the plan and a subject, whether it is part of the report; if not, it is made on request.
    of_studies : bool
        Whether it tells of a study alone.
    """

    subjects: Callable[[Plan], Mapping[str, str]]
    inputs: Callable[[Plan, str], dict[str, Any]]
    caption: Callable[[Plan, str], str]
    needs: str
    parameters: Callable[[Plan, str], dict[str, Any]] = _nothing
    category: str = "Tables"
    environment: str = "reporting"
    reported: Callable[[Plan, str], bool] = _always
    of_studies: bool = False


@dataclass(frozen=True, kw_only=True)
class Table(Product):
    """A table; `tabulate` makes it of its inputs and parameters."""

    tabulate: Callable[[Inputs, Parameters], pd.DataFrame]


@dataclass(frozen=True, kw_only=True)
class Figure(Product):
    """A figure; `draw` makes it of its inputs and parameters. `dpi` is that of its PNG, where not the usual one."""

    draw: Callable[[Inputs, Parameters], Drawing]
    category: str = "Figures"
    dpi: float | None = None
