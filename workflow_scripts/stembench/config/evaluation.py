"""Test sets, baselines and scores."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stembench.config.base import Name, Section

DetectionBaseline = Literal["smoothed_maxima", "gaussian_fit_atomap", "background_subtracted_maxima", "random_points"]
EnhancementBaseline = Literal["gaussian", "wiener", "absf", "total_variation"]


class LabTestset(Section):
    """An undegraded lab image with reference columns, then thinned to doses."""

    image: Name = Field(description="Key of `lab.images`")
    tuned_on: Name = Field("physical", description="Dataset whose validation images tune every method's settings")
    reference_sigma_A: float = Field(
        0.4,
        description="Gaussian smoothing before the maxima that are the reference columns are taken",
        gt=0,
        le=2,
        json_schema_extra={"unit": "A"},
    )
    reference_threshold: float = Field(
        0.1,
        description="Height of the weakest reference maximum, as a fraction of the range",
        gt=0,
        lt=1,
    )
    block_px: int = Field(
        128, description="Edge of the blocks it is cut into", ge=64, le=4096, json_schema_extra={"unit": "px"}
    )


class Evaluation(Section):
    """How methods are scored."""

    match_radius_A: float = Field(
        0.5,
        description="Largest distance of a match, or half the nearest-neighbour distance where that is less",
        gt=0,
        le=2,
        json_schema_extra={"unit": "A"},
    )
    border_A: float = Field(
        1.0, description="Band at an image's edge that is not scored", ge=0, le=10, json_schema_extra={"unit": "A"}
    )
    weak_strength: float = Field(
        0.5, description="Columns weaker than this fraction of the brightest are `strength=weak` in tables", gt=0, le=1
    )
    rim_A: float = Field(
        3.0,
        description="Columns of a particle this near to its outline are `rim=edge` in tables, the others `rim=inside`",
        gt=0,
        le=20,
        json_schema_extra={"unit": "A"},
    )
    testsets: tuple[Name, ...] = Field(
        ("physical", "calibrated"), description="Datasets whose test split is a test set", min_length=1
    )
    lab_testsets: dict[Name, LabTestset] = Field(
        {"perovskite": LabTestset(image="perovskite_adf")}, description="Test sets made of lab images"
    )
    detection_baselines: tuple[DetectionBaseline, ...] = Field(
        ("smoothed_maxima", "gaussian_fit_atomap", "background_subtracted_maxima", "random_points"),
        description="Classical detectors in the tables",
        min_length=1,
    )
    enhancement_baselines: tuple[EnhancementBaseline, ...] = Field(
        ("gaussian", "wiener", "absf", "total_variation"), description="Classical filters in the tables", min_length=1
    )
