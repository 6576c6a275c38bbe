"""Scales: counts, sizes and steps."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import Field

from stembench.config.base import Name, Section
from stembench.config.layers import lay_over, lineage, settings_of, without_removed
from stembench.config.networks import SIZES, Task

#: Folders of `results/` that belong to no scale.
FOLDERS_OF_NO_SCALE = ("structures", "lab", "calibration", "applied", "logs", "benchmarks", "validation")


class Scale(Section):
    """Counts, sizes and steps."""

    parent: Name | None = Field(
        None,
        description="Scale whose recipes and sizes hold where this one sets none. Required for a scale of your own",
    )
    image_px: int = Field(
        description="Edge of a simulated image", ge=64, le=1024, multiple_of=16, json_schema_extra={"unit": "px"}
    )
    train_images: int = Field(description="Training images per dataset", ge=5, le=1_000_000)
    validation_images: int = Field(description="Validation images per dataset", ge=5, le=1_000_000)
    test_images: int = Field(description="Test images per dataset", ge=5, le=1_000_000)
    held_out_images: int = Field(description="Images of held-out materials per dataset", ge=0, le=1_000_000)
    generalisation_images: int = Field(description="Images per test set of `generalisation`", ge=5, le=1_000_000)
    shard_images: int = Field(description="Images per shard; one job makes one shard", ge=1, le=100_000)
    width: float | None = Field(
        None,
        description="Channels as a fraction of the published network. A recipe of this scale may set another; one of "
        "its parent does not",
        gt=0,
        le=1,
    )
    crop_px: int | None = Field(
        None,
        description="Edge of a training crop. A recipe of this scale may set another",
        ge=32,
        le=1024,
        multiple_of=16,
        json_schema_extra={"unit": "px"},
    )
    batch_images: int | None = Field(
        None, description="Crops per training step. A recipe of this scale may set another", ge=1, le=1024
    )
    samples_seen: dict[Task, Annotated[int, Field(ge=1, le=1_000_000_000)]] = Field(
        description="Crops that every network sees in training, by task"
    )
    epochs: int = Field(description="Epochs; each ends with validation and a checkpoint", ge=1, le=10_000)
    seeds: int = Field(description="Trainings of each network, from different random numbers", ge=1, le=10)
    lab_draws: int = Field(description="Noise draws of each block of a lab image at each dose", ge=1, le=100)
    phonons: int = Field(description="Frozen-phonon configurations of a multislice tile; 0: atoms at rest", ge=0)
    thickest_A: float = Field(
        description="Thickest specimen of a multislice tile", ge=1, le=5000, json_schema_extra={"unit": "A"}
    )
    bootstrap: int = Field(description="Resamplings behind each confidence interval", ge=100, le=100_000)
    slow_finders: bool = Field(
        False, description="Whether atomap's fit, which takes minutes an image, stands in the table `real_images`"
    )
    studies: bool | tuple[Name, ...] = Field(
        False,
        description="Whether `studies` are part of the tables and the report. Names: these alone are the report",
    )


#: Default scales. One without a parent has recipes of its own in `networks`.
SCALES: dict[str, Any] = {
    "demo": {
        "image_px": 128,
        "train_images": 1600,
        "validation_images": 80,
        "test_images": 200,
        "held_out_images": 40,
        "generalisation_images": 20,
        "shard_images": 800,
        "width": 0.25,
        "crop_px": 64,
        "batch_images": 16,
        # SFIN and SFFN, which learn `denoise_background`, take several times a U-Net's time for a crop.
        "samples_seen": dict.fromkeys(get_args(Task), 8000) | {"denoise_background": 4000},
        "epochs": 3,
        "seeds": 1,
        "lab_draws": 1,
        "phonons": 2,
        "thickest_A": 40.0,
        "bootstrap": 500,
    },
    "full": {
        "image_px": 256,
        "train_images": 20_000,
        "validation_images": 1000,
        "test_images": 2000,
        "held_out_images": 1000,
        "generalisation_images": 600,
        "shard_images": 2000,
        "width": 1.0,
        "crop_px": 256,
        "batch_images": 16,
        "samples_seen": dict.fromkeys(get_args(Task), 4_000_000),
        "epochs": 200,
        "seeds": 3,
        "lab_draws": 10,
        "phonons": 20,
        "thickest_A": 300.0,
        "bootstrap": 10_000,
        "slow_finders": True,
        "studies": True,
    },
    "study": {
        "parent": "demo",
        "train_images": 4000,
        "validation_images": 160,
        "test_images": 400,
        "held_out_images": 0,
        "shard_images": 1000,
        "samples_seen": dict.fromkeys(get_args(Task), 24_000),
        "epochs": 6,
        "seeds": 3,
        "studies": ("ablation", "loss_comparison"),
    },
}


def with_sizes_of_parents(scales: Any) -> Any:
    """Return scales, not checked yet, with the sizes that they inherit.

    Raises
    ------
    ValueError
        If a scale has a name that it cannot have, none of the parents that it needs, or is in the end its own parent.
    """
    if not isinstance(scales, Mapping):
        return scales  # which is refused by its type
    entries = {name: settings_of(one) if isinstance(one, Scale) else one for name, one in scales.items()}
    if not all(isinstance(one, Mapping) for one in entries.values()):
        return scales
    parents = {name: one.get("parent") for name, one in entries.items()}
    if not all(isinstance(parent, str | None) for parent in parents.values()):
        return scales
    roots = [name for name, one in SCALES.items() if "parent" not in one]
    whole: dict[str, Any] = {}
    for name in entries:
        if name in FOLDERS_OF_NO_SCALE:
            raise ValueError(f"scales.{name}: results/{name} is a folder of no scale; give the scale another name")
        if not parents[name] and name not in roots:
            raise ValueError(
                f"scales.{name}.parent is missing: say `parent: {roots[0]}` (or {', '.join(roots[1:])}), so that the "
                "scale has its recipes, and its sizes where it sets none"
            )
        for one in reversed(lineage(name, parents, "scales", "parent")):
            above = whole[parent] if (parent := parents[one]) else {}
            kept = {key: value for key, value in above.items() if key not in SIZES}  # these, recipes inherit
            whole[one] = lay_over(Scale, kept, entries[one])
    return {name: without_removed(whole[name]) for name in entries}
