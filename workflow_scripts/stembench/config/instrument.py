"""The user's own microscope: what its images calibrate, and what networks learn with its noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, field_validator

from stembench.config.base import Material, Name, Names, PositiveRange, Section
from stembench.config.datasets import CalibratedNoise, Dataset
from stembench.config.general import GENERAL
from stembench.config.lab import LabImage
from stembench.errors import InputError
from stembench.imaging.detectors import DARK_FIELD, Mode

#: Name of the instrument, and of the dataset with its noise.
INSTRUMENT = "instrument"


class Instrument(Section):
    """A microscope whose noise and probes the networks for its own images are trained on."""

    images: str | tuple[str, ...] = Field(
        alias="from",
        description="Its raw images: `lab.folder` for all images there, or names. Images that cannot be calibrated "
        "on, or whose contrast does not fit `mode`, are left out",
    )
    materials: Literal["all"] | Annotated[tuple[Material, ...], Field(min_length=1)] = Field(
        description="Materials that networks are trained on. `all`: those in `structures/` that are not held out"
    )
    zones: tuple[str, ...] | None = Field(
        None, description="Zone axes, among those under `structures`; null: all of them", min_length=1
    )
    mode: Mode = Field("HAADF", description="Imaging mode; every condition must have a detector of this mode")
    conditions: Names | None = Field(
        None,
        description="Imaging conditions similar to the microscope's; null: the default ones. Of these, the conditions "
        "that have the detector `mode`. Source and defocus are fitted to the images under each",
    )
    arrangements: Names = Field(
        ("periodic",), description="Keys of `arrangements` that are like the specimens: `particle` for edges, for one"
    )
    thickness_A: PositiveRange = Field(
        (20.0, 100.0),
        description="Range of their thickness",
        json_schema_extra={"unit": "A", "bounds": "0.5 to 10000, ascending"},
    )
    background: float = Field(
        0.5, description="Largest background as a fraction of the brightest column's peak", ge=0, le=10
    )
    localise: Name | None = Field(
        None,
        description="Key of `networks`: what is trained to find columns. null: `instrument_column_finder`, which "
        "starts from the network that ships; where columns are dark, which that one has not seen, `atomsegnet_unet`",
    )
    denoise: Name | None = Field(
        None,
        description="Key of `networks`: what is trained to denoise. null: `instrument_denoiser`, or `atomsegnet_unet`",
    )

    @field_validator("images", mode="before")
    @classmethod
    def _a_folder_or_names(cls, value: object) -> object:
        listed = isinstance(value, list | tuple) and value and all(isinstance(name, str) for name in value)
        if not (listed or isinstance(value, str)):
            raise ValueError("write the folder of your images, as in `from: images/`, or a list of names of images")
        return value

    def network(self, use: Literal["localise", "denoise"]) -> Name:
        """Key of the network that is trained for a use."""
        started = {"localise": "instrument_column_finder", "denoise": "instrument_denoiser"}
        return getattr(self, use) or (started[use] if self.mode in DARK_FIELD else "atomsegnet_unet")

    def dataset(self, conditions: Sequence[Name]) -> Dataset:
        """What networks are trained on: crystals with the instrument's probes and noise, at the scale of `GENERAL`."""
        return Dataset(
            materials=self.materials,
            zones=self.zones,
            conditions=self.conditions or tuple(conditions),
            mode=self.mode,
            probe="calibrated",
            arrangements=self.arrangements,
            thickness_A=self.thickness_A,
            background=self.background,
            pixel_size_A=None,
            resampled_to_A=GENERAL.pixel_size_A,
            noise=CalibratedNoise(instrument=INSTRUMENT),
            share=0.5,  # two of three images that its networks see are those of `mixed_with`
        )


def instrument_images(instrument: Instrument, images: Mapping[str, LabImage]) -> tuple[Name, ...]:
    """The images that an instrument's noise is calibrated on, as far as that can be told before they are read.

    Parameters
    ----------
    instrument : Instrument
        It names a folder, for all of the user's own images, or some.
    images : mapping of str to LabImage
        Every lab image by name; the user's own have no distribution.

    Raises
    ------
    InputError
        If there is none, a name is unknown, or every image is of another contrast than the instrument's mode.
    """
    if isinstance(instrument.images, str):
        asked = tuple(name for name, image in images.items() if image.distribution is None)
        if not asked:
            raise InputError(
                f"instrument.from: there is no image in {instrument.images}; copy raw images of your microscope "
                "there, or remove `instrument` from the configuration"
            )
    else:
        asked = instrument.images
        for name in asked:
            if name not in images:
                raise InputError(
                    f"instrument.from names {name!r}, and there is no such image ({', '.join(images)}); copy it to "
                    "the folder of your images, or correct the name"
                )
    bright, modes = instrument.mode in DARK_FIELD, {name: images[name].mode for name in asked}
    chosen = tuple(name for name, mode in modes.items() if mode is None or (mode in DARK_FIELD) == bright)
    if not chosen:
        shown = ", ".join(f"{name} ({mode})" for name, mode in modes.items())
        raise InputError(
            f"instrument.mode is {instrument.mode}, and its images have the opposite contrast: {shown}; set "
            "instrument.mode to theirs, or correct the modes of the images (images.csv, lab.images)"
        )
    return chosen
