"""Every method on every experimental image in which somebody marked the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stembench.reporting.base import Inputs, Parameters, Table, once

if TYPE_CHECKING:
    import pandas as pd

    from stembench.planning import Plan


def inputs(plan: Plan, _: str) -> dict[str, Any]:
    """Return the scores of each method."""
    return {"scores": plan.real_images.scores}


def parameters(plan: Plan, _: str) -> dict[str, Any]:
    """Return the methods."""
    return {"methods": plan.real_images.rows()}


def tabulate(inputs: Inputs, parameters: Parameters) -> pd.DataFrame:
    """Return the table, image after image."""
    import pandas as pd

    scored = [
        pd.read_csv(path).assign(**known).dropna(subset="image")
        for path, known in zip(inputs["scores"], parameters["methods"])
    ]
    table = pd.concat(scored, ignore_index=True)
    first = ["image", "method", "kind", "train_dataset", "seed"]
    table = table[[*first, *(column for column in table if column not in first)]]
    order = {image: number for number, image in enumerate(table.image.unique())}
    return table.sort_values("image", key=lambda images: images.map(order), kind="stable", ignore_index=True)


def caption(plan: Plan, _: str) -> str:
    """Return the caption."""
    partly = [image for image, every in zip(plan.real_images.images, plan.real_images.all_marked) if not every]
    outline = f" In {', '.join(partly)} false columns count only inside the outline of the marks." if partly else ""
    return (
        "Columns that methods find in experimental images, against those that somebody marked. Marks are somebody's "
        "fits, with errors of their own. They are matched one to one with found columns within 0.5 Å, or half of their "
        f"median distance where that is less; false columns count everywhere, the vacuum included.{outline} "
        "`recall_rim`: of marks with at least two neighbours fewer than most. `rms_x_pm`, `rms_y_pm`: errors about "
        "their median, clipped at 40 pm. `within_bar`: coordinates whose error lies within the stated uncertainty, "
        "which should be 68 %. `false_per_100nm2`: columns found in an image that shows none. Networks are applied as "
        "to users' images; `..._shipped` are those that ship. Classical finders have the settings tuned on simulated "
        f"images of {plan.config.generalisation.tuned_on} at 1 count per pixel."
    )


TABLE = Table(
    subjects=once(lambda plan: plan.real_images.methods, "real_images"),
    inputs=inputs,
    parameters=parameters,
    tabulate=tabulate,
    caption=caption,
    needs="an image with marked columns",
    category="Lab images",
)
