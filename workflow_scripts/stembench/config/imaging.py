"""Microscope settings, the linear model and multislice."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from stembench.config.base import Element, FractionRange, Material, Name, Names, Range, Section
from stembench.imaging.conditions import detectors_of, probe_of
from stembench.imaging.detectors import Mode
from stembench.imaging.device import Device

#: Largest radius of a geometric beam that images are simulated for [A]; the grid of its probe grows with it.
WIDEST_BEAM_A = 250.0


class Condition(Section):
    """Settings of the microscope."""

    energy_keV: float = Field(description="Beam energy", ge=20, le=1000, json_schema_extra={"unit": "keV"})
    semiangle_mrad: float = Field(
        description="Convergence semi-angle", ge=1, le=100, json_schema_extra={"unit": "mrad"}
    )
    source_size_A: float = Field(
        description="FWHM of the effective source", ge=0, le=5, json_schema_extra={"unit": "A"}
    )
    source_tail: float = Field(
        0.0, description="Fraction of the electrons in a second, broader Gaussian of the effective source", ge=0, le=0.9
    )
    source_tail_A: float = Field(
        0.0, description="FWHM of that broader Gaussian", ge=0, le=10, json_schema_extra={"unit": "A"}
    )
    defocus_A: float = Field(
        0.0, description="Defocus, positive for underfocus", ge=-10_000, le=10_000, json_schema_extra={"unit": "A"}
    )
    c3_mm: float = Field(
        0.0,
        description="Third-order spherical aberration C3; without a corrector 0.5 to 3 mm",
        ge=-10,
        le=10,
        json_schema_extra={"unit": "mm"},
    )
    c5_mm: float = Field(
        0.0, description="Fifth-order spherical aberration C5", ge=-200, le=200, json_schema_extra={"unit": "mm"}
    )
    astigmatism_A: float = Field(
        0.0, description="Two-fold astigmatism C12", ge=0, le=5000, json_schema_extra={"unit": "A"}
    )
    astigmatism_angle_deg: float = Field(
        0.0, description="Azimuth of the astigmatism", ge=-180, le=180, json_schema_extra={"unit": "deg"}
    )
    coma_A: float = Field(0.0, description="Axial coma C21", ge=0, le=100_000, json_schema_extra={"unit": "A"})
    coma_angle_deg: float = Field(
        0.0, description="Azimuth of the coma", ge=-180, le=180, json_schema_extra={"unit": "deg"}
    )
    threefold_A: float = Field(
        0.0, description="Three-fold astigmatism C23 (A2)", ge=0, le=100_000, json_schema_extra={"unit": "A"}
    )
    threefold_angle_deg: float = Field(
        0.0, description="Azimuth of the three-fold astigmatism", ge=-180, le=180, json_schema_extra={"unit": "deg"}
    )
    star_mm: float = Field(0.0, description="Star aberration C32 (4 S3)", ge=0, le=1, json_schema_extra={"unit": "mm"})
    star_angle_deg: float = Field(
        0.0, description="Azimuth of the star aberration", ge=-180, le=180, json_schema_extra={"unit": "deg"}
    )
    cc_mm: float = Field(
        0.0,
        description="Chromatic aberration Cc. It blurs the probe in the linear model; multislice has none",
        ge=0,
        le=10,
        json_schema_extra={"unit": "mm"},
    )
    energy_spread_eV: float = Field(
        0.0, description="FWHM of the beam's energy, which Cc blurs by", ge=0, le=10, json_schema_extra={"unit": "eV"}
    )
    detectors_mrad: tuple[Range, ...] | None = Field(
        None,
        description="Inner and outer angles of annular detectors. null: HAADF from 80 to 200 mrad, ABF from half the "
        "semi-angle to the semi-angle, BF below that. The angles decide the mode. A detector may take part of the "
        "bright-field disc, and several may have one mode",
        json_schema_extra={"unit": "mrad"},
    )
    segmented_mrad: Range | None = Field(
        None,
        description="Inner and outer angle of a segmented detector with four quadrants; null: none. iDPC images are "
        "made of its signals. Its multislice tiles take up to eight times as long",
        json_schema_extra={"unit": "mrad"},
    )

    @field_validator("segmented_mrad")
    @classmethod
    def _segments_have_an_area(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value and value[0] == value[1]:
            raise ValueError("the outer angle must be larger than the inner one")
        return value

    @model_validator(mode="after")
    def _tail_is_broader(self) -> Condition:
        if (self.source_tail or self.source_tail_A) and not (
            self.source_tail and self.source_size_A < self.source_tail_A
        ):
            raise ValueError(
                "a source with a tail has source_tail above 0 and source_tail_A above source_size_A; set both, or "
                "remove both"
            )
        return self

    @model_validator(mode="after")
    def _detectors_have_modes(self) -> Condition:
        detectors_of(self)
        return self

    @model_validator(mode="after")
    def _probe_shows_columns(self) -> Condition:
        radius = probe_of(self).geometric_radius()
        if radius > WIDEST_BEAM_A:
            raise ValueError(
                f"the aberrations spread the beam over a radius of {radius:.0f} A, in which no column can be told from "
                f"another, and {WIDEST_BEAM_A:g} A can be simulated; lower semiangle_mrad (about 8 to 12 without a "
                "corrector), c3_mm, c5_mm, astigmatism_A, coma_A, threefold_A or star_mm, or set defocus_A to about "
                "1e7 c3_mm (semiangle_mrad / 1000)^2, which compensates C3"
            )
        return self


class DrawnProbe(Section):
    """A probe of its own for each image: what an operator leaves of the aberrations, and ranges of the rest.

    The default spreads are those of a corrected instrument.
    """

    energy_keV: Range | None = Field(
        None,
        description="Range of beam energies; null: the condition's",
        json_schema_extra={"unit": "keV", "bounds": "20 to 1000, ascending"},
    )
    semiangle_mrad: Range | None = Field(
        None,
        description="Range of convergence semi-angles; null: the condition's",
        json_schema_extra={"unit": "mrad", "bounds": "1 to 100, ascending"},
    )
    source_size_A: Range | None = Field(
        None,
        description="Range of the source's FWHM; null: the condition's",
        json_schema_extra={"unit": "A", "bounds": "0 to 5, ascending"},
    )
    source_tail: FractionRange | None = Field(
        None, description="Range of the source's broader fraction; null: the condition's"
    )
    source_tail_A: Range | None = Field(
        None,
        description="Range of that part's FWHM; null: the condition's",
        json_schema_extra={"unit": "A", "bounds": "above the source's FWHM, up to 10, ascending"},
    )
    defocus_sd_A: float = Field(20.0, description="SD of the defocus", ge=0, le=1000, json_schema_extra={"unit": "A"})
    astigmatism_sd_A: float = Field(
        10.0,
        description="SD of each component of two-fold astigmatism C12 (A1)",
        ge=0,
        le=1000,
        json_schema_extra={"unit": "A"},
    )
    coma_sd_A: float = Field(
        400.0,
        description="The same of axial coma C21 (3 B2)",
        ge=0,
        le=20_000,
        json_schema_extra={"unit": "A"},
    )
    threefold_sd_A: float = Field(
        300.0,
        description="The same of three-fold astigmatism C23 (A2)",
        ge=0,
        le=20_000,
        json_schema_extra={"unit": "A"},
    )
    c3_sd_mm: float = Field(
        0.001, description="SD of spherical aberration C3", ge=0, le=1, json_schema_extra={"unit": "mm"}
    )
    star_sd_mm: float = Field(
        0.001,
        description="SD of each component of star aberration C32 (4 S3)",
        ge=0,
        le=0.2,
        json_schema_extra={"unit": "mm"},
    )

    @model_validator(mode="after")
    def _within_a_condition(self) -> DrawnProbe:
        bounds = {
            "energy_keV": (20, 1000),
            "semiangle_mrad": (1, 100),
            "source_size_A": (0, 5),
            "source_tail": (0, 0.9),
            "source_tail_A": (0, 10),
        }
        for key, (low, high) in bounds.items():
            drawn = getattr(self, key)
            if drawn and not low <= drawn[0] <= drawn[1] <= high:
                raise ValueError(f"{key} must lie between {low:g} and {high:g}; narrow the range")
        return self


class Imaging(Section):
    """The forward models' common ground and the linear model."""

    gamma: float = Field(1.7, description="Exponent of Z in the strength of an atom, in HAADF images", ge=1, le=2)
    adf_gamma: float = Field(1.4, description="The same in ADF images", ge=0, le=2)
    abf_gamma: float = Field(
        0.42,
        description="The same in ABF images. Fitted to multislice tiles 35 to 65 Å thick",
        ge=0,
        le=2,
    )
    bf_gamma: float = Field(1.7, description="The same in BF images, which no exponent describes well", ge=0, le=2)
    idpc_gamma: float = Field(
        0.4,
        description="The same for labels of iDPC images. Those of perfect crystals have the strengths of their tile",
        ge=0,
        le=2,
    )
    species_factors: dict[Element, Annotated[float, Field(gt=0, le=10)]] = Field(
        {}, description="Factor on Z^gamma of single elements, by symbol"
    )
    peak_fraction: float = Field(
        0.1,
        description="Fraction of the beam at the brightest column of a real dark-field image. Realism uses it, for "
        "specimens of unknown thickness; simulated images have cross sections instead",
        gt=0,
        le=1,
    )
    bright_field_fraction: float = Field(
        0.5, description="Fraction of the beam on an ABF or BF detector between columns", gt=0, le=1
    )
    bright_field_contrast: float = Field(
        0.5, description="Depth of the darkest column as a fraction of that signal", gt=0, le=1
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
            "200keV_24mrad_defocus": Condition(energy_keV=200, semiangle_mrad=24, source_size_A=0.9, defocus_A=50),
            "200keV_24mrad_astigmatism": Condition(
                energy_keV=200,
                semiangle_mrad=24,
                source_size_A=0.9,
                defocus_A=30,
                astigmatism_A=30,
                astigmatism_angle_deg=30,
            ),
            "200keV_24mrad_coma": Condition(
                energy_keV=200, semiangle_mrad=24, source_size_A=0.9, coma_A=2000, coma_angle_deg=30
            ),
            "200keV_24mrad_segmented": Condition(
                energy_keV=200,
                semiangle_mrad=24,
                source_size_A=0.9,
                detectors_mrad=((30.0, 60.0),),
                segmented_mrad=(6.0, 24.0),
            ),
        },
        description="Microscope settings by name. TEMImageNet's five, its probe with a halo, three aberrated ones and "
        "one with a segmented detector ship",
        min_length=1,
    )

    def exponent(self, mode: Mode) -> float:
        """Exponent of Z in the strength of an atom in images of a mode."""
        exponents: dict[Mode, float] = {
            "HAADF": self.gamma,
            "ADF": self.adf_gamma,
            "ABF": self.abf_gamma,
            "BF": self.bf_gamma,
            "iDPC": self.idpc_gamma,
        }
        return exponents[mode]


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
        description="Imaging conditions that tiles are simulated for, beside those of iDPC datasets",
    )
    cell_A: float | None = Field(
        None,
        description="Smallest edge of the simulated cell; null: what the probe needs. That is 24 Å at least",
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
        (5.0, 10.0, 20.0, 30.0, 40.0, 60.0, 80.0, 100.0, 150.0, 200.0, 250.0, 300.0),
        description="Thicknesses that a tile holds, up to the scale's `thickest_A`. They are rounded down to whole "
        "periods; a single layer has one period",
        min_length=1,
        json_schema_extra={"unit": "A", "bounds": "> 0, ascending"},
    )
    device: Device = Field(
        "auto",
        description="What multislice is computed on. auto: a GPU where CuPy finds one, else the CPU. It changes no "
        "result by more than the rounding of single precision, and a change of it repeats no job",
    )
    seed: int = Field(0, description="Seed of the frozen phonons", ge=0, le=2**32 - 1)
    compared: dict[Material, tuple[str, ...]] = Field(
        {"SrTiO3": ("001",)},
        description="Materials and zone axes whose tiles the report compares with the linear model",
    )
    compared_condition: Name = Field("200keV_24mrad", description="Imaging condition of that comparison")

    def reach(self, thickest: float) -> float:
        """Thickness of the thickest tile [A] where specimens of at most `thickest` [A] are simulated."""
        return max((one for one in self.thicknesses_A if one <= thickest), default=self.thicknesses_A[0])

    @field_validator("thicknesses_A")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if value[0] <= 0 or any(b <= a for a, b in pairwise(value)):
            raise ValueError("thicknesses must be above 0 and ascend")
        return value
