"""Test sets, baselines and scores."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from stembench.baselines.filters import FILTERS
from stembench.baselines.finders import FINDERS
from stembench.config.base import FolderPath, Name, Section
from stembench.localisation import DEFAULT_LOCALISER
from stembench.localisation.localisers import LOCALISERS


def _finds_without_structure(name: str) -> str:
    if FINDERS.load(name).needs_structure:
        raise ValueError(f"{name} needs the structure; only studies.{{name}}.baselines give it")
    return name


#: A classical finder that needs the image only.
DetectionBaseline = Annotated[Name, AfterValidator(_finds_without_structure)]
EnhancementBaseline = Annotated[Name, AfterValidator(FILTERS.checked)]
LocaliserName = Annotated[Name, AfterValidator(LOCALISERS.checked)]
#: Filters in the tables by default.
DEFAULT_FILTERS = ("gaussian", "wiener", "absf", "total_variation", "non_local_means", "low_pass")
PublishedSet = Literal["temimagenet", "sfin_haadf", "sfin_bf", "sffn_haadf", "prior_simulated", "prior_lab", "si110"]


class LabTestset(Section):
    """A clean lab image with reference columns, marked or found in it; its electrons are thinned to lower doses."""

    image: Name = Field(description="Key of `lab.images`")
    tuned_on: Name = Field("physical", description="Dataset whose validation images tune every method's settings")
    reference_sigma_A: float = Field(
        0.4,
        description="Gaussian smoothing before reference maxima are taken. Used where nobody marked columns",
        gt=0,
        le=2,
        json_schema_extra={"unit": "A"},
    )
    reference_threshold: float = Field(
        0.1,
        description="Height of the weakest reference maximum as a fraction of the range",
        gt=0,
        lt=1,
    )
    single_crystal: bool = Field(
        False,
        description="Whether the whole image shows one crystal. The spread of its spacings is then a precision",
    )
    block_px: int = Field(
        128,
        description="Smallest edge of the blocks that the image is cut into",
        ge=64,
        le=4096,
        json_schema_extra={"unit": "px"},
    )
    counts_per_px: tuple[Annotated[float, Field(gt=0, le=1e6)], ...] | None = Field(
        None,
        description="Doses, as electrons at the brightest columns. null: those that methods are tuned at",
        min_length=1,
        json_schema_extra={"unit": "e/px"},
    )
    without: tuple[DetectionBaseline, ...] = Field(
        (), description="Classical finders that are not tried on it, since they take long"
    )
    enhanced: bool = Field(True, description="Whether a figure shows it enhanced. false where its authors filtered it")
    detection: bool = Field(
        True,
        description="Whether detection is scored. false where the reference lacks columns that methods rightly find",
    )
    scales: tuple[Name, ...] = Field(
        (),
        description="Scales that use it, and their children; empty: those of its image",
    )


class Evaluation(Section):
    """How methods are scored."""

    match_radius_A: float = Field(
        0.5,
        description="Largest distance between a found and a true column. Half the nearest-neighbour distance where "
        "that is less",
        gt=0,
        le=2,
        json_schema_extra={"unit": "A"},
    )
    border_A: float = Field(
        1.0, description="Band at an image's edge that is not scored", ge=0, le=10, json_schema_extra={"unit": "A"}
    )
    weak_strength: float = Field(
        0.5, description="Columns below this fraction of the brightest are `strength=weak` in tables", gt=0, le=1
    )
    rim_A: float = Field(
        3.0,
        description="Columns of a particle within this distance of its outline are `rim=edge`. The others are "
        "`rim=inside`",
        gt=0,
        le=20,
        json_schema_extra={"unit": "A"},
    )
    testsets: tuple[Name, ...] = Field(
        ("physical", "calibrated"), description="Datasets whose test split is a test set", min_length=1
    )
    lab_testsets: dict[Name, LabTestset] = Field(
        {
            "perovskite": LabTestset(image="perovskite_adf", single_crystal=True),
            # Its minima are the metal columns; oxygen shows between them.
            "perovskite_abf": LabTestset(
                image="perovskite_abf",
                tuned_on="annular_bright_field",
                single_crystal=True,
                detection=False,
                scales=("full",),
            ),
            "pbtio3": LabTestset(image="pbtio3", block_px=256, enhanced=False),
            "pbtio3_crop": LabTestset(
                image="pbtio3_crop",
                block_px=256,
                counts_per_px=(10.0,),
                without=("gaussian_fit_atomap",),
                enhanced=False,
            ),
            # Its maxima are the molybdenum columns; sulphur is there for those who see it.
            "se_mos2": LabTestset(
                image="se_mos2",
                reference_sigma_A=0.5,
                reference_threshold=0.25,
                single_crystal=True,
                block_px=256,
                detection=False,
                scales=("full",),
            ),
        },
        description="Test sets made of lab images. An image with `columns` is a test set by itself; an entry changes "
        "how it is cut and tuned",
    )
    published: dict[Name, tuple[PublishedSet, ...]] = Field(
        {},
        description="Datasets and test sets of papers, such as an import of TEMImageNet. Tables show the printed "
        "numbers in columns of their own, for filters and for networks of full width trained on the paper's dataset",
        examples=[{"my_temimagenet": ["temimagenet"]}],
    )
    localisers: tuple[LocaliserName, ...] = Field(
        ("maxima", "otsu", "otsu_split", "own"),
        description="How columns are read from the maps of networks. Networks are compared by `maxima`; `own` is the "
        "localiser of a network's authors, where there is one",
    )
    external: dict[Name, FolderPath] = Field(
        {},
        description="Methods that were run elsewhere, with the folder of their predictions. It holds a folder per test "
        "set, with `00000.csv` and so on for columns found, or `00000.tif` for denoised images",
        examples=[{"my_method": "predictions/my_method"}],
    )
    real_images: bool = Field(
        True,
        description="Whether methods are tried on experimental images in which columns are marked",
    )
    detection_baselines: tuple[DetectionBaseline, ...] = Field(
        ("smoothed_maxima", "gaussian_fit", "gaussian_fit_atomap", "background_subtracted_maxima", "random_points"),
        description="Classical finders of columns in the tables",
        min_length=1,
    )
    localised_after_denoising: tuple[DetectionBaseline, ...] = Field(
        ("gaussian_fit",),
        description="Finders that are also tested on denoised lab images of one crystal. The first network that "
        "localises is tested as well; atomap's fit takes minutes",
    )
    images_after_denoising: int = Field(
        8,
        description="Simulated images per dose for the Gaussian fit after denoising",
        ge=5,
        le=10_000,
    )
    enhancement_baselines: tuple[EnhancementBaseline, ...] = Field(
        DEFAULT_FILTERS,
        description="Classical filters in the tables",
        min_length=1,
    )

    @field_validator("localisers")
    @classmethod
    def _default_is_run(cls, localisers: tuple[LocaliserName, ...]) -> tuple[LocaliserName, ...]:
        if DEFAULT_LOCALISER not in localisers:
            raise ValueError(f"networks are compared by {DEFAULT_LOCALISER}; add it")
        return localisers
