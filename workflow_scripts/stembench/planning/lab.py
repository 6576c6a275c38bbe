"""Lab images: those that ship, those that the configuration names, and the user's own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stembench.config import Config, LabImage
from stembench.config.instrument import INSTRUMENT, instrument_images
from stembench.errors import InputError
from stembench.lab.fetching import check_own_files
from stembench.lab.own_images import SIDECAR, corrections_beside, files_of, own_images, with_structure
from stembench.planning.datasets import plain
from stembench.planning.layout import Layout
from stembench.planning.methods import KNOWS_STRUCTURES

#: What is made of each of the user's images.
APPLIED_FIGURES = ("overlay", "comparison", "denoised", "spectra", "displacements", "strain", "spacings")
APPLIED = (
    *("columns.csv", "summary.json", "summary.html", "columns.hspy", "columns.xyz", "denoised.tif"),
    *(f"{name}.png" for name in APPLIED_FIGURES),
)
#: Experimental images for a first look, from distributions of 14 MB, and what is made of each.
EXAMPLES = ("perovskite_adf", "perovskite_abf", "se_mos2")
EXAMPLE = ("overlay.png", "columns.csv", "summary.html")


@dataclass(frozen=True, eq=False)
class LabImages:
    """Lab images and the instruments that took them.

    Attributes
    ----------
    config : Config
        The configuration.
    images : mapping of LabImage
        Every image by its name.
    own : frozenset of str
        Images of the user's folder that the configuration does not name.
    refused : mapping of str
        What is wrong in the line of `images.csv` on an image, with the remedy.
    corrections : mapping of Path
        The user's corrections of the columns found in an image.
    instruments : mapping
        Names of the images that each instrument's noise is calibrated on.
    layout : Layout
        Paths.
    """

    config: Config
    images: Mapping[str, LabImage]
    own: frozenset[str]
    refused: Mapping[str, str]
    corrections: Mapping[str, Path]
    instruments: Mapping[str, Sequence[str]]
    layout: Layout

    @classmethod
    def of(cls, config: Config, zones: Mapping[str, Sequence[str]], layout: Layout) -> "LabImages":
        """Find the user's images and check what is said of all.

        Raises
        ------
        InputError
            If a file is missing, or what is said of an image cannot be.
        """
        folder = config.lab.folder
        check_own_files(config.lab_images, folder)
        own, refused = own_images(folder, config.lab.images, materials=zones)
        named = {name: with_structure(image, f"lab.images.{name}", zones) for name, image in config.lab_images.items()}
        images = {**config.lab.images, **named, **own}
        users = {name: image for name, image in images.items() if not image.distribution}
        instruments = {name: shown for name, shown in config.calibration.instruments.items() if shown}
        if config.instrument:
            instruments[INSTRUMENT] = instrument_images(config.instrument, images)
        return cls(config, images, frozenset(own), refused, corrections_beside(folder, users), instruments, layout)

    @property
    def applied(self) -> list[str]:
        """The user's own images that are part of the scale."""
        return [
            name
            for name, image in self.images.items()
            if not image.distribution and (name in self.own or name in self.config.lab_images)
        ]

    @property
    def calibrating(self) -> list[str]:
        """Images that the instruments of the configuration are calibrated on."""
        return sorted({image for images in self.config.calibration.instruments.values() for image in images})

    @property
    def calibrating_paths(self) -> list[str]:
        """Paths of these images."""
        return [self.layout.lab_image.path(image=image) for image in self.calibrating]

    @property
    def realism(self) -> dict[str, Any]:
        """Return what the realism of synthetic noise depends on beside these images."""
        instruments = self.config.calibration.instruments
        return {
            "images": self.calibrating,
            "instruments": {name: list(images) for name, images in instruments.items() if images},
            "dark_field_fraction": self.config.imaging.peak_fraction,
            "bright_field_fraction": self.config.imaging.bright_field_fraction,
        }

    def sources(self, image: str) -> list[str]:
        """Return the archive that an image is extracted from, or the user's own files."""
        entry = self.images[image]
        if entry.distribution:
            return [self.layout.archive.path(distribution=entry.distribution)]
        return files_of(self.config.lab.folder, entry)

    def distribution(self, name: str) -> dict[str, Any]:
        """Return what a distribution is fetched by."""
        return plain(self.config.lab.distributions[name])

    def importing(self, image: str) -> dict[str, Any]:
        """Return what an imported image depends on beside its files."""
        entry = self.images[image]
        distribution = self.config.lab.distributions[entry.distribution] if entry.distribution else None
        return {
            "entry": plain(entry),
            "distribution": plain(distribution) if distribution else {},
            "sidecar": f"{self.config.lab.folder}/{SIDECAR}" if image in self.own else None,
            "refused": self.refused.get(image),
        }

    def of_instrument(self, instrument: str) -> list[str]:
        """Return the paths of the images that an instrument is calibrated on."""
        return [self.layout.lab_image.path(image=image) for image in self.instruments[instrument]]

    def mode(self, instrument: str) -> str | None:
        """Return the detector of the user's instrument; of another, whatever its images are of."""
        own = self.config.instrument
        return own.mode if own and instrument == INSTRUMENT else None

    def probe_conditions(self, instrument: str) -> dict[str, Any]:
        """Return the conditions under which an instrument's probe is fitted, for the datasets that draw it."""
        recipes = [recipe for recipe in self.config.recipes.values() if recipe.probe == "calibrated"]
        drawing = [recipe for recipe in recipes if getattr(recipe.noise, "instrument", None) == instrument]
        names = dict.fromkeys(name for recipe in drawing for name in recipe.conditions)
        return {name: plain(self.config.imaging.conditions[name]) for name in names}

    def structure(self, image: str) -> list[str]:
        """Return the projected structure of the crystal that the user names for an image, if one is named."""
        entry = self.images[image]
        if not (entry.material and entry.zone):
            return []
        return [self.layout.projection.path(material=entry.material, zone=entry.zone)]

    def told(self, image: str, architecture: str) -> list[str]:
        """Return the structure that a network of an architecture is told when it is applied to an image."""
        return self.structure(image) if architecture == KNOWS_STRUCTURES else []

    def corrected(self, image: str) -> list[str]:
        """Return the file of the user's corrections of an image, if there is one."""
        return [str(self.corrections[image])] if image in self.corrections else []

    @property
    def imported(self) -> list[str]:
        """Paths of the user's images as they were read, or refused.

        Raises
        ------
        InputError
            If there is no image.
        """
        if not self.applied:
            folder = self.config.lab.folder
            raise InputError(
                f"{folder}/ holds no image; copy your images there, and write pixel sizes that the files lack into "
                f"{folder}/{SIDECAR}"
            )
        return [self.layout.lab_image.path(image=image) for image in self.applied]

    def accepted(self, refused: Collection[str]) -> list[str]:
        """Return the user's images without those that were refused."""
        return [image for image in self.applied if image not in refused]

    def applied_products(self, refused: Collection[str]) -> list[str]:
        """Return the paths of everything that is made of the user's images, of which some were refused."""
        made = [
            self.layout.applied.path(image=image, product=name) for image in self.accepted(refused) for name in APPLIED
        ]
        return [*made, self.layout.applied_summary]

    @property
    def example_products(self) -> list[str]:
        """Paths of everything that is made of the example images.

        Raises
        ------
        InputError
            If the configuration has removed all of them.
        """
        examples = [image for image in EXAMPLES if image in self.images]
        if not examples:
            raise InputError(f"lab.images: no example image is left; remove `null` from one of {', '.join(EXAMPLES)}")
        return [self.layout.applied.path(image=image, product=name) for image in examples for name in EXAMPLE]
