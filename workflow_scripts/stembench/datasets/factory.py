"""The sample factory: sample i of a dataset, from nothing but the recipe, its seed and i."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from stembench.config import Arrangement, Dataset, Imaging, Particle, Periodic, PhysicalNoise
from stembench.crystals.arrangements import View, arranged
from stembench.crystals.field import CrystalField
from stembench.crystals.material import Material
from stembench.crystals.projection import Scatterers
from stembench.crystals.specimen import NO_COLUMN, column_means, columns_of, projected
from stembench.datasets.labels import circular_mask, gaussian_mask
from stembench.datasets.sample import Sample
from stembench.imaging.conditions import probe_of
from stembench.imaging.detectors import DARK_FIELD
from stembench.imaging.linear import (
    bright_field,
    central_intensity,
    linear_image,
    scattering_strengths,
    strength_of,
)
from stembench.imaging.probe import Probe
from stembench.localisation.cramer_rao import position_bound
from stembench.noise.background import BACKGROUNDS
from stembench.noise.calibrated import NoiseParameters, noisy_at_full_range
from stembench.noise.physical import row_jitter, shot_noise

#: Number of the first sample of each split; a sample's number is its random stream's spawn key.
SPLIT_START = {"train": 0, "validation": 2**30, "test": 2**31}

_STRUCTURE_STREAM, _IMAGE_STREAM = 0, 1
_PEAK_FRACTION_THICKNESS_A = 100.0  # for which `imaging.peak_fraction` is stated
_MAINS_ROWS = (20.0, 200.0)  # rows scanned in a period of the mains, drawn log-uniformly


@dataclass(frozen=True)
class Scene:
    """What a linear image shows: points that scatter, and the columns that are the truth.

    Attributes
    ----------
    points, strengths, thermal_b : ndarray of shapes (points, 2), (points,), (points,)
        x and y [A], scattering strength, B [A^2].
    columns : dict of ndarray
        As `columns_of` gives them.
    thickness : float
        Of the specimen [A].
    """

    points: np.ndarray
    strengths: np.ndarray
    thermal_b: np.ndarray
    columns: dict[str, np.ndarray]
    thickness: float


class Factory:
    """Draws the samples of a dataset.

    Parameters
    ----------
    recipe : Dataset
        What to draw.
    arrangements : dict of Arrangement
        The recipe's arrangements by name.
    imaging : Imaging
        Forward model and microscope settings.
    materials : list of Material
        Projected crystals to show.
    image_px : int
        Edge of an image [px].
    noise_parameters : NoiseParameters, optional
        Of the recipe's instrument; needed for `calibrated` noise.
    """

    def __init__(
        self,
        recipe: Dataset,
        arrangements: dict[str, Arrangement],
        imaging: Imaging,
        materials: list[Material],
        image_px: int,
        noise_parameters: NoiseParameters | None = None,
    ) -> None:
        self.recipe, self.arrangements, self.imaging = recipe, arrangements, imaging
        self.materials, self.image_px, self.noise_parameters = materials, image_px, noise_parameters
        gamma, factors = imaging.gamma, imaging.species_factors
        self.scatterers = {
            (each.material, each.zone): Scatterers.of(each.projection, lambda e: strength_of(e, gamma, factors))
            for each in materials
        }
        self.probes = {name: probe_of(imaging.conditions[name]) for name in recipe.conditions}

    def sample(self, split: str, position: int) -> Sample:
        """Sample number `position` of a split; equal in every call, whatever was drawn before.

        Validation and test splits go through the materials in turn, and within a structure, seen under one condition,
        through the levels of dose.
        """
        number = SPLIT_START[split] + position
        block = position // self.recipe.images_per_structure
        structure_rng = self._generator(SPLIT_START[split] + block, _STRUCTURE_STREAM)
        rng = self._generator(number, _IMAGE_STREAM)
        shape = (self.image_px, self.image_px)

        chosen = structure_rng.integers(len(self.materials)) if split == "train" else block % len(self.materials)
        material = self.materials[chosen]
        arrangement = self.recipe.arrangements[structure_rng.integers(len(self.recipe.arrangements))]
        pixel_size = float(np.exp(structure_rng.uniform(*np.log(self.recipe.pixel_size_A))))
        # Row jitter reaches beyond the field; four SDs of it are drawn around.
        pad = int(np.ceil(4 * getattr(self.recipe.noise, "jitter_A", 0) / pixel_size)) + 2
        view = self._view(material, pixel_size, pad * pixel_size, structure_rng)
        scene = self._scene(material, arrangement, view, structure_rng)

        # A dose series shows one scene: there probe, background and jitter belong to the structure.
        scene_rng = rng if split == "train" else structure_rng
        condition = list(self.probes)[scene_rng.integers(len(self.probes))]
        probe = self.probes[condition]
        heights = scene.columns["strength"] * central_intensity(probe, scene.columns["B_A2"])
        brightest = heights.max(initial=1e-12)
        padded_shape = (self.image_px + 2 * pad,) * 2
        points = scene.points + pad * pixel_size
        padded = linear_image(points, scene.strengths / brightest, scene.thermal_b, probe, padded_shape, pixel_size)
        background_kind = list(BACKGROUNDS)[scene_rng.integers(len(BACKGROUNDS))]
        background_level = float(scene_rng.uniform(0, self.recipe.background))
        background = background_level * BACKGROUNDS[background_kind](padded.shape, scene_rng)

        crop = (slice(pad, -pad), slice(pad, -pad))
        ideal, slope = self._detected(padded + background)
        clean, with_background = self._detected(padded)[0][crop], ideal[crop]
        drawn = {
            "sample": number,
            "structure": SPLIT_START[split] + block,
            "material": material.material,
            "zone": material.zone,
            "arrangement": arrangement,
            "thickness_A": scene.thickness,
            "mode": self.recipe.mode,
            "condition": condition,
            "probe_fwhm_A": probe.fwhm,
            "pixel_size_A": pixel_size,
            "rotation_deg": float(np.rad2deg(view.rotation)),
            "offset_x_A": float(view.offset[0]),
            "offset_y_A": float(view.offset[1]),
            "background": background_kind,
            "background_level": background_level,
        }
        if isinstance(self.recipe.noise, PhysicalNoise):
            fraction = self._fraction(material, scene)
            seen = (ideal, crop, pixel_size, fraction)
            noisy, noise_drawn = self._physical(*seen, split, position, scene_rng, rng)
        else:
            noisy, noise_drawn = self._calibrated(with_background, rng)

        columns, inside = self._columns(scene, heights / brightest, view.extent, probe)
        columns["crlb_pm"] = np.nan
        if split == "test" and noise_drawn.get("jitter_A") == 0:  # the noise is Poisson's alone
            fitted = inside.copy()  # what is not asked for is a known part of the image
            fitted[inside] = columns.asked
            places = np.column_stack([scene.columns["x_A"], scene.columns["y_A"]])
            bound = position_bound(
                noise_drawn["counts_per_px"] * with_background,
                places[fitted],
                noise_drawn["counts_per_px"] * slope * (heights / brightest)[fitted],
                scene.columns["B_A2"][fitted],
                probe,
                pixel_size,
            )
            columns.loc[columns.asked, "crlb_pm"] = bound
            columns.loc[columns.hidden, "crlb_pm"] = np.nan  # it is that of a column in plain sight
        asked = columns.loc[columns.asked, ["x_A", "y_A"]].to_numpy()
        floor = 0 if self.recipe.mode in DARK_FIELD else None
        images = {
            "image": _unit(noisy),
            "noNoise": _unit(with_background, floor),
            "noBackgroundnoNoise": _unit(clean, floor),
            "gaussianMask": gaussian_mask(asked, shape, pixel_size, self.recipe.gaussian_mask_fwhm_A),
            "circularMask": circular_mask(asked, shape, pixel_size, probe.column_radius),
        }
        return Sample(images, columns, drawn | noise_drawn | {"no_noise_max": float(with_background.max())})

    def _view(self, material: Material, pixel_size: float, pad: float, rng: np.random.Generator) -> View:
        step, thickness = self.recipe.rotation_step_deg, float(rng.uniform(*self.recipe.thickness_A))
        return View(
            extent=(self.image_px * pixel_size,) * 2,
            margin=pad + max(probe.reach for probe in self.probes.values()),
            rotation=float(np.deg2rad(step * rng.integers(int(90 / step) + 1))),
            offset=rng.uniform(0, 1, 2) @ material.projection.lattice,
            thickness=thickness,
        )

    def _scene(self, material: Material, arrangement: str, view: View, rng: np.random.Generator) -> Scene:
        recipe = self.arrangements[arrangement]
        thickness = material.thickness(view.thickness)
        if isinstance(recipe, Periodic):  # columns of equal sites are equal: no need of every atom
            scatterers = self.scatterers[material.material, material.zone]
            place = (view.extent, view.rotation, view.offset, view.margin)
            field = CrystalField.of(material.projection, scatterers, *place)
            strengths = field.strengths * material.filled(view.thickness) / material.projection.period
            columns = column_means(field.column, field.points, strengths, field.thermal_b)
            columns["hidden"] = np.zeros(len(field.sites), bool)
            return Scene(field.points, strengths, field.thermal_b, columns, thickness)
        specimen = arranged(recipe, material, self.materials, view, rng)
        strengths = specimen.occupancies * scattering_strengths(
            specimen.numbers, self.imaging.gamma, self.imaging.species_factors
        )
        if isinstance(recipe, Particle):
            thickness = float(specimen.positions[specimen.columns != NO_COLUMN, 2].max(initial=0.0))
        return Scene(*projected(specimen, strengths), columns_of(specimen, strengths), thickness)

    def _fraction(self, material: Material, scene: Scene) -> float:
        """Fraction of the beam that falls on the detector where the image is 1."""
        if self.recipe.mode not in DARK_FIELD:
            return self.imaging.bright_field_fraction
        scatterers = self.scatterers[material.material, material.zone]
        column = np.repeat(np.arange(len(scatterers.counts)), scatterers.counts)
        brightest = np.bincount(column, scatterers.strengths).max() / material.thickness(material.projection.period)
        grown = scene.columns["strength"].max(initial=0.0) / (brightest * _PEAK_FRACTION_THICKNESS_A)
        return float(np.clip(self.imaging.peak_fraction * grown, 1e-6, 1.0))

    def _detected(self, dark_field: np.ndarray) -> tuple[np.ndarray, float]:
        """The image of the recipe's detector, and how steeply it follows the dark field."""
        if self.recipe.mode in DARK_FIELD:
            return dark_field, 1.0
        contrast = self.imaging.bright_field_contrast
        return bright_field(dark_field, contrast), contrast / max(dark_field.max(), 1.0)

    def _generator(self, number: int, stream: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.recipe.seed, spawn_key=(number, stream)))

    def _physical(self, ideal, crop, pixel_size, fraction, split, position, scene_rng, rng) -> tuple[np.ndarray, dict]:
        noise = self.recipe.noise
        if split == "train":
            counts = float(np.exp(rng.uniform(*np.log(noise.counts_per_px))))
        else:
            counts = noise.test_counts_per_px[position % len(noise.test_counts_per_px)]
        jitter = 0.0 if scene_rng.uniform() < noise.unjittered else float(scene_rng.uniform(0, noise.jitter_A))
        rows = float(np.exp(scene_rng.uniform(*np.log(_MAINS_ROWS))))
        dose = counts / (fraction * pixel_size**2)
        scanned = row_jitter(ideal, jitter / pixel_size, rows, rng) if jitter else ideal
        counted = shot_noise(fraction * scanned[crop], dose, pixel_size, rng)
        return counted, {
            "counts_per_px": counts,
            "dose_e_per_A2": dose,
            "jitter_A": jitter,
            "mains_rows": rows,
            "image_max": float(counted.max()),
        }

    def _calibrated(self, ideal: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, dict]:
        noisy = noisy_at_full_range(_unit(ideal).astype(float), self.noise_parameters, rng)
        return noisy, self.noise_parameters.to_dict()

    def _columns(self, scene: Scene, relative, extent, probe: Probe) -> tuple[pd.DataFrame, np.ndarray]:
        positions = np.column_stack([scene.columns["x_A"], scene.columns["y_A"]])
        asked = relative >= self.recipe.label_threshold
        neighbour = np.full(len(positions), np.inf)
        if asked.sum() > 1:
            distances, _ = cKDTree(positions[asked]).query(positions, k=2)
            neighbour = np.where(distances[:, 0] > 1e-6, distances[:, 0], distances[:, 1])
        height, width = extent
        inside = np.all((positions >= 0) & (positions < [width, height]), axis=1)
        table = pd.DataFrame(
            {
                "x_A": positions[:, 0],
                "y_A": positions[:, 1],
                "strength": relative,
                "neighbour_A": neighbour,
                "asked": asked,
                "resolved": neighbour >= probe.fwhm,
                "hidden": scene.columns["hidden"],
            }
        )
        return table[inside].reset_index(drop=True), inside


def _unit(image: np.ndarray, floor: float | None = None) -> np.ndarray:
    """Between 0 (the minimum, or `floor`) and 1 (the maximum)."""
    low = image.min() if floor is None else floor
    return np.clip((image - low) / max(image.max() - low, 1e-12), 0, 1).astype(np.float32)
