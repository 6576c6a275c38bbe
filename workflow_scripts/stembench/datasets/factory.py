"""The sample factory: sample i of a dataset, from nothing but the recipe, its seed and i."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
from ase.data import atomic_numbers
from scipy.spatial import cKDTree
from threadpoolctl import ThreadpoolController

from stembench.config import Arrangement, Dataset, Imaging, Particle, Periodic, PhysicalNoise
from stembench.crystals.arrangements import Draws, View, arranged
from stembench.crystals.field import CrystalField
from stembench.crystals.material import Material
from stembench.crystals.particles import distances_from_rim
from stembench.crystals.projection import Scatterers
from stembench.crystals.specimen import NO_COLUMN, Specimen, column_means, columns_of, projected
from stembench.datasets.forward import ForwardModel, Frame, Ideal, LinearModel, Scene
from stembench.datasets.sample import Sample
from stembench.imaging.conditions import probe_of
from stembench.imaging.detectors import DARK_FIELD
from stembench.imaging.linear import scattering_strengths, strength_of
from stembench.imaging.probe import Probe
from stembench.localisation.cramer_rao import position_bound
from stembench.noise import physical
from stembench.noise.background import BACKGROUNDS
from stembench.noise.calibrated import NoiseParameters, noisy_at_full_range
from stembench.noise.calibration import drawn_parameters, pixel_size_range

#: Number of the first sample of each split; a sample's number is its random stream's spawn key.
SPLIT_START = {"train": 0, "validation": 2**30, "test": 2**31, "held_out": 2**31 + 2**30}

_STRUCTURE_STREAM, _IMAGE_STREAM = 0, 1
_SPLINE_MARGIN = 7  # px beyond which a border adds less than 1e-4 of itself to a cubic spline (its pole is 0.27)
_ELECTRON_PA_US = 0.1602176634  # charge of an electron [pA us]
_LIBRARIES = ThreadpoolController()


@dataclass(frozen=True)
class Plan:
    """All that is drawn for an image, but the noise of its pixels.

    Attributes
    ----------
    parameters : dict
        What was drawn, by name.
    scene, frame, condition, probe
        What the forward model is asked for.
    background : ndarray, shape `frame.shape`
        As a fraction of the brightest column's peak.
    distortion : ndarray, shape (image_px, 2)
        Smooth row shifts, which the truth follows [px].
    jitter : ndarray, shape (image_px, 2)
        Row shifts that come on top, which it does not [px].
    rng : numpy.random.Generator
        Source of the pixels' noise.
    """

    parameters: dict
    scene: Scene
    frame: Frame
    condition: str
    probe: Probe
    background: np.ndarray
    distortion: np.ndarray
    jitter: np.ndarray
    rng: np.random.Generator


class Factory:
    """Draws the samples of a dataset.

    Parameters
    ----------
    recipe : Dataset
        What to draw.
    arrangements : dict of Arrangement
        The recipe's arrangements by name.
    imaging : Imaging
        Microscope settings and the linear model.
    materials : sequence of Material
        Projected crystals to show.
    image_px : int
        Edge of an image [px].
    calibration : dict, optional
        Of the recipe's instrument, as `noise.calibration.calibrate` gives it; needed for `calibrated` noise.
    forward : ForwardModel, optional
        What simulates the images; the linear model where it is not given.

    Raises
    ------
    ValueError
        If a multislice recipe comes without one.
    """

    def __init__(
        self,
        recipe: Dataset,
        arrangements: dict[str, Arrangement],
        imaging: Imaging,
        materials: Sequence[Material],
        image_px: int,
        calibration: dict | None = None,
        forward: ForwardModel | None = None,
    ) -> None:
        self.recipe, self.arrangements, self.imaging = recipe, arrangements, imaging
        self.materials, self.image_px, self.calibration = materials, image_px, calibration
        if forward is None and recipe.forward_model != "linear":
            raise ValueError(f"a {recipe.forward_model} recipe needs its forward model")
        self.forward = forward or LinearModel(recipe.mode, imaging, recipe.detector_mrad)
        self.exponent, factors = imaging.exponent(recipe.mode), imaging.species_factors
        self.scatterers = {
            (each.material, each.zone): Scatterers.of(each.projection, lambda e: strength_of(e, self.exponent, factors))
            for each in materials
        }
        self.probes = {name: probe_of(imaging.conditions[name]) for name in recipe.conditions}

    def sample(self, split: str, position: int) -> Sample:
        """Sample number `position` of a split; equal in every call, whatever was drawn before.

        Splits but the training split go through the materials in turn, and within a structure, seen under one
        condition, through the levels of dose.
        """
        return self.rendered(self.plan(split, position))

    def plan(self, split: str, position: int) -> Plan:
        """Everything that is drawn for a sample but the noise of its pixels."""
        number = SPLIT_START[split] + position
        block = position // self.recipe.images_per_structure
        structure_rng = self._generator(SPLIT_START[split] + block, _STRUCTURE_STREAM)
        rng = self._generator(number, _IMAGE_STREAM)

        chosen = int(structure_rng.integers(len(self.materials))) if split == "train" else block % len(self.materials)
        material = self.materials[chosen]
        arrangement = self.recipe.arrangements[structure_rng.integers(len(self.recipe.arrangements))]
        pixel_size = self._pixel_size(structure_rng)
        frame = Frame(self.image_px, pixel_size, self._pad(pixel_size))
        view = self._view(material, arrangement, frame, structure_rng)
        scene, draws = self._scene(material, arrangement, view, structure_rng)

        # A dose series shows one scene: there probe, background and distortions belong to the structure.
        scene_rng = rng if split == "train" else structure_rng
        condition = list(self.probes)[scene_rng.integers(len(self.probes))]
        probe = self.probes[condition]
        extra = float(scene_rng.uniform(*self.recipe.extra_source_A))
        probe = replace(probe, source_size=float(np.hypot(probe.source_size, extra))) if extra else probe
        if any(self.recipe.defocus_A):
            probe = replace(probe, defocus=probe.defocus + float(scene_rng.uniform(*self.recipe.defocus_A)))
        kind = self.recipe.backgrounds[scene_rng.integers(len(self.recipe.backgrounds))]
        level, angle = float(scene_rng.uniform(0, self.recipe.background)), float(scene_rng.uniform(0, 2 * np.pi))
        place = {}
        if kind == "step" and "interface_angle_rad" in draws:
            angle, through = draws["interface_angle_rad"], np.array([draws["centre_x_A"], draws["centre_y_A"]])
            place["through"] = through / pixel_size + frame.pad
        parameters = {
            "sample": number,
            "split": split,
            "structure": SPLIT_START[split] + block,
            "material": material.material,
            "zone": material.zone,
            "arrangement": arrangement,
            "thickness_A": scene.thickness,
            "mode": self.recipe.mode,
            "forward_model": self.recipe.forward_model,
            "condition": condition,
            "extra_source_A": extra,
            "defocus_A": probe.defocus,
            "probe_fwhm_A": probe.fwhm,
            "column_radius_A": probe.column_radius,
            "gaussian_mask_fwhm_A": self.recipe.gaussian_mask_fwhm_A,
            "pixel_size_A": pixel_size,
            "rotation_deg": float(np.rad2deg(view.rotation)),
            "offset_x_A": float(view.offset[0]),
            "offset_y_A": float(view.offset[1]),
            "background": kind,
            "background_level": level,
            "background_angle_rad": angle,
        }
        background = level * BACKGROUNDS[kind](frame.shape, angle, scene_rng, **place)
        if isinstance(self.recipe.noise, PhysicalNoise):
            drawn, distortion, jitter = self._scan(self.recipe.noise, pixel_size, scene_rng, rng)
            drawn |= {"counts_per_px": self._counts(self.recipe.noise, split, position, rng)}
        else:
            noise, (low, high) = drawn_parameters(self._calibration(), scene_rng)
            drawn = noise.to_dict() | {"grey_low": low, "grey_high": high}
            distortion = np.zeros((self.image_px, 2))
            jitter = rng.standard_normal((self.image_px, 2)) * [noise.jitter_x_px, noise.jitter_y_px]
        return Plan(parameters | draws | drawn, scene, frame, condition, probe, background, distortion, jitter, rng)

    def rendered(self, plan: Plan) -> Sample:
        """The images of a plan, and its truth; the same whenever it is rendered."""
        plan = replace(plan, rng=deepcopy(plan.rng))
        with _LIBRARIES.limit(limits=1, user_api="blas"):  # sums are rounded otherwise by another number of threads
            return self._rendered(plan)

    def _rendered(self, plan: Plan) -> Sample:
        seed = int(np.random.SeedSequence((self.recipe.seed, plan.parameters["structure"])).generate_state(1)[0])
        ideal = self.forward.image(plan.scene, plan.condition, plan.probe, plan.frame, plan.background, seed)
        pad = plan.frame.pad
        clean, image = (physical.shifted_rows(each, plan.distortion, pad) for each in (ideal.clean, ideal.image))
        scanned = physical.shifted_rows(ideal.image, plan.distortion + plan.jitter, pad) if plan.jitter.any() else image
        noisy, measured = self._noisy(plan, ideal, image, scanned)
        floor = 0 if self.recipe.mode in DARK_FIELD else None
        images = {
            "image": _unit(noisy),
            "noNoise": _unit(image, floor),
            "noBackgroundnoNoise": _unit(clean, floor),
        }
        levels = {"level_low": float(noisy.min()), "level_high": float(noisy.max())}
        columns = self.columns(plan)
        if ideal.slope is not None and plan.parameters["split"] in ("test", "held_out"):
            columns["crlb_pm"] = self._bound(plan, ideal, columns)
        return Sample(images, columns, plan.parameters | measured | levels)

    def _generator(self, number: int, stream: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.recipe.seed, spawn_key=(number, stream)))

    def _calibration(self) -> dict:
        """Of the recipe's instrument."""
        if self.calibration is None:
            raise ValueError("calibrated noise needs the calibration of its instrument")
        return self.calibration

    def _pixel_size(self, rng: np.random.Generator) -> float:
        if self.recipe.field_of_view_A:
            return float(rng.choice(self.recipe.field_of_view_A)) / self.image_px
        sizes = self.recipe.pixel_size_A or pixel_size_range(self._calibration())
        return float(np.exp(rng.uniform(*np.log(sizes))))

    def _pad(self, pixel_size: float) -> int:
        """Pixels around the image that displaced rows reach into; four SDs of jitter."""
        noise = self.recipe.noise
        if not isinstance(noise, PhysicalNoise):
            fits = self._calibration()["image_fits"].values()
            largest = max(fit[f"jitter_{axis}_px"]["estimate"] for fit in fits for axis in "xy")
            return int(np.ceil(4 * largest)) + _SPLINE_MARGIN if largest else 0
        shear = np.tan(np.deg2rad(noise.shear_deg[1])) * self.image_px / 2
        reach = (noise.drift_A[1] / 2 + 4 * noise.jitter_A[1]) / pixel_size + shear
        return int(np.ceil(reach)) + _SPLINE_MARGIN if reach else 0

    def _widest_probes(self) -> Iterator[Probe]:
        """The probe of each condition at either end of the range of defocus."""
        for probe in self.probes.values():
            for defocus in self.recipe.defocus_A:
                yield replace(probe, defocus=probe.defocus + defocus)

    def _view(self, material: Material, arrangement: str, frame: Frame, rng: np.random.Generator) -> View:
        thickness, turn = float(rng.uniform(*self.recipe.thickness_A)), rng.uniform()
        step = self.recipe.rotation_step_deg
        if isinstance(self.arrangements[arrangement], Periodic):
            thickness = self.forward.thickness(material, thickness)
        return View(
            extent=(self.image_px * frame.pixel_size,) * 2,
            margin=frame.corner
            + max(probe.reach for probe in self._widest_probes())
            + 2 * self.recipe.extra_source_A[1],
            rotation=float(2 * np.pi * turn if step is None else np.deg2rad(step * int(turn * np.ceil(360 / step)))),
            offset=rng.uniform(0, 1, 2) @ material.projection.lattice,
            thickness=thickness,
        )

    def _scene(self, material: Material, arrangement: str, view: View, rng: np.random.Generator) -> tuple[Scene, dict]:
        recipe, projection = self.arrangements[arrangement], material.projection
        scatterers = self.scatterers[material.material, material.zone]
        thickness, place = material.thickness(view.thickness), (view.rotation, view.offset)
        if isinstance(recipe, Periodic):  # columns of equal sites are equal: no need of every atom
            field = CrystalField.of(projection, scatterers, view.extent, view.rotation, view.offset, view.margin)
            strengths = field.strengths * material.filled(view.thickness) / projection.period
            columns = column_means(field.column, field.points, strengths, field.thermal_b)
            columns["hidden"] = np.zeros(len(field.sites), bool)
            site = projection.columns[field.sites[columns["strength"].argmax()]] if len(field.sites) else {"atoms": []}
            periods = material.filled(view.thickness) / projection.period
            brightest = _atoms(site["atoms"], periods)
            scene = Scene(material, field.points, strengths, field.thermal_b, columns, thickness, *place, *brightest)
            return scene, Draws(rng)
        specimen, draws = arranged(recipe, material, self.materials, view, rng)
        strengths = specimen.occupancies * scattering_strengths(
            specimen.numbers, self.exponent, self.imaging.species_factors
        )
        columns = columns_of(specimen, strengths)
        if isinstance(recipe, Particle):
            thickness = float(specimen.positions[specimen.columns != NO_COLUMN, 2].max(initial=0.0))
            columns["rim_A"] = distances_from_rim(np.column_stack([columns["x_A"], columns["y_A"]]))
        brightest = _brightest_column(specimen, strengths)
        scene = Scene(material, *projected(specimen, strengths), columns, thickness, *place, *brightest, specimen)
        return scene, draws

    def _scan(
        self, noise: PhysicalNoise, pixel_size: float, scene_rng: np.random.Generator, rng: np.random.Generator
    ) -> tuple[dict, np.ndarray, np.ndarray]:
        """What the scan and the detector of the `physical` recipe do, and the row shifts."""
        rows = self.image_px
        alone = bool(scene_rng.uniform() < noise.shot_noise_alone)
        dwell = float(np.exp(scene_rng.uniform(*np.log(noise.dwell_us))))
        length, heading = scene_rng.uniform(*noise.drift_A), scene_rng.uniform(0, 2 * np.pi)
        shear = scene_rng.uniform(*noise.shear_deg) * scene_rng.choice([-1, 1])
        drawn = {
            "shot_noise_alone": alone,
            "dwell_us": dwell,
            "mains_Hz": noise.mains_Hz,
            "mains_phase_x_rad": scene_rng.uniform(0, 2 * np.pi),
            "mains_phase_y_rad": scene_rng.uniform(0, 2 * np.pi),
            "drift_x_A": length * np.cos(heading),
            "drift_y_A": length * np.sin(heading),
            "shear_deg": shear,
            "jitter_A": scene_rng.uniform(*noise.jitter_A),
            "afterglow": scene_rng.uniform(*noise.afterglow),
            "afterglow_px": scene_rng.uniform(*noise.afterglow_px),
            "readout_e": scene_rng.uniform(*noise.readout_e),
        }
        if alone:
            drawn |= dict.fromkeys(("drift_x_A", "drift_y_A", "shear_deg", "jitter_A", "afterglow", "readout_e"), 0.0)
        drawn = {name: value if isinstance(value, bool) else float(value) for name, value in drawn.items()}
        drift = (drawn["drift_x_A"] / pixel_size / rows, drawn["drift_y_A"] / pixel_size / rows)
        rows_per_period = 1e6 / (noise.mains_Hz * dwell * rows)
        phases = (drawn["mains_phase_x_rad"], drawn["mains_phase_y_rad"])
        jitter = physical.jitter_shifts(rows, drawn["jitter_A"] / pixel_size, rows_per_period, phases, rng)
        return drawn, physical.drift_shifts(rows, drift, np.tan(np.deg2rad(drawn["shear_deg"]))), jitter

    def _counts(self, noise: PhysicalNoise, split: str, position: int, rng: np.random.Generator) -> float:
        if split == "train":
            return float(np.exp(rng.uniform(*np.log(noise.counts_per_px))))
        return noise.test_counts_per_px[position % len(noise.test_counts_per_px)]

    def _noisy(self, plan: Plan, ideal: Ideal, image: np.ndarray, scanned: np.ndarray) -> tuple[np.ndarray, dict]:
        """The noise of the pixels on an image, which is jittered in `scanned`; and what follows from its parameters."""
        noise, drawn = self.recipe.noise, plan.parameters
        if not isinstance(noise, PhysicalNoise):
            parameters = NoiseParameters(**{field.name: drawn[field.name] for field in fields(NoiseParameters)})
            ends = (drawn["grey_low"], drawn["grey_high"])
            low, high = image.min(), image.max()
            clean, displaced = ((each - low) / max(high - low, 1e-12) for each in (image, scanned))
            return noisy_at_full_range(clean, displaced, parameters, plan.rng, ends), {}
        pixel_size = plan.frame.pixel_size
        dose = drawn["counts_per_px"] / (ideal.fraction * pixel_size**2)
        counted = physical.shot_noise(ideal.fraction * scanned, dose, pixel_size, plan.rng)
        measured = {
            "dose_e_per_A2": dose,
            "beam_current_pA": dose * pixel_size**2 * _ELECTRON_PA_US / drawn["dwell_us"],
        }
        if drawn["shot_noise_alone"]:
            return counted, measured
        glowing = physical.afterglow(counted, drawn["afterglow"], drawn["afterglow_px"])
        return physical.detector(glowing, noise.gain, noise.offset, drawn["readout_e"], plan.rng), measured

    def columns(self, plan: Plan) -> pd.DataFrame:
        """The truth of a plan, as `Sample.columns`, no bounds given."""
        scene, probe, pixel_size = plan.scene, plan.probe, plan.frame.pixel_size
        places = np.column_stack([scene.columns["x_A"], scene.columns["y_A"]])
        relative = self.forward.relative_strengths(scene, plan.condition, probe)
        apparent = pixel_size * physical.apparent_positions(places / pixel_size, plan.distortion)
        asked = relative >= self.recipe.label_threshold
        neighbour = np.full(len(places), np.inf)
        if asked.sum() > 1:
            distances, _ = cKDTree(apparent[asked]).query(apparent, k=2)
            neighbour = np.where(distances[:, 0] > 1e-6, distances[:, 0], distances[:, 1])
        table = pd.DataFrame(
            {
                "x_A": apparent[:, 0],
                "y_A": apparent[:, 1],
                "ideal_x_A": places[:, 0],
                "ideal_y_A": places[:, 1],
                "strength": relative,
                "neighbour_A": neighbour,
                "asked": asked,
                "resolved": neighbour >= probe.fwhm,
                "hidden": scene.columns["hidden"],
                "rim_A": scene.columns.get("rim_A", np.nan),
                "crlb_pm": np.nan,
            }
        )
        return table[self._inside(plan, apparent)].reset_index(drop=True)

    def _inside(self, plan: Plan, apparent: np.ndarray) -> np.ndarray:
        nearest = np.round(apparent / plan.frame.pixel_size)  # pixel
        return np.all((nearest >= 0) & (nearest < self.image_px), axis=1)

    def _bound(self, plan: Plan, ideal: Ideal, columns: pd.DataFrame) -> np.ndarray:
        """Cramer-Rao bounds where the noise is shot noise alone, of columns that are asked for and in plain sight."""
        bounds = np.full(len(columns), np.nan)
        asked = columns.asked.to_numpy()
        if not plan.parameters.get("shot_noise_alone", False) or not asked.any():
            return bounds
        scene, counts, pad = plan.scene, plan.parameters["counts_per_px"], plan.frame.pad
        inner = slice(pad, pad + self.image_px)
        places = np.column_stack([scene.columns["x_A"], scene.columns["y_A"]])  # nothing is distorted
        # What is not asked for is a known part of the image.
        bounds[asked] = position_bound(
            counts * ideal.image[inner, inner],
            columns.loc[asked, ["x_A", "y_A"]].to_numpy(),
            counts * ideal.slope * columns.strength[asked].to_numpy(),
            scene.columns["B_A2"][self._inside(plan, places)][asked],
            plan.probe,
            plan.frame.pixel_size,
        )
        bounds[columns.hidden] = np.nan
        return bounds


def _brightest_column(specimen: Specimen, strengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers and occupancies of the strongest column, or of the strongest atom where there is no column."""
    own = specimen.columns != NO_COLUMN
    if own.any():
        chosen = specimen.columns == np.bincount(specimen.columns[own], strengths[own]).argmax()
    else:
        chosen = np.arange(len(specimen)) == (strengths.argmax() if len(specimen) else -1)
    return specimen.numbers[chosen], specimen.occupancies[chosen]


def _atoms(atoms: Sequence[dict], periods: float) -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers of one period of a column, and how often each is there in some periods."""
    numbers = np.array([atomic_numbers[atom["element"]] for atom in atoms], int)
    return numbers, periods * np.array([atom["occupancy"] for atom in atoms], float)


def _unit(image: np.ndarray, floor: float | None = None) -> np.ndarray:
    """Between 0 (the minimum, or `floor`) and 1 (the maximum)."""
    low = image.min() if floor is None else floor
    return np.clip((image - low) / max(image.max() - low, 1e-12), 0, 1).astype(np.float32)
