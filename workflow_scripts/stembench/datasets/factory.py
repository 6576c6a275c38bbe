"""The sample factory: sample i of a dataset, from nothing but the recipe, its seed and i."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from stembench.config import Condition, Dataset, Imaging, PhysicalNoise
from stembench.crystals.field import columns_in_field
from stembench.crystals.projection import Projection, column_strengths, column_thermal_b
from stembench.datasets.labels import circular_mask, gaussian_mask
from stembench.datasets.sample import Sample
from stembench.imaging.linear import MARGIN_A, central_intensity, linear_image
from stembench.imaging.probe import Probe
from stembench.localisation.cramer_rao import position_bound
from stembench.noise.background import BACKGROUNDS
from stembench.noise.calibrated import NoiseParameters, noisy_at_full_range
from stembench.noise.physical import row_jitter, shot_noise

#: Number of the first sample of each split; a sample's number is its random stream's spawn key.
SPLIT_START = {"train": 0, "validation": 2**30, "test": 2**31}

_STRUCTURE_STREAM, _IMAGE_STREAM = 0, 1
_MAINS_ROWS = (20.0, 200.0)  # rows scanned in a period of the mains, drawn log-uniformly


@dataclass(frozen=True)
class Material:
    """A projected crystal with the properties of its columns that an image needs."""

    material: str
    zone: str
    projection: Projection
    strengths: np.ndarray
    thermal_b: np.ndarray

    @classmethod
    def of(cls, material: str, zone: str, projection: Projection, gamma: float) -> "Material":
        """With column strengths by Z^gamma."""
        return cls(material, zone, projection, column_strengths(projection, gamma), column_thermal_b(projection))


class Factory:
    """Draws the samples of a dataset.

    Parameters
    ----------
    recipe : Dataset
        What to draw.
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
        imaging: Imaging,
        materials: list[Material],
        image_px: int,
        noise_parameters: NoiseParameters | None = None,
    ) -> None:
        self.recipe, self.imaging, self.image_px = recipe, imaging, image_px
        self.materials, self.noise_parameters = materials, noise_parameters
        names = tuple(imaging.conditions) if recipe.conditions == "all" else recipe.conditions
        self.probes = {name: probe_of(imaging.conditions[name]) for name in names}

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
        pixel_size = float(np.exp(structure_rng.uniform(*np.log(self.recipe.pixel_size_A))))
        step = self.recipe.rotation_step_deg
        rotation = float(step * structure_rng.integers(int(90 / step) + 1))
        offset = structure_rng.uniform(0, 1, 2) @ material.projection.lattice
        extent = (self.image_px * pixel_size,) * 2
        # Row jitter reaches beyond the field; four SDs of it are drawn around.
        pad = int(np.ceil(4 * getattr(self.recipe.noise, "jitter_A", 0) / pixel_size)) + 2
        turn = np.deg2rad(rotation)
        positions, sites, _ = columns_in_field(material.projection, extent, turn, offset, MARGIN_A + pad * pixel_size)
        strengths, thermal_b = material.strengths[sites], material.thermal_b[sites]

        # A dose series shows one scene: there probe, background and jitter belong to the structure.
        scene_rng = rng if split == "train" else structure_rng
        condition = list(self.probes)[scene_rng.integers(len(self.probes))]
        probe = self.probes[condition]
        padded_shape = (self.image_px + 2 * pad,) * 2
        padded = linear_image(positions + pad * pixel_size, strengths, thermal_b, probe, padded_shape, pixel_size)
        background_kind = list(BACKGROUNDS)[scene_rng.integers(len(BACKGROUNDS))]
        background_level = float(scene_rng.uniform(0, self.recipe.background))
        background = background_level * BACKGROUNDS[background_kind](padded.shape, scene_rng)

        crop = (slice(pad, -pad), slice(pad, -pad))
        clean, with_background = padded[crop], (padded + background)[crop]
        drawn = {
            "sample": number,
            "structure": SPLIT_START[split] + block,
            "material": material.material,
            "zone": material.zone,
            "condition": condition,
            "probe_fwhm_A": probe.fwhm,
            "pixel_size_A": pixel_size,
            "rotation_deg": rotation,
            "offset_x_A": float(offset[0]),
            "offset_y_A": float(offset[1]),
            "background": background_kind,
            "background_level": background_level,
        }
        if isinstance(self.recipe.noise, PhysicalNoise):
            noisy, noise_drawn = self._physical(padded + background, pixel_size, split, position, scene_rng, rng, crop)
        else:
            noisy, noise_drawn = self._calibrated(with_background, rng)

        columns, inside = self._columns(positions, strengths / material.strengths.max(), extent, probe)
        columns["crlb_pm"] = np.nan
        if split == "test" and noise_drawn.get("jitter_A") == 0:  # the noise is Poisson's alone
            heights = strengths * central_intensity(probe, thermal_b)
            fitted = inside.copy()  # what is not asked for is a known part of the image
            fitted[inside] = columns.asked
            columns.loc[columns.asked, "crlb_pm"] = position_bound(
                noise_drawn["counts_per_px"] * with_background,
                positions[fitted],
                noise_drawn["counts_per_px"] * (heights / heights.max())[fitted],
                thermal_b[fitted],
                probe,
                pixel_size,
            )
        asked = columns.loc[columns.asked, ["x_A", "y_A"]].to_numpy()
        images = {
            "image": _unit(noisy),
            "noNoise": _unit(with_background, floor=0),
            "noBackgroundnoNoise": _unit(clean, floor=0),
            "gaussianMask": gaussian_mask(asked, shape, pixel_size, self.recipe.gaussian_mask_fwhm_A),
            "circularMask": circular_mask(asked, shape, pixel_size, probe.column_radius),
        }
        return Sample(images, columns, drawn | noise_drawn | {"no_noise_max": float(with_background.max())})

    def _generator(self, number: int, stream: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.recipe.seed, spawn_key=(number, stream)))

    def _physical(self, ideal, pixel_size, split, position, scene_rng, rng, crop) -> tuple[np.ndarray, dict]:
        noise = self.recipe.noise
        if split == "train":
            counts = float(np.exp(rng.uniform(*np.log(noise.counts_per_px))))
        else:
            counts = noise.test_counts_per_px[position % len(noise.test_counts_per_px)]
        jitter = 0.0 if scene_rng.uniform() < noise.unjittered else float(scene_rng.uniform(0, noise.jitter_A))
        rows = float(np.exp(scene_rng.uniform(*np.log(_MAINS_ROWS))))
        dose = counts / (self.imaging.peak_fraction * pixel_size**2)
        scanned = row_jitter(ideal, jitter / pixel_size, rows, rng) if jitter else ideal
        counted = shot_noise(self.imaging.peak_fraction * scanned[crop], dose, pixel_size, rng)
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

    def _columns(self, positions, relative, extent, probe: Probe) -> tuple[pd.DataFrame, np.ndarray]:
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
            }
        )
        return table[inside].reset_index(drop=True), inside


def probe_of(condition: Condition) -> Probe:
    """The probe of a microscope setting."""
    return Probe(
        energy=1e3 * condition.energy_keV,
        semiangle=condition.semiangle_mrad,
        source_size=condition.source_size_A,
        defocus=condition.defocus_A,
        c3=1e7 * condition.c3_mm,
    )


def _unit(image: np.ndarray, floor: float | None = None) -> np.ndarray:
    """Between 0 (the minimum, or `floor`) and 1 (the maximum)."""
    low = image.min() if floor is None else floor
    return np.clip((image - low) / max(image.max() - low, 1e-12), 0, 1).astype(np.float32)
