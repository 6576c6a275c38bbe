"""Recipes of simulated images, and the noise on them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from stembench.config.base import (
    FolderPath,
    FractionRange,
    Material,
    Name,
    Names,
    PositiveRange,
    Range,
    Section,
    ascending,
    up_to,
)
from stembench.config.imaging import DrawnProbe
from stembench.imaging.detectors import Mode

#: Labels of TEMImageNet that are images made from the columns.
ImageLabel = Literal[
    "circularMask",
    "smallcircularMask",
    "gaussianMask",
    "noNoiseNoBackgroundSuperresolution",
]


def _both_ends(value: Any) -> Any:
    """One number is a range of no width."""
    return (value, value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _peak_fwhm(default: float, label: str) -> Any:
    """The field of a label's peak width [A]."""
    description = f"FWHM of the peaks in {label}"
    return Field(default, description=description, gt=0, le=5, json_schema_extra={"unit": "A"})


_Count = Annotated[int, Field(ge=0, le=20)]
_Frames = Annotated[int, Field(ge=1, le=64)]
_Bits = Annotated[int, Field(ge=8, le=16)]
CountRange = Annotated[tuple[_Count, _Count], ascending]
Defocus = Annotated[float, Field(ge=-10_000, le=10_000)]


class PhysicalNoise(Section):
    """Scan distortion, counting statistics and detector response, in this order; a range from 0 to 0 is none."""

    recipe: Literal["physical"] = Field("physical", description="Which recipe: physical or calibrated")
    shot_noise_alone: float = Field(
        0.5,
        description="Fraction of images with shot noise only. The Cramér-Rao bound holds for these",
        ge=0,
        le=1,
    )
    drift_A: Annotated[Range, up_to(2)] = Field(
        (0.0, 0.3),
        description="Drift from the first row to the last, in any direction",
        json_schema_extra={"unit": "A", "bounds": "0 to 2, ascending"},
    )
    shear_deg: Annotated[Range, up_to(10)] = Field(
        (0.0, 0.5),
        description="Angle between slow scan axis and vertical, of either sign",
        json_schema_extra={"unit": "deg", "bounds": "0 to 10, ascending"},
    )
    jitter_A: Annotated[Range, up_to(1)] = Field(
        (0.0, 0.05),
        description="SD of the random displacements of single rows along each axis. True positions do not follow them",
        json_schema_extra={"unit": "A", "bounds": "0 to 1, ascending"},
    )
    pickup_A: Annotated[Range, up_to(1)] = Field(
        (0.0, 0.07),
        description="RMS of the displacement of rows by mains pick-up, in any direction. True positions follow its "
        "mean over the rows of a column",
        json_schema_extra={"unit": "A", "bounds": "0 to 1, ascending"},
    )
    mains_Hz: float = Field(
        50.0,
        description="Mains frequency, 50 or 60 Hz. Pick-up holds it and two harmonics",
        gt=0,
        le=1000,
        json_schema_extra={"unit": "Hz"},
    )
    dwell_us: PositiveRange = Field(
        (4.0, 32.0), description="Dwell time per pixel, drawn log-uniformly", json_schema_extra={"unit": "us"}
    )
    flyback_us: Range = Field(
        (50.0, 1000.0),
        description="Time from the end of a row to the next one. With the dwell times it is the line time, at which "
        "the mains are sampled",
        json_schema_extra={"unit": "us"},
    )
    jumps: CountRange = Field(
        (0, 0),
        description="Jumps per frame. A jump displaces all rows after it",
        json_schema_extra={"bounds": "whole, 0 to 20, ascending"},
    )
    jump_A: Annotated[Range, up_to(2)] = Field(
        (0.2, 1.0),
        description="SD of the jumps along each axis",
        json_schema_extra={"unit": "A", "bounds": "0 to 2, ascending"},
    )
    odd_even_A: Annotated[Range, up_to(2)] = Field(
        (0.0, 0.0),
        description="Displacement of odd rows against even ones along x, of either sign. A scan to and fro has it",
        json_schema_extra={"unit": "A", "bounds": "0 to 2, ascending"},
    )
    flyback_stretch: Annotated[FractionRange, up_to(0.5)] = Field(
        (0.0, 0.0),
        description="Fraction by which the flyback stretches or compresses rows at their left end",
        json_schema_extra={"bounds": "0 to 0.5, ascending"},
    )
    flyback_px: Annotated[PositiveRange, up_to(200)] = Field(
        (5.0, 50.0),
        description="Decay length of the flyback distortion along a row",
        json_schema_extra={"unit": "px", "bounds": "0.5 to 200, ascending"},
    )
    dead_lines: CountRange = Field(
        (0, 0),
        description="Number of rows without signal",
        json_schema_extra={"bounds": "whole, 0 to 20, ascending"},
    )
    hot_lines: CountRange = Field(
        (0, 0),
        description="Number of rows with the highest signal",
        json_schema_extra={"bounds": "whole, 0 to 20, ascending"},
    )
    frames: Annotated[tuple[_Frames, _Frames], ascending] = Field(
        (1, 1),
        description="Frames that are registered and averaged. Each has drift, jitter, mains phase, jumps and lines of "
        "its own, whose blur stays",
        json_schema_extra={"bounds": "whole, 1 to 64, ascending"},
    )
    counts_per_px: tuple[float, float] = Field(
        (0.7, 150.0),
        description="Electrons counted at the brightest column's peak, for training. Above background, in all frames "
        "together, drawn log-uniformly; in ABF and BF the electrons counted between the columns, in iDPC by all four "
        "quadrants",
        json_schema_extra={"unit": "e/px", "bounds": "> 0, ascending"},
    )
    test_counts_per_px: tuple[float, ...] = Field(
        (1.0, 3.0, 10.0, 30.0, 100.0),
        description="The same for validation and test; every structure has each level",
        min_length=1,
        json_schema_extra={"unit": "e/px", "bounds": "> 0"},
    )
    afterglow: FractionRange = Field(
        (0.0, 0.1), description="Fraction of a pixel's signal that appears in the pixels after it"
    )
    afterglow_px: PositiveRange = Field(
        (0.5, 2.0), description="Decay length of the afterglow", json_schema_extra={"unit": "px"}
    )
    gain: Annotated[Range, BeforeValidator(_both_ends, json_schema_input_type=float | Range)] = Field(
        (10.0, 10.0),
        description="Digital levels per electron; a number, or a range. Images are scaled to their range, so the gain "
        "sets how coarse levels are",
        json_schema_extra={"unit": "1/e", "bounds": "> 0 to 10000, ascending"},
    )
    offset: Annotated[Range, BeforeValidator(_both_ends, json_schema_input_type=float | Range)] = Field(
        (0.0, 0.0),
        description="Digital level of no electron; a number, or a range. Read-out noise below level 0 is cut off",
    )
    readout_e: Range = Field((0.0, 0.0), description="SD of read-out noise", json_schema_extra={"unit": "e"})
    clip_low: Annotated[FractionRange, up_to(0.45)] = Field(
        (0.0, 0.0),
        description="Part of the range of levels cut off at its lower end",
        json_schema_extra={"bounds": "0 to 0.45, ascending"},
    )
    clip_high: Annotated[FractionRange, up_to(0.45)] = Field(
        (0.0, 0.0),
        description="Part of the range of levels cut off at its upper end. A saturated detector does it",
        json_schema_extra={"bounds": "0 to 0.45, ascending"},
    )
    bits: Annotated[tuple[_Bits, _Bits], ascending] | None = Field(
        None,
        description="The recorded range holds 2^bits levels; null: levels are whole numbers",
        json_schema_extra={"bounds": "whole, 8 to 16, ascending"},
    )

    smoothing_px: Annotated[Range, up_to(5)] = Field(
        (0.0, 0.0),
        description="SD of a Gaussian that smooths the recorded image, as resampling does. Noise of neighbouring "
        "pixels is then correlated",
        json_schema_extra={"unit": "px", "bounds": "0 to 5, ascending"},
    )

    @model_validator(mode="before")
    @classmethod
    def _not_calibrated(cls, values: dict) -> dict:
        if isinstance(values, dict) and "instrument" in values:
            raise ValueError(
                "a recipe is physical or calibrated, never both: take out `instrument`, or write `recipe: calibrated` "
                "and take out everything physical"
            )
        return values

    @model_validator(mode="after")
    def _counts_are_positive(self) -> PhysicalNoise:
        if not 0 < self.counts_per_px[0] <= self.counts_per_px[1] or min(self.test_counts_per_px) <= 0:
            raise ValueError("counts must be positive, the lower end of a range first")
        if not self.gain[0] > 0:
            raise ValueError("gain must be more than 0")
        return self


