"""Networks, what they are trained for, and how."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from stembench.config.base import FolderPath, Name, Section
from stembench.config.general import RANKED_ON
from stembench.config.layers import lay_over, lineage, settings_of
from stembench.errors import InputError

Task = Literal["segment", "localise", "denoise", "denoise_2x", "denoise_background", "superresolve", "superresolve_2x"]
Part = Annotated[float, Field(gt=0, lt=1)]


#: Keys of a recipe that a scale sets too.
SIZES = ("width", "crop_px", "batch_images")


class Recipe(Section):
    """How a network is trained at a scale."""

    depends = {"milestones": "schedule", "factor": "schedule"}

    source: str = Field("", description="Source of the recipe; a note that changes nothing")
    loss: Literal["modified_chi_square", "mse", "rmse", "log_rmse", "l1", "bce", "own"] = Field(
        "modified_chi_square",
        description="Loss between maps and targets, or the network's own",
    )
    learning_rate: float = Field(4e-3, description="Learning rate of Adam, with `one_cycle` its highest", gt=0, le=1)
    weight_decay: float = Field(0.0, description="L2 penalty of Adam", ge=0, le=1)
    schedule: Literal["one_cycle", "steps"] = Field(
        "one_cycle", description="One-cycle schedule, or a constant rate that falls in steps"
    )
    milestones: tuple[Part, ...] = Field(
        (), description="With `schedule: steps`: where the rate falls, as fractions of the training"
    )
    factor: float = Field(0.5, description="Factor on the learning rate at each milestone", gt=0, lt=1)
    width: float | None = Field(
        None, description="Channels as a fraction of the published; null: the scale's", gt=0, le=1
    )
    crop_px: int | None = Field(
        None,
        description="Edge of a training crop; null: the scale's",
        ge=32,
        le=1024,
        multiple_of=16,
        json_schema_extra={"unit": "px"},
    )
    batch_images: int | None = Field(None, description="Crops per training step; null: the scale's", ge=1, le=1024)
    samples: float = Field(
        1.0, description="Crops seen in training, as a multiple of the scale's `samples_seen`", gt=0, le=1000
    )


class Network(Section):
    """A network, its tasks and its recipes."""

    variant_of: Name | None = Field(
        None,
        description="Entry of `networks` that this one varies. Architecture, options, datasets, recipes, "
        "`starts_from` and `mixed_with` of that entry hold where this one sets nothing",
    )
    architecture: Name | None = Field(
        None, description="Network of the registry; null: the entry's name. A variant has that of the entry it varies"
    )
    options: dict[Name, bool] = Field({}, description="Parts of the architecture, switched on or off")
    tasks: tuple[Task, ...] = Field(
        (), description="Tasks it is trained for by default. Targets train it for other tasks"
    )
    datasets: tuple[Name, ...] = Field(("physical",), description="Datasets it is trained on", min_length=1)
    recipes: dict[Name, Recipe] = Field({}, description="Recipes by scale, laid over the recipe of the scale's parent")
    starts_from: FolderPath | None = Field(
        None,
        description="Folder of the trained network whose weights training starts from; null: random weights. A "
        "network that ships, such as `column_finder`, or a training, named as in `apply.localise`. Architecture, "
        "options and width must be the same",
    )
    mixed_with: Name | None = Field(
        None,
        description="Dataset whose images are mixed into every training; null: none. A network that starts from "
        "trained weights keeps by it what they have learned. For `training.data: stored`",
    )


def with_inheritance(
    networks: Mapping[str, Network], lineages: Mapping[str, Sequence[str]], sizes: Mapping[str, Mapping[str, Any]]
) -> dict[str, Network]:
    """Return networks with what they inherit: a recipe for every scale, and what the network that they vary has.

    Parameters
    ----------
    networks : mapping of str to Network
        Entries by name, with what they set themselves.
    lineages : mapping of str to sequence of str
        Each scale's own name and those of its parents, the nearest first.
    sizes : mapping of str to mapping
        Those of `SIZES` that each scale sets itself; none is None.

    Raises
    ------
    ValueError
        If a network varies an unknown one or in the end itself, or a recipe contradicts itself.
    """
    varied = {name: network.variant_of for name, network in networks.items()}
    whole = {}
    for name, network in networks.items():
        names = lineage(name, varied, "networks", "variant_of")
        line = [networks[one] for one in names]
        architecture = line[-1].architecture or names[-1]
        if network.architecture not in (None, architecture):
            raise ValueError(
                f"networks.{name}.architecture is {network.architecture}, and {varied[name]}, which it varies, has "
                f"{architecture}; take out architecture or variant_of"
            )
        inherited = {
            "architecture": architecture,
            "options": {part: on for one in reversed(line) for part, on in one.options.items()},
            **{
                key: next((getattr(one, key) for one in line if key in one.model_fields_set), getattr(network, key))
                for key in ("datasets", "starts_from", "mixed_with")
            },
            "recipes": {
                scale: _recipe(f"networks.{name}.recipes.{scale}", line, scales, sizes)
                for scale, scales in lineages.items()
            },
        }
        whole[name] = network.model_copy(update=inherited)
    return whole


def _recipe(key: str, line: Sequence[Network], scales: Sequence[str], sizes: Mapping[str, Mapping[str, Any]]) -> Recipe:
    """A variant's own recipes count before those of what it varies, and the nearest scale before its parents."""
    settings: dict[str, Any] = {}
    for network in reversed(line):
        for scale in reversed(scales):
            settings = lay_over(Recipe, settings, settings_of(network.recipes.get(scale, {})))
    # A size that a scale sets counts before the recipes of its parents, whatever network they are for.
    for size in SIZES:
        found = (level for scale in scales for level in (*(_set(one, scale, size) for one in line), sizes[scale][size]))
        settings[size] = next((value for value in found if value is not None), None)
    recipe = Recipe(**settings)
    if recipe.milestones and recipe.schedule != "steps":
        raise ValueError(f"{key}: milestones belong to schedule: steps; take them out or change the schedule")
    return recipe


