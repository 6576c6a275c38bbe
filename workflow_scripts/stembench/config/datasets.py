"""Recipes of simulated images, and the noise on them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from stembench.config.base import Material, Name, Names, PositiveRange, Section
from stembench.imaging.detectors import Mode


class PhysicalNoise(Section):
    """Row jitter, then shot noise at a dose."""

    recipe: Literal["physical"] = Field("physical", description="Which recipe: physical or calibrated")
    counts_per_px: tuple[float, float] = Field(
        (0.7, 150.0),
        description="Range, for training, of the electrons counted at the brightest column's peak above background "
        "(in ABF and BF between the columns)",
        json_schema_extra={"unit": "e/px", "bounds": "> 0, ascending"},
    )
    test_counts_per_px: tuple[float, ...] = Field(
        (1.0, 3.0, 10.0, 30.0, 100.0),
        description="Levels for validation and test, each structure shown at every one",
        min_length=1,
        json_schema_extra={"unit": "e/px", "bounds": "> 0"},
    )
    jitter_A: float = Field(
        0.1, description="Largest amplitude of row jitter", ge=0, le=0.5, json_schema_extra={"unit": "A"}
    )
    unjittered: float = Field(0.5, description="Fraction of images without row jitter", ge=0, le=1)

    @model_validator(mode="after")
    def _counts_are_positive(self) -> PhysicalNoise:
        if not 0 < self.counts_per_px[0] <= self.counts_per_px[1] or min(self.test_counts_per_px) <= 0:
            raise ValueError("counts must be positive, the lower end of a range first")
        return self


class CalibratedNoise(Section):
    """Scan and pointwise noise with the parameters of an instrument; holds shot noise and jitter already."""

    recipe: Literal["calibrated"] = Field("calibrated", description="Which recipe: physical or calibrated")
    instrument: Name = Field(description="Key of `calibration.instruments`")


class Dataset(Section):
    """A recipe: what is shown, how it is imaged, and the noise on it."""

    materials: Literal["all"] | Annotated[tuple[Material, ...], Field(min_length=1)] = Field(
        "all", description="Materials, or `all` in `structures/` but those held out"
    )
    arrangements: Names = Field(("periodic",), description="Keys of `arrangements`, each as likely as another")
    thickness_A: PositiveRange = Field(
        (20.0, 100.0),
        description="Range of specimen thickness",
        json_schema_extra={"unit": "A", "bounds": "0.5 to 10000, ascending"},
    )
    conditions: Names = Field(
        ("200keV_24mrad", "100keV_30mrad", "200keV_10p5mrad", "200keV_10mrad", "60keV_30mrad"),
        description="Imaging conditions",
    )
    mode: Mode = Field("HAADF", description="Detector, which every condition must have")
    pixel_size_A: tuple[float, float] = Field(
        (0.08, 0.156),
        description="Range of pixel sizes (0.156 A is 40 A in 256 px)",
        json_schema_extra={"unit": "A", "bounds": "0.01 to 1, ascending"},
    )
    rotation_step_deg: float = Field(
        15.0,
        description="In-plane rotations are multiples of this up to 90",
        gt=0,
        le=90,
        json_schema_extra={"unit": "deg"},
    )
    background: float = Field(
        0.5, description="Largest background as a fraction of the brightest column's peak", ge=0, le=10
    )
    label_threshold: float = Field(
        0.2, description="Columns weaker than this fraction of the brightest are not asked of a network", ge=0, lt=1
    )
    gaussian_mask_fwhm_A: float = Field(
        0.2, description="FWHM of the peaks in gaussianMask", gt=0, le=5, json_schema_extra={"unit": "A"}
    )
    images_per_structure: int = Field(
        5, description="Consecutive images that share a structure, its rotation, offset and pixel size", ge=1, le=100
    )
    share: float = Field(1.0, description="Images as a fraction of the counts that the scale gives", gt=0, le=1)
    noise: Annotated[PhysicalNoise | CalibratedNoise, Field(discriminator="recipe")] = Field(
        PhysicalNoise(), description="Noise recipe"
    )
    seed: int = Field(0, description="Seed of the dataset", ge=0, le=2**32 - 1)

    @field_validator("pixel_size_A")
    @classmethod
    def _pixel_sizes_in_order(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0.01 <= value[0] <= value[1] <= 1:
            raise ValueError("two pixel sizes between 0.01 and 1 A, the smaller first")
        return value
