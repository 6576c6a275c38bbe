"""Studies: tables of variants of one network, made when they are asked for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stembench.config.base import Name, Section
from stembench.config.evaluation import DetectionBaseline

# Template matching must be told the structure, which is known of simulated images alone.
StudyBaseline = Literal[DetectionBaseline, "template_matching"]


class Variant(Section):
    """A row of a study."""

    network: Name = Field(description="Key of `networks`")
    prior: Literal["right", "wrong", "none"] = Field(
        "right", description="Structure that a network with a prior is told: the image's, another material's, or none"
    )


class Study(Section):
    """Variants of a network that localises columns, beside each other."""

    dataset: Name = Field("physical", description="Dataset that the variants are trained on")
    testset: Name = Field("physical", description="Dataset whose test split they are compared on")
    variants: dict[Name, Variant] = Field(description="Rows of the table by name", min_length=1)
    baselines: tuple[StudyBaseline, ...] = Field((), description="Classical detectors beside them")


#: Default studies.
STUDIES = {
    "ablation": Study(
        variants={
            "unet": Variant(network="structural_prior_unet"),
            "self_attention": Variant(network="structural_prior_self_attention"),
            "cross_attention": Variant(network="structural_prior_cross_attention"),
            "contrastive": Variant(network="structural_prior"),
            "wrong_prior": Variant(network="structural_prior", prior="wrong"),
            "no_prior": Variant(network="structural_prior", prior="none"),
        },
        baselines=("template_matching",),
    ),
    "loss_comparison": Study(
        variants={
            "modified_chi_square": Variant(network="atomsegnet_unet"),
            "mse": Variant(network="atomsegnet_unet_mse"),
        },
    ),
}