def _set(network: Network, scale: str, size: str) -> float | None:
    return getattr(network.recipes.get(scale), size, None)


class Training(Section):
    """The machine that trains, and where it gets its samples."""

    devices: int = Field(
        1,
        description="GPUs per training, or processes where there is no GPU. They share each batch evenly",
        ge=1,
        le=64,
    )
    precision: Literal["auto", "32", "tf32", "bf16"] = Field(
        "auto", description="Arithmetic; `auto`: bf16 on a GPU that has it, else 32"
    )
    compile: bool = Field(False, description="Whether torch.compile compiles the network first")
    data: Literal["stored", "on_the_fly"] = Field(
        "stored", description="Whether training reads the dataset or draws new samples every epoch"
    )
    retrain: bool = Field(
        False,
        description="Whether trainings of more than an hour may rerun without being named",
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


def _for_the_time_of_sfin(network: str, demo: float, full: float) -> Network:
    """As many crops as SFIN's time allows, by the rates on a CPU that `benchmarks/training_step.py` prints."""
    return Network(variant_of=network, recipes={"demo": Recipe(samples=demo), "full": Recipe(samples=full)})


def _without(network: str, *parts: str) -> Network:
    return Network(variant_of=network, options=dict.fromkeys(parts, False))


def _of_general(architecture: str, chosen_by: str, loss: Literal["bce", "log_rmse"], learning_rate: float) -> Network:
    """One trained on `general`, by one recipe at every scale."""
    recipe = Recipe(
        source=f"ours: chosen by {chosen_by} (docs/explanation/shipped_networks.md)",
        loss=loss,
        learning_rate=learning_rate,
        width=0.5,
        crop_px=96,
        batch_images=16,
    )
    return Network(architecture=architecture, datasets=(RANKED_ON,), recipes={"demo": recipe, "full": recipe})


def _tuned(network: str, learning_rate: float) -> Network:
    """One that ships, made familiar with a dataset in minutes, at every scale alike."""
    source = "ours: chosen by images of a known noise and of `general` (docs/how_to/own_microscope.md)"
    recipe = {"source": source, "learning_rate": learning_rate}
    return Network(
        variant_of=network,
        starts_from=network,
        mixed_with=RANKED_ON,
        recipes={"demo": Recipe(**recipe), "full": Recipe(**recipe, samples=0.005)},
    )


#: Default networks; full-scale recipes are the published ones, but for the samples seen, which the scale gives to all.
NETWORKS = {
    "atomsegnet_unet": Network(
        tasks=("localise", "denoise_background"), recipes={"demo": _demo(88), "full": _ATOMSEGNET}
    ),
    "atomsegnet_unet_mse": Network(
        variant_of="atomsegnet_unet", recipes=dict.fromkeys(("demo", "full"), Recipe(loss="mse"))
    ),
    "atomsegnet_unet_sfin_recipe": Network(
        variant_of="atomsegnet_unet", recipes={"demo": _demo(130, loss="rmse", crop_px=48), "full": _SFIN}
    ),
    "atomsegnet_unet_sfin_time": _for_the_time_of_sfin("atomsegnet_unet_sfin_recipe", 4.4, 3.5),
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
    "column_finder": _of_general("atomai_segmentor", "annotated experimental images", "bce", 2e-3),
    "image_denoiser": _of_general("residual_unet", "simulated images of other kinds", "log_rmse", 1e-3),
    "instrument_column_finder": _tuned("column_finder", 5e-4),
    "instrument_denoiser": _tuned("image_denoiser", 1e-4),
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
    "structural_prior": Network(
        tasks=("localise",),
        recipes={
            "demo": _demo(68, loss="bce", learning_rate=2e-3, batch_images=16),
            "full": _ATOMSEGNET.model_copy(
                update={"source": "ours: the paper prints none", "loss": "bce", "batch_images": 16}
            ),
        },
    ),
    "structural_prior_unet": _without("structural_prior", "self_attention", "cross_attention", "contrastive"),
    "structural_prior_self_attention": _without("structural_prior", "cross_attention", "contrastive"),
    "structural_prior_cross_attention": _without("structural_prior", "contrastive"),
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
        recipes={
            "demo": _demo(27, loss="rmse", crop_px=48),
            "full": _SFIN.model_copy(update={"source": "as SFIN's, whose successor it is"}),
        },
    ),
    "sffn_spatial_only": _without("sffn", "frequency"),
    "sffn_frequency_only": _without("sffn", "spatial"),
    "sffn_without_exchange": _without("sffn", "exchange"),
    "fcn_sfin_time": _for_the_time_of_sfin("fcn", 3.5, 2.6),
    "sffn_sfin_time": _for_the_time_of_sfin("sffn", 0.9, 0.9),
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
