"""Networks, what they are trained for, and how."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from stembench.config.base import Name, Section
from stembench.errors import InputError

Task = Literal["segment", "localise", "denoise", "denoise_2x", "denoise_background", "superresolve", "superresolve_2x"]
Part = Annotated[float, Field(gt=0, lt=1)]


class Recipe(Section):
    """How a network is trained at a scale."""

    source: str = Field("", description="Where the recipe comes from")
    loss: Literal["modified_chi_square", "mse", "rmse", "l1", "bce", "own"] = Field(
        "modified_chi_square",
        description="Loss between maps and targets, or the network's own",
    )
    learning_rate: float = Field(4e-3, description="Learning rate of Adam, with `one_cycle` its highest", gt=0, le=1)
    weight_decay: float = Field(0.0, description="L2 penalty of Adam", ge=0, le=1)
    schedule: Literal["one_cycle", "steps"] = Field(
        "one_cycle", description="One-cycle schedule, or a constant rate that falls in steps"
    )
    milestones: tuple[Part, ...] = Field((), description="Where it falls, as fractions of the training")
    factor: float = Field(0.5, description="By what it falls", gt=0, lt=1)
    width: float | None = Field(
        None, description="Channels as a fraction of the published; null takes the scale's", gt=0, le=1
    )
    crop_px: int | None = Field(
        None,
        description="Edge of a training crop; null takes the scale's",
        ge=32,
        le=1024,
        multiple_of=16,
        json_schema_extra={"unit": "px"},
    )
    batch_images: int | None = Field(None, description="Crops a training step; null takes the scale's", ge=1, le=1024)

    @model_validator(mode="after")
    def _steps_have_places(self) -> Recipe:
        if self.milestones and self.schedule != "steps":
            raise ValueError("milestones belong to schedule: steps; take them out or change the schedule")
        return self


class Network(Section):
    """A network, what it is trained for, and its recipes."""

    architecture: Name | None = Field(None, description="Network of the registry; null takes the entry's own name")
    options: dict[Name, bool] = Field({}, description="Parts of the architecture that are switched on or off")
    tasks: tuple[Task, ...] = Field((), description="Tasks it is trained for by default; others by their targets")
    datasets: tuple[Name, ...] = Field(("physical",), description="Datasets it is trained on", min_length=1)
    recipes: dict[Name, Recipe] = Field({}, description="Recipes by scale; where there is none, defaults")


class Training(Section):
    """The machine that trains, and where it gets its samples."""

    devices: int = Field(
        1,
        description="GPUs that a training uses, or processes where there is no GPU; they share each batch evenly",
        ge=1,
        le=64,
    )
    precision: Literal["auto", "32", "tf32", "bf16"] = Field(
        "auto", description="Arithmetic; auto is bf16 on a GPU that has it and 32 elsewhere"
    )
    compile: bool = Field(False, description="Whether torch.compile makes kernels of a network first")
    data: Literal["stored", "on_the_fly"] = Field(
        "stored", description="Whether training reads the dataset or draws its samples anew in every pass"
    )
    retrain: bool = Field(
        False, description="Whether networks that took more than an hour to train may be trained anew without being named"
    )


def check_shares(devices: int, batches: Mapping[str, int]) -> None:
    """Check that devices can share batches evenly.

    Parameters
    ----------
    devices : int
        How many train together.
    batches : mapping of int
        Crops in a batch, by what the message shall call it.

    Raises
    ------
    InputError
        If the number of devices does not divide a batch; names the batch and the numbers that divide all of them.
    """
    for name, batch in batches.items():
        if batch % devices:
            common = math.gcd(*batches.values())
            numbers = ", ".join(str(number) for number in range(1, common + 1) if common % number == 0)
            raise InputError(
                f"training.devices is {devices}, and a batch of {name} is {batch} crops, of which each device takes an "
                f"equal part; set training.devices to one of {numbers}, or change the recipe's batch_images"
            )


def _demo(crops_per_s: int, **recipe: Any) -> Recipe:
    source = f"ours: minutes on a CPU; {crops_per_s} crops/s on one core (tables/cost)"
    return Recipe(source=source, **{"width": 0.25, "crop_px": 64, "batch_images": 8} | recipe)


_ATOMSEGNET = Recipe(
    source="Lin et al. 2021: modified chi-square, batch 4, 200 epochs; the one-cycle schedule of Adam is ours",
    learning_rate=1e-3,
    width=1.0,
    crop_px=256,
    batch_images=4,
)
_SFIN = Recipe(
    source="Li et al. 2025: L1, Adam, batch 8, 500 epochs, halved at 250, 400, 425, 450 and 475",
    loss="l1",
    learning_rate=2e-4,
    schedule="steps",
    milestones=(0.5, 0.8, 0.85, 0.9, 0.95),
    width=1.0,
    crop_px=256,
    batch_images=8,
)
_SFFN = {
    "demo": _demo(27, loss="rmse", crop_px=48),
    "full": _SFIN.model_copy(update={"source": "as SFIN's, whose successor it is"}),
}
_PRIOR = {
    "demo": _demo(94),
    "full": _ATOMSEGNET.model_copy(update={"source": "ours: the paper prints none", "batch_images": 16}),
}


def _without(architecture: str, recipes: dict[str, Recipe], *parts: str) -> Network:
    return Network(architecture=architecture, options=dict.fromkeys(parts, False), recipes=recipes)


#: Default networks; full-scale recipes are the published ones, but for the samples seen, which the scale gives to all.
NETWORKS = {
    "atomsegnet_unet": Network(
        tasks=("localise", "denoise_background"), recipes={"demo": _demo(88), "full": _ATOMSEGNET}
    ),
    "atomsegnet_unet_mse": Network(
        architecture="atomsegnet_unet",
        recipes={"demo": _demo(88, loss="mse"), "full": _ATOMSEGNET.model_copy(update={"loss": "mse"})},
    ),
    "atomsegnet_unetpp": Network(tasks=("localise",), recipes={"demo": _demo(50), "full": _ATOMSEGNET}),
    "atomai_segmentor": Network(
        tasks=("localise",),
        recipes={
            "demo": _demo(265, loss="bce"),
            "full": Recipe(
                source="AtomAI 0.8.1: binary cross entropy, Adam, 1000 cycles of one batch",
                loss="bce",
                learning_rate=1e-3,
                schedule="steps",
                width=1.0,
                crop_px=256,
                batch_images=32,
            ),
        },
    ),
    "atomid_net": Network(
        tasks=("localise",),
        recipes={
            "demo": _demo(137, loss="own"),
            "full": Recipe(
                source="Lin et al. 2023: Adam, a tenth at 50, 100 and 150 of 201 epochs, batch 32, crops of 256 px",
                loss="own",
                learning_rate=1e-4,
                weight_decay=1e-4,
                schedule="steps",
                milestones=(50 / 201, 100 / 201, 150 / 201),
                factor=0.1,
                width=1.0,
                crop_px=256,
                batch_images=32,
            ),
        },
    ),
    "structural_prior": Network(tasks=("localise",), recipes=_PRIOR),
    "structural_prior_unet": _without("structural_prior", _PRIOR, "self_attention", "cross_attention", "contrastive"),
    "structural_prior_self_attention": _without("structural_prior", _PRIOR, "cross_attention", "contrastive"),
    "structural_prior_cross_attention": _without("structural_prior", _PRIOR, "contrastive"),
    "fcn": Network(
        tasks=("denoise_background",),
        recipes={
            "demo": _demo(97, loss="rmse", crop_px=48),
            "full": _SFIN.model_copy(update={"source": "as SFIN's, beside which it stands"}),
        },
    ),
    "sfin": Network(tasks=("denoise_background",), recipes={"demo": _demo(30, loss="rmse", crop_px=48), "full": _SFIN}),
    "sffn": Network(
        tasks=("denoise_background",),
        recipes=_SFFN,
    ),
    "sffn_spatial_only": _without("sffn", _SFFN, "frequency"),
    "sffn_frequency_only": _without("sffn", _SFFN, "spatial"),
    "sffn_without_exchange": _without("sffn", _SFFN, "exchange"),
    "faster_rcnn": Network(
        recipes={
            "demo": _demo(18, loss="own"),
            "full": Recipe(
                source="ours: the papers that compare with it print none",
                loss="own",
                learning_rate=1e-3,
                width=1.0,
                crop_px=256,
                batch_images=16,
            ),
        },
    ),
}
