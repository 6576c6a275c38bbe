"""Studies: tables of variants of a network, beside each other."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stembench.baselines.filters import FILTERS
from stembench.baselines.finders import FINDERS
from stembench.config.base import Name, Section
from stembench.config.evaluation import DEFAULT_FILTERS
from stembench.config.networks import Task


class Variant(Section):
    """A row of a study."""

    network: Name = Field(description="Key of `networks`")
    dataset: Name | None = Field(None, description="Dataset it is trained on; null: the study's")
    prior: Literal["right", "wrong", "none"] = Field(
        "right", description="Structure given to a network with a prior. The image's, another material's, or none"
    )


class Study(Section):
    """Variants of a network, or networks, compared."""

    task: Task = Field("localise", description="Task that the variants are trained for")
    scored: Literal["columns", "images"] = Field(
        "columns",
        description="Whether columns are scored, or images. Columns need the task `localise`; images are compared "
        "with the task's labels by PSNR and SSIM",
    )
    dataset: Name = Field("physical", description="Dataset that the variants are trained on")
    testsets: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        ("physical",),
        description="Test sets: datasets by their test splits. Where columns are scored also lab test sets of the "
        "scale, and those of `generalisation`",
    )
    variants: dict[Name, Variant] = Field(description="Rows of the table by name", min_length=1)
    baselines: tuple[Name, ...] = Field(
        (), description="Classical finders beside them, or filters where images are scored"
    )
    compared_with: tuple[Name, ...] = Field(
        (),
        description="Rows that all others are compared with. Variants and baselines, in the table of comparisons; "
        "empty: the first variant",
    )

    @model_validator(mode="after")
    def _score_fits(self) -> Study:
        if self.scored == "columns" and self.task != "localise":
            raise ValueError("scored: columns needs task: localise; otherwise take scored: images")
        wanted = FILTERS if self.scored == "images" else FINDERS
        for name in self.baselines:
            if name not in wanted and (name in FILTERS or name in FINDERS):
                raise ValueError(f"baselines: {name} is not a {wanted.kind}, as scored: {self.scored} asks for")
            wanted.checked(name)
        for name in self.compared_with:
            if name not in self.variants and name not in self.baselines:
                rows = ", ".join([*self.variants, *self.baselines])
                raise ValueError(f"compared_with: {name} is neither a variant nor a baseline; there are {rows}")
        return self


def _denoisers(**networks: str) -> Study:
    """Networks, by what they are called, beside SFIN."""
    return Study(
        task="denoise_background",
        scored="images",
        testsets=("physical", "calibrated"),
        variants={name: Variant(network=network) for name, network in {"sfin": "sfin", **networks}.items()},
        baselines=DEFAULT_FILTERS,
    )


#: Default studies.
STUDIES = {
    "ablation": Study(
        dataset="hidden_columns",
        testsets=("hidden_columns", "hidden_columns_held_out"),
        variants={
            "unet": Variant(network="structural_prior_unet"),
            "self_attention": Variant(network="structural_prior_self_attention"),
            "cross_attention": Variant(network="structural_prior_cross_attention"),
            "contrastive": Variant(network="structural_prior"),
            "wrong_prior": Variant(network="structural_prior", prior="wrong"),
            "no_prior": Variant(network="structural_prior", prior="none"),
            "atomai_segmentor": Variant(network="atomai_segmentor"),
            "atomid_net": Variant(network="atomid_net"),
        },
        baselines=("template_matching",),
        compared_with=("unet", "no_prior", "template_matching", "atomai_segmentor", "atomid_net"),
    ),
    "loss_comparison": Study(
        variants={
            "modified_chi_square": Variant(network="atomsegnet_unet"),
            "mse": Variant(network="atomsegnet_unet_mse"),
        },
    ),
    "denoisers": _denoisers(sffn="sffn", fcn="fcn", atomsegnet_unet="atomsegnet_unet_sfin_recipe"),
    "denoisers_equal_time": _denoisers(
        sffn="sffn_sfin_time", fcn="fcn_sfin_time", atomsegnet_unet="atomsegnet_unet_sfin_time"
    ),
    "frequency_branch": Study(
        task="denoise_background",
        scored="images",
        dataset="calibrated",
        testsets=("calibrated",),
        variants={
            "full": Variant(network="sffn"),
            "without_exchange": Variant(network="sffn_without_exchange"),
            "frequency_only": Variant(network="sffn_frequency_only"),
            "spatial_only": Variant(network="sffn_spatial_only"),
        },
    ),
    "calibrated_noise": Study(
        task="denoise_background",
        scored="images",
        testsets=("calibrated",),
        variants={
            "calibrated": Variant(network="sfin", dataset="calibrated"),
            "physical": Variant(network="sfin"),
        },
        baselines=("gaussian",),
    ),
    "training_physics": Study(
        testsets=("multislice",),
        variants={
            "multislice": Variant(network="atomsegnet_unet", dataset="srtio3_multislice"),
            "linear": Variant(network="atomsegnet_unet", dataset="srtio3_linear"),
        },
        baselines=("smoothed_maxima",),
    ),
    "training_sets": Study(
        testsets=("perovskite", "pbtio3", "au_crop"),
        variants={
            f"{network}_{dataset}": Variant(network=network, dataset=dataset)
            for network in ("atomsegnet_unet", "atomsegnet_unetpp", "atomai_segmentor")
            for dataset in ("physical", "calibrated")
        },
        baselines=("smoothed_maxima",),
    ),
    "detection_maps": Study(
        scored="images",
        dataset="calibrated",
        testsets=("calibrated",),
        variants={name: Variant(network=name) for name in ("atomsegnet_unet", "fcn", "sfin")},
    ),
    "super_resolution": Study(
        task="superresolve",
        scored="images",
        variants={name: Variant(network=name) for name in ("atomsegnet_unet", "atomsegnet_unetpp", "fcn", "sfin")},
        baselines=("gaussian", "wiener"),
    ),
    "super_resolution_2x": Study(
        task="superresolve_2x",
        scored="images",
        variants={name: Variant(network=name) for name in ("atomsegnet_unet", "atomsegnet_unetpp")},
        baselines=("gaussian", "wiener"),
    ),
}
for _dataset in ("bright_field", "annular_bright_field", "idpc"):
    STUDIES[_dataset] = Study(
        task="denoise_background",
        scored="images",
        dataset=_dataset,
        testsets=(_dataset,),
        variants={name: Variant(network=name) for name in ("atomsegnet_unet", "fcn", "sfin", "sffn")},
        baselines=DEFAULT_FILTERS,
    )
