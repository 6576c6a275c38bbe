"""Histograms of every parameter that was drawn for a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from stembench.reporting.base import Figure, Inputs, Parameters, each

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from stembench.planning import Plan

_PANELS_A_ROW, _PANEL_INCHES = 5, (2.5, 1.9)
_BINS = 20
_FEW = 12  # different numbers are levels, drawn as bars
_WIDE = 4  # max / min from which a logarithmic axis differs from a linear one


def draw_parameters(index: pd.DataFrame) -> Drawing:
    """Draw one panel per parameter and one colour per split, each split's fractions of its own images.

    Parameters
    ----------
    index : DataFrame
        One row per image: `split` and everything drawn. What is the same in all images is listed below the panels.
    """
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    from stembench.reporting.dataset_card import IDENTITY
    from stembench.reporting.style import COLOURS

    drawn = index.drop(columns=[name for name in IDENTITY if name in index])
    varied = [name for name in drawn if drawn[name].nunique(dropna=False) > 1]
    spread = {name: _is_spread(drawn[name], index.structure) for name in varied}
    places = _places([spread[name] or drawn[name].nunique() <= _FEW for name in varied])
    rows = places[-1][0] + 1 if places else 1
    figure = plt.figure(figsize=(_PANELS_A_ROW * _PANEL_INCHES[0], rows * _PANEL_INCHES[1]), layout="constrained")
    grid = figure.add_gridspec(rows, _PANELS_A_ROW)
    splits = {split: drawn[index.split == split] for split in index.split.unique()}
    for place, name in zip(places, varied):
        panel, missing = figure.add_subplot(grid[place]), drawn[name].isna().mean()
        panel.set_title(name + (f" (of {1 - missing:.0%})" if missing else ""), fontsize=8)
        panel.tick_params(labelsize=7)
        draw = _histogram if spread[name] else _bars
        draw(panel, drawn[name].dropna(), {split: part[name].dropna() for split, part in splits.items()})
    figure.legend(
        handles=[Line2D([], [], color=colour, linewidth=3) for _, colour in zip(splits, COLOURS)],
        labels=[f"{split}, {len(part)} images" for split, part in splits.items()],
        loc="outside upper center",
        ncols=len(splits),
        frameon=False,
    )
    constant = ", ".join(f"{name} = {drawn[name].iloc[0]}" for name in drawn if name not in varied)
    if constant:
        figure.supxlabel(f"In all images: {constant}", fontsize=8, wrap=True)
    return figure


def _is_spread(values: pd.Series, structures: pd.Series) -> bool:
    """Return whether these are numbers from a range: more than a few, or hardly ever the same in two structures."""
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return False
    return values.nunique() > min(_FEW, structures[values.notna()].nunique() / 2)


def _places(narrow: Sequence[bool]) -> list[tuple[int, slice]]:
    """Return row and columns of each panel in the grid; what is not narrow takes two."""
    places, place = [], 0
    for width in (1 if is_narrow else 2 for is_narrow in narrow):
        if place % _PANELS_A_ROW + width > _PANELS_A_ROW:
            place += 1
        row, column = divmod(place, _PANELS_A_ROW)
        places.append((row, slice(column, column + width)))
        place += width
    return places


def _histogram(panel: Axes, values: pd.Series, splits: dict[str, pd.Series]) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    from stembench.reporting.style import COLOURS

    logarithmic = values.min() > 0 and values.max() > _WIDE * values.min() and _more_even_as_logarithm(values)
    spaced = np.geomspace if logarithmic else np.linspace
    edges = spaced(values.min(), values.max(), _BINS + 1)
    for (_, part), colour in zip(splits.items(), COLOURS):
        counts, _ = np.histogram(part, edges)
        panel.stairs(counts / max(len(part), 1), edges, color=colour, linewidth=1.2)
    panel.set(xscale="log" if logarithmic else "linear", ylim=(0, None))
    if logarithmic:
        decades = np.log10(values.max() / values.min())
        panel.xaxis.set_major_locator(LogLocator(subs=(1,) if decades > 2 else (1, 2, 5)))
        panel.xaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_minor_formatter(NullFormatter())


def _more_even_as_logarithm(values: pd.Series) -> bool:
    return abs(np.log(values).skew()) < abs(values.skew())


def _bars(panel: Axes, values: pd.Series, splits: dict[str, pd.Series]) -> None:
    from stembench.reporting.style import COLOURS

    known = sorted(values.unique())
    width = 0.8 / len(splits)
    for turn, (part, colour) in enumerate(zip(splits.values(), COLOURS)):
        fractions = part.value_counts(normalize=True).reindex(known, fill_value=0)
        panel.bar(np.arange(len(known)) + (turn - (len(splits) - 1) / 2) * width, fractions, width, color=colour)
    names = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in known]
    beside = max(map(len, names)) * len(names) <= 24  # characters that fit under a panel
    panel.set_xticks(range(len(known)), names, rotation=0 if beside else 90, fontsize=6)


def shown(plan: Plan) -> list[str]:
    """Return the datasets and test sets that hold images."""
    return [dataset for dataset in plan.datasets.recipes if plan.datasets.all_shards(dataset)]


def draw(inputs: Inputs, _: Parameters) -> Drawing:
    """Draw the figure."""
    from stembench.products import read_parquet

    return draw_parameters(read_parquet(inputs["index"]))


def caption(plan: Plan, dataset: str) -> str:
    """Return the caption."""
    return (
        f"Everything that was drawn for dataset {dataset}, as fractions of each split's images. A number has a "
        "logarithmic axis if it is drawn over more than a factor of four and lies more evenly on one. Training doses "
        'are drawn from a range, the others from levels; "(of 30 %)" marks a parameter that only so many images have.'
    )


FIGURE = Figure(
    subjects=each(shown, "parameters_{}"),
    inputs=lambda plan, dataset: {"index": plan.layout.dataset_index.path(dataset=dataset)},
    draw=draw,
    caption=caption,
    needs="a dataset with images",
    category="Datasets",
    reported=lambda plan, dataset: dataset in plan.report.datasets,
)