class CalibratedNoise(Section):
    """Scan and pointwise noise with an instrument's parameters, which include shot noise, jitter and detector."""

    recipe: Literal["calibrated"] = Field("calibrated", description="Which recipe: physical or calibrated")
    instrument: Name = Field(description="Key of `calibration.instruments`")

    @model_validator(mode="before")
    @classmethod
    def _not_physical(cls, values: dict) -> dict:
        physical = (
            sorted(set(values) & (set(PhysicalNoise.model_fields) - {"recipe"})) if isinstance(values, dict) else []
        )
        if physical:
            raise ValueError(
                "a recipe is physical or calibrated, never both: calibrated noise holds shot noise, jitter and "
                f"detector already; take out {', '.join(physical)}"
            )
        return values


def _one_per_dose(dataset: dict[str, Any]) -> int:
    noise = dataset.get("noise")  # none where it is not valid
    return len(noise.test_counts_per_px) if isinstance(noise, PhysicalNoise) else 1


class Dataset(Section):
    """A recipe: object, imaging conditions and noise."""

    forward_model: Literal["linear", "multislice"] = Field(
        "linear",
        description="How images are simulated. Multislice samples perfect crystals from tiles, at the nearest "
        "simulated thickness; it scans other objects pixel by pixel, which is slow",
    )
    materials: Literal["all", "held_out"] | Annotated[tuple[Material, ...], Field(min_length=1)] = Field(
        "all", description="Materials; `all`: those not held out; `held_out`: the others"
    )
    zones: tuple[str, ...] | None = Field(
        None, description="Zone axes, among those under `structures`; null: all of them", min_length=1
    )
    arrangements: Names = Field(("periodic",), description="Keys of `arrangements`, each equally likely")
    thickness_A: PositiveRange = Field(
        (20.0, 100.0),
        description="Range of specimen thickness",
        json_schema_extra={"unit": "A", "bounds": "0.5 to 10000, ascending"},
    )
    conditions: Names = Field(
        ("200keV_24mrad", "100keV_30mrad", "200keV_10p5mrad", "200keV_10mrad", "60keV_30mrad"),
        description="Imaging conditions",
    )
    mode: Mode = Field("HAADF", description="Imaging mode; every condition must have a detector of this mode")
    detector_mrad: Range | None = Field(
        None,
        description="Inner and outer angle of the detector. Every condition must list it; null: its first detector of "
        "this mode",
        json_schema_extra={"unit": "mrad"},
    )
    extra_source_A: Range = Field(
        (0.0, 0.0),
        description="FWHM that an unstable microscope adds to the source, in quadrature",
        json_schema_extra={"unit": "A"},
    )
    defocus_A: tuple[Defocus, Defocus] = Field(
        (0.0, 0.0),
        description="Range of defocus added to each condition's. An image draws its own; not for tiles of multislice",
        json_schema_extra={"unit": "A", "bounds": "-10000 to 10000, ascending"},
    )
    mistilt_mrad: Annotated[Range, up_to(100)] = Field(
        (0.0, 0.0),
        description="Angle between zone axis and beam, in any direction. Atoms move sideways with their depth; not for "
        "tiles of multislice",
        json_schema_extra={"unit": "mrad", "bounds": "0 to 100, ascending"},
    )
    probe: DrawnProbe | Literal["calibrated"] | None = Field(
        None,
        description="A probe of its own for each image, drawn around its condition's. null: the conditions' probes. "
        "`{}`: what an operator leaves of the aberrations of a corrected instrument. `calibrated`, with calibrated "
        "noise only: source and defocus as fitted to the images of the noise's instrument. Not for tiles of multislice",
    )
    pixel_size_A: tuple[float, float] | None = Field(
        (0.08, 0.156),
        description="Range of pixel sizes, drawn log-uniformly. 0.156 Å is 40 Å in 256 px. null, with calibrated "
        "noise only: the pixel sizes of the calibrated images",
        json_schema_extra={"unit": "A", "bounds": "0.01 to 1, ascending"},
    )
    resampled_to_A: tuple[float, float] | None = Field(
        None,
        description="Range of pixel sizes to which noisy images are resampled; null: none. Drawn log-uniformly. With "
        "calibrated noise only, which is drawn at the pixel size of its images",
        json_schema_extra={"unit": "A", "bounds": "0.01 to 1, ascending"},
    )
    field_of_view_A: tuple[Annotated[float, Field(gt=0, le=1000)], ...] | None = Field(
        None,
        description="Fields of view, each equally likely; null: drawn by `pixel_size_A`. TEMImageNet has 8, 10, 20, "
        "30 and 40",
        min_length=1,
        json_schema_extra={"unit": "A"},
    )
    rotation_step_deg: float | None = Field(
        None,
        description="In-plane rotations are multiples of this, over the full turn; null: any angle",
        gt=0,
        le=360,
        json_schema_extra={"unit": "deg"},
    )
    background: float = Field(
        0.5, description="Largest background as a fraction of the brightest column's peak", ge=0, le=10
    )
    backgrounds: Annotated[
        tuple[Literal["constant", "ramp", "perlin", "patches", "wedge", "step"], ...], Field(min_length=1)
    ] = Field(
        ("constant", "ramp", "perlin", "patches", "wedge"),
        description="Kinds of background, each equally likely. A `step` lies at a straight interface",
    )
    visibility: float = Field(
        5.0,
        description="Columns are labelled that stand out by this many SDs of noise. It is the calibrated noise, "
        "or that of counting at the image's own dose and background, and neighbours must not hide the column. All "
        "others are ignored in training and in scores. 0: all that neighbours do not hide",
        ge=0,
        le=100,
    )
    label_hidden: bool = Field(
        False,
        description="Whether columns under an overlayer are labelled as if it were not there. Otherwise they are "
        "ignored",
    )
    gaussian_mask_fwhm_A: float = _peak_fwhm(0.4, "gaussianMask")
    superresolution_fwhm_A: float = _peak_fwhm(0.2, "noNoiseNoBackgroundSuperresolution")
    stored_labels: tuple[ImageLabel, ...] = Field(
        (),
        description="Labels stored beside noNoise and noBackgroundnoNoise. All other labels are computed from the "
        "columns on demand",
    )
    noise: Annotated[PhysicalNoise | CalibratedNoise, Field(discriminator="recipe")] = Field(
        PhysicalNoise(), description="Noise recipe"
    )
    images_per_structure: int = Field(
        default_factory=_one_per_dose,
        description="Consecutive images that share a structure, its rotation, offset and pixel size",
        ge=1,
        le=100,
        json_schema_extra={"default": "one per level of `noise.test_counts_per_px`; 1 with calibrated noise"},
    )
    share: float = Field(1.0, description="Images as a fraction of the scale's counts", gt=0, le=10)
    seed: int = Field(0, description="Seed of the dataset", ge=0, le=2**32 - 1)

    @field_validator("defocus_A")
    @classmethod
    def _defocus_in_order(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise ValueError("write the lower defocus first")
        return value

    @field_validator("pixel_size_A", "resampled_to_A")
    @classmethod
    def _pixel_sizes_in_order(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value and not 0.01 <= value[0] <= value[1] <= 1:
            raise ValueError("two pixel sizes between 0.01 and 1 A, the smaller first")
        return value

    @model_validator(mode="after")
    def _resampled_with_calibrated_noise(self) -> Dataset:
        if self.resampled_to_A and not isinstance(self.noise, CalibratedNoise):
            raise ValueError("resampled_to_A needs calibrated noise; take it out, or write `recipe: calibrated`")
        return self

    @model_validator(mode="after")
    def _probe_has_an_instrument(self) -> Dataset:
        if self.probe == "calibrated" and not isinstance(self.noise, CalibratedNoise):
            raise ValueError("probe: calibrated needs calibrated noise, whose instrument has the probe; give ranges")
        return self

    @model_validator(mode="after")
    def _pixel_sizes_are_known(self) -> Dataset:
        if self.pixel_size_A is None and not isinstance(self.noise, CalibratedNoise):
            raise ValueError("pixel_size_A: null needs calibrated noise, whose images have pixel sizes; give a range")
        return self


class ImportedDataset(Section):
    """Imported images and labels, in TEMImageNet's folders."""

    folder: FolderPath = Field(description="Folder that holds `image/` and the folders of labels")
    pixel_size_A: float | None = Field(
        None,
        description="Pixel size; null: read from `metadata.csv` of an exported dataset",
        gt=0,
        le=10,
        json_schema_extra={"unit": "A"},
    )
    mode: Mode = Field("HAADF", description="Detector")
    images_per_structure: int = Field(
        9, description="Consecutive images of one structure, which stay in one split", ge=1, le=1000
    )
    gaussian_mask_fwhm_A: float = _peak_fwhm(0.4, "gaussianMask")
    superresolution_fwhm_A: float = _peak_fwhm(0.2, "noNoiseNoBackgroundSuperresolution")
    seed: int = Field(0, description="Seed of the split", ge=0, le=2**32 - 1)
