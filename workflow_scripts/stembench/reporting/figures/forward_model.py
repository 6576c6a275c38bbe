"""The forward model on one structure of a dataset: from the projected columns to counted electrons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stembench.config import Condition
from stembench.reporting.base import Figure, Inputs, Parameters

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from stembench.crystals.projection import Projection
    from stembench.datasets.sample import Sample
    from stembench.datasets.store import Shards
    from stembench.planning import Plan

_PANELS_A_LINE = 4
_LARGEST_PT = 7  # diameter of the strongest column
_ALIKE = 0.98  # correlation of an image with the one without background, where that is hardly seen
_MARGIN_A = 5.0  # beyond the image, from where drift brings columns into it


def draw_forward_model(
    shards: Sequence[str], structures: Mapping[tuple[str, str], Projection], conditions: Mapping[str, Condition]
) -> Drawing:
    """Draw one structure: its columns by strength, their image by the probe, with the background, at each dose.

    Shown is, as far as there is one, a perfect crystal whose columns the probe resolves, of more than one strength and
    on a background that can be seen: of these the one whose rows jitter most.

    Parameters
    ----------
    shards : sequence of str
        A test split, which shows each structure at every dose.
    structures : mapping
        Projections by (material, zone).
    conditions : mapping of Condition
        Imaging conditions by name.
    """
    from matplotlib.collections import PathCollection

    from stembench.datasets.store import Shards, read_table
    from stembench.reporting.style import PAGE_IN, image_grid, show_image

    samples, stored = read_table(shards, "samples"), Shards(shards)
    chosen = _telling(samples, stored)
    series = samples[samples.structure == samples.structure[chosen]]
    if "counts_per_px" in series:
        series = series.sort_values("counts_per_px")
    sample, pixel_size, clean = samples.loc[chosen], samples.pixel_size_A[chosen], stored[chosen]

    images = {
        "what the probe makes of them\nno noise, no background": clean.images["noBackgroundnoNoise"],
        f"with background\n{sample.background}": clean.images["noNoise"],
    }
    for position, row in series.iterrows():
        dose = f"{row.counts_per_px:g} e/px" if "counts_per_px" in row else "calibrated noise"
        density = f"\n{float(f'{row.dose_e_per_A2:.2g}'):,.0f} e/Å²" if "dose_e_per_A2" in row else "\n"
        images[dose + density] = stored[position].images["image"]
    lines = -(-(1 + len(images)) // _PANELS_A_LINE)
    figure, panels = image_grid(lines, _PANELS_A_LINE, PAGE_IN, title_lines=2, beside=0.5)
    first, *others = panels.ravel()
    _show_columns(first, clean, structures[sample.material, sample.zone])
    legend = figure.legend(loc="outside lower center", ncols=6, frameon=False, fontsize=7, title="(a) a column holds")
    legend.get_title().set_fontsize(7)
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([20])
    for panel, (letter, (title, image)) in zip(others, zip("bcdefghijklmnop", images.items())):
        show_image(panel, image, pixel_size, f"({letter}) {title}", 7)
    condition = conditions[sample.condition]
    figure.suptitle(
        f"{sample.material} [{sample.zone}], {sample['mode']}: {condition.energy_keV:g} keV, "
        f"{condition.semiangle_mrad:g} mrad, probe of {sample.probe_fwhm_A:.2f} Å FWHM, {100 * pixel_size:.1f} pm/px",
        fontsize=8,
    )
    return figure


def _telling(samples: pd.DataFrame, stored: Shards) -> int:
    """Return the position of the first image of the structure that shows most of the forward model."""

    def told(position: int) -> tuple:
        sample = stored[position]
        truth = sample.columns
        with_background, without = (sample.images[name].ravel() for name in ("noNoise", "noBackgroundnoNoise"))
        resolved = len(truth) > 1 and bool(truth.resolved.all())
        kinds = truth.strength.round(1).nunique()
        seen = np.corrcoef(with_background, without)[0, 1] < _ALIKE
        jitter_px = sample.parameters.get("jitter_A", 0.0) / sample.parameters["pixel_size_A"]
        return sample.parameters["arrangement"] == "periodic", resolved, kinds > 1, seen, jitter_px

    return max(samples.groupby("structure", sort=False).head(1).index, key=told)


def _show_columns(panel: Axes, sample: Sample, projection: Projection) -> None:
    """Draw columns as large as they are strong; in a perfect crystal their colour says what they hold."""
    from ase.data import atomic_numbers

    from stembench.crystals.composition import composition
    from stembench.crystals.field import columns_in_field
    from stembench.reporting.style import COLOURS, show_image

    drawn, columns, shape = sample.parameters, sample.columns, sample.images["image"].shape
    pixel_size = drawn["pixel_size_A"]
    show_image(panel, np.zeros(shape), pixel_size, "(a) projected columns\narea: strength", 7)
    places, contents = columns[["ideal_x_A", "ideal_y_A"]].to_numpy(), np.full(len(columns), "columns", object)
    if drawn["arrangement"] == "periodic":
        extent, offset = tuple(n * pixel_size for n in shape), np.array([drawn["offset_x_A"], drawn["offset_y_A"]])
        known, sites, _ = columns_in_field(projection, extent, np.deg2rad(drawn["rotation_deg"]), offset, _MARGIN_A)
        nearest = np.linalg.norm(places[:, None] - known, axis=2).argmin(axis=1)
        contents = np.array([composition(projection.columns[site]) for site in sites[nearest]])
    kinds = sorted(set(contents), key=lambda kind: -max(atomic_numbers.get(part, 0) for part in kind.split()))
    for kind, colour in zip(kinds, (*COLOURS[1:6], COLOURS[0])):
        here = contents == kind
        area = _LARGEST_PT**2 * columns.strength.to_numpy()[here]
        x, y = places[here].T / pixel_size
        panel.scatter(x, y, s=area, color=colour, linewidths=0, label=kind)
    panel.set(xlim=(-0.5, shape[1] - 0.5), ylim=(shape[0] - 0.5, -0.5))


def subjects(plan: Plan) -> dict[str, str]:
    """Return the dataset that is shown: the one that methods are tuned on for generalisation."""
    dataset = plan.config.generalisation.tuned_on
    simulated = dataset in plan.datasets.simulated and plan.datasets.shards(dataset, "test")
    return {"forward_model": dataset} if simulated else {}


def inputs(plan: Plan, dataset: str) -> dict[str, Any]:
    """Return the test images and their structures."""
    return {"test": plan.evaluations.images(dataset), "structures": plan.evaluations.structures(dataset)}


def parameters(plan: Plan, dataset: str) -> dict[str, Any]:
    """Return the imaging conditions of the dataset."""
    return {"conditions": plan.datasets.imaging(plan.datasets.recipe(dataset).conditions)["conditions"]}


def draw(inputs: Inputs, parameters: Parameters) -> Drawing:
    """Draw the figure."""
    from stembench.crystals.material import structures_of

    conditions = {name: Condition(**known) for name, known in parameters["conditions"].items()}
    return draw_forward_model(inputs["test"], structures_of(inputs["structures"]), conditions)


def caption(plan: Plan, dataset: str) -> str:
    """Return the caption."""
    return (
        f"How an image of dataset {dataset} is simulated, on one structure of its test split. (a) Projected columns, "
        "as large in area as they are strong (peak in the image), by what they hold. (b) Their image by the probe, "
        "without noise and background, in the specimen's drift and the scan's shear. (c) With the background. Then the "
        "image at each dose, in electrons counted in the pixel at the brightest column above background (e/px) and in "
        "incident electrons per Å²: the rows jitter and follow the mains, electrons are counted, the detector has an "
        "afterglow. Each panel has grey levels of its own."
    )


FIGURE = Figure(
    subjects=subjects,
    inputs=inputs,
    parameters=parameters,
    draw=draw,
    caption=caption,
    needs="simulated test images of the dataset that `generalisation.tuned_on` names",
    category="Datasets",
    dpi=300,
)
