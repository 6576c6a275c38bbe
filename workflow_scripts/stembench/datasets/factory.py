"""The sample factory: sample i of a dataset, from nothing but the recipe, its seed and i."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from ase.data import atomic_numbers
from scipy.spatial import cKDTree
from threadpoolctl import ThreadpoolController

from stembench.config import (
    Arrangement,
    Condition,
    Dataset,
    DrawnProbe,
    Imaging,
    MultiplyTwinned,
    Overlapping,
    Particle,
    Periodic,
    PhysicalNoise,
)
from stembench.crystals.arrangements import arranged, unsuited
from stembench.crystals.deformation import mistilted
from stembench.crystals.field import CrystalField
from stembench.crystals.material import Material
from stembench.crystals.particles import distances_from_rim
from stembench.crystals.projection import Scatterers
from stembench.crystals.specimen import NO_COLUMN, Specimen, column_means, columns_of, projected
from stembench.crystals.view import Draws, View
from stembench.datasets.forward import ForwardModel, Frame, Ideal, LinearModel, Scene, Segments
from stembench.datasets.sample import Sample
from stembench.datasets.scanning import drawn_scans, reach_px
from stembench.datasets.visibility import (
    local_heights,
    resolved,
    visibility,
    visibility_in_calibrated_noise,
    visibility_in_integral,
)
from stembench.errors import InputError
from stembench.imaging.conditions import probe_of
from stembench.imaging.detectors import DARK_FIELD, bright_columns
from stembench.imaging.drawn_probe import drawn_condition, extreme_conditions, fitted_conditions
from stembench.imaging.linear import scattering_strengths, strength_of
from stembench.imaging.probe import Probe
from stembench.imaging.resampling import resampled
from stembench.imaging.segmented import differences, integrated_field
from stembench.localisation.cramer_rao import position_bound
from stembench.noise.background import BACKGROUNDS
from stembench.noise.calibrated import NoiseParameters, noisy_at_full_range
from stembench.noise.calibration import drawn_parameters, pixel_size_range
from stembench.noise.physical import smoothed, spline_coefficients
from stembench.noise.scan import Scan, apparent_positions, average, frames_of, recorded

#: Number of the first sample of each split; a sample's number is its random stream's spawn key.
SPLIT_START = {"train": 0, "validation": 2**30, "test": 2**31, "held_out": 2**31 + 2**30}

_STRUCTURE_STREAM, _IMAGE_STREAM = 0, 1
_SPLINE_MARGIN = 7  # px beyond which a border adds less than 1e-4 of itself to a cubic spline (its pole is 0.27)
_SIGMA_OF_FWHM = 1 / np.sqrt(8 * np.log(2))
_PRISM_A = 1.0  # edge of the base of a prism as wide as a column
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
    scans : tuple of Scan
        Of each frame that is averaged; most images are one frame.
    rng : numpy.random.Generator
        Source of the pixels' noise.
    """

    parameters: dict
    scene: Scene
    frame: Frame
    condition: str
    probe: Probe
    background: np.ndarray
    scans: tuple[Scan, ...]
    rng: np.random.Generator


class _Structure(NamedTuple):
    """What the images of a structure share, and the generator of its random numbers after it was drawn."""

    material: Material
    arrangement: str
    frame: Frame
    pixel_size: float
    view: View
    scene: Scene
    draws: dict
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
    InputError
        If none of the arrangements can be made of one of the materials.
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
        self.suited = [
            [name for name in recipe.arrangements if not unsuited(arrangements[name], each)] for each in materials
        ]
        for material, suited in zip(materials, self.suited):
            if not suited:
                name = recipe.arrangements[0]
                raise InputError(
                    f"arrangements.{name}: {unsuited(arrangements[name], material)}; name crystals that suit it in the "
                    "dataset's `materials`, or take out the arrangement"
                )
        self._last: tuple[tuple[str, int], _Structure] | None = None
        self._last_bounds: tuple[Scene, tuple, np.ndarray, np.ndarray] | None = None
        self.forward = forward or LinearModel(recipe.mode, imaging, recipe.detector_mrad)
        self.exponent, factors = imaging.exponent(recipe.mode), imaging.species_factors
        self.scatterers = {
            (each.material, each.zone): Scatterers.of(each.projection, lambda e: strength_of(e, self.exponent, factors))
            for each in materials
        }
        self.probes = {name: probe_of(imaging.conditions[name]) for name in recipe.conditions}
        known = {name: imaging.conditions[name] for name in recipe.conditions}
        self.fitted = fitted_conditions(self._calibration(), known) if recipe.probe == "calibrated" else []
        own = (each for allowed in self.fitted for _, each in allowed)
        self.fitted_reach = max((_reach(each, None, recipe.defocus_A) for each in own), default=0.0)

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
        rng = self._generator(number, _IMAGE_STREAM)
        material, arrangement, frame, pixel_size, view, scene, draws, structure_rng = self._structure(split, block)

        # A dose series shows one scene: there probe, background and distortions belong to the structure.
        scene_rng = rng if split == "train" else structure_rng
        condition, probe, settings = self._probe(scene_rng)
        extra = float(scene_rng.uniform(*self.recipe.extra_source_A))
        probe = probe.unstable(extra) if extra else probe
        if any(self.recipe.defocus_A):
            probe = replace(probe, defocus=probe.defocus + float(scene_rng.uniform(*self.recipe.defocus_A)))
        kind = self.recipe.backgrounds[scene_rng.integers(len(self.recipe.backgrounds))]
        level, angle = float(scene_rng.uniform(0, self.recipe.background)), float(scene_rng.uniform(0, 2 * np.pi))
        place = {}
        if kind == "step" and "interface_angle_rad" in draws:
            angle, through = draws["interface_angle_rad"], np.array([draws["centre_x_A"], draws["centre_y_A"]])
            place["through"] = through / frame.pixel_size + frame.pad
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
            **settings,
            "extra_source_A": extra,
            "defocus_A": probe.defocus,
            "probe_fwhm_A": probe.fwhm,
            "column_radius_A": probe.column_radius,
            "gaussian_mask_fwhm_A": self.recipe.gaussian_mask_fwhm_A,
            "superresolution_fwhm_A": self.recipe.superresolution_fwhm_A,
            "pixel_size_A": pixel_size,
            **({"recorded_pixel_size_A": frame.pixel_size} if self.recipe.resampled_to_A else {}),
            "rotation_deg": float(np.rad2deg(view.rotation)),
            "offset_x_A": float(view.offset[0]),
            "offset_y_A": float(view.offset[1]),
            "background": kind,
            "background_level": level,
            "background_angle_rad": angle,
        }
        background = level * BACKGROUNDS[kind](frame.shape, angle, scene_rng, **place)
        if isinstance(self.recipe.noise, PhysicalNoise):
            drawn, scans = drawn_scans(self.recipe.noise, self.image_px, pixel_size, scene_rng, rng)
            drawn |= {"counts_per_px": self._counts(self.recipe.noise, split, position, rng)}
        else:
            noise, (low, high) = drawn_parameters(self._calibration(), scene_rng)
            drawn = noise.to_dict() | {"grey_low": low, "grey_high": high}
            jitter = rng.standard_normal((frame.image_px, 2)) * [noise.jitter_x_px, noise.jitter_y_px]
            scans = (Scan(frame.image_px, jitter=jitter if jitter.any() else None),)
        return Plan(parameters | draws | drawn, scene, frame, condition, probe, background, scans, rng)

    def _structure(self, split: str, block: int) -> _Structure:
        """The structure of a block of consecutive images; the last one is kept, for they ask for it in turn."""
        if self._last is None or self._last[0] != (split, block):
            rng = self._generator(SPLIT_START[split] + block, _STRUCTURE_STREAM)
            chosen = int(rng.integers(len(self.materials))) if split == "train" else block % len(self.materials)
            material = self.materials[chosen]
            arrangement = self.suited[chosen][rng.integers(len(self.suited[chosen]))]
            recorded = pixel_size = self._pixel_size(rng)
            image_px = self.image_px
            if sizes := self.recipe.resampled_to_A:
                pixel_size = float(np.exp(rng.uniform(*np.log(sizes))))
                image_px = int(np.ceil((self.image_px - 1) * pixel_size / recorded)) + 1
            frame = Frame(image_px, recorded, self._pad(recorded))
            view = self._view(material, arrangement, frame, rng)
            scene, draws = self._scene(material, arrangement, view, rng)
            self._last = (split, block), _Structure(material, arrangement, frame, pixel_size, view, scene, draws, rng)
        structure = self._last[1]
        return structure._replace(rng=deepcopy(structure.rng))

    def rendered(self, plan: Plan) -> Sample:
        """The images of a plan, and its truth; the same whenever it is rendered."""
        plan = replace(plan, rng=deepcopy(plan.rng))
        with _LIBRARIES.limit(limits=1, user_api="blas"):  # sums are rounded otherwise by another number of threads
            return self._rendered(plan)

    def _rendered(self, plan: Plan) -> Sample:
        ideal = self._ideal(plan)
        clean, image, frames = _scanned(plan, ideal)
        noisy, measured = self._noisy(plan, ideal, image, frames)
        width = plan.parameters.get("smoothing_px", 0.0)
        images = {"image": noisy, "noNoise": smoothed(image, width), "noBackgroundnoNoise": smoothed(clean, width)}
        if self.recipe.resampled_to_A:
            sizes, shape = (plan.frame.pixel_size, plan.parameters["pixel_size_A"]), (self.image_px, self.image_px)
            images = {name: resampled(values, *sizes, shape) for name, values in images.items()}
        images = {name: _unit(values) for name, values in images.items()}
        levels = {"level_low": float(noisy.min()), "level_high": float(noisy.max())}
        columns = self.columns(replace(plan, parameters=plan.parameters | measured), ideal)
        if ideal.slope is not None and plan.parameters["split"] in ("test", "held_out"):
            columns["crlb_pm"] = self._bound(plan, ideal, columns)
        return Sample(images, columns, plan.parameters | measured | levels)

    def _ideal(self, plan: Plan) -> Ideal:
        seed = int(np.random.SeedSequence((self.recipe.seed, plan.parameters["structure"])).generate_state(1)[0])
        return self.forward.image(plan.scene, plan.condition, plan.probe, plan.frame, plan.background, seed)

    def _generator(self, number: int, stream: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.recipe.seed, spawn_key=(number, stream)))

    def _calibration(self) -> dict:
        """Of the recipe's instrument."""
        if self.calibration is None:
            raise ValueError("calibrated noise needs the calibration of its instrument")
        return self.calibration

    def _probe(self, rng: np.random.Generator) -> tuple[str, Probe, dict]:
        """Name of the condition, the probe, and its settings where it is the image's own."""
        if self.fitted:
            allowed = self.fitted[rng.integers(len(self.fitted))]
            condition, own = allowed[rng.integers(len(allowed))]
        else:
            condition = list(self.probes)[rng.integers(len(self.probes))]
            if not isinstance(self.recipe.probe, DrawnProbe):
                return condition, self.probes[condition], {}
            own = drawn_condition(self.imaging.conditions[condition], self.recipe.probe, rng)
        return condition, probe_of(own), own.model_dump(exclude={"detectors_mrad"})

    def _pixel_size(self, rng: np.random.Generator) -> float:
        if self.recipe.field_of_view_A:
            return float(rng.choice(self.recipe.field_of_view_A)) / self.image_px
        sizes = self.recipe.pixel_size_A or pixel_size_range(self._calibration())
        return float(np.exp(rng.uniform(*np.log(sizes))))

    def _pad(self, pixel_size: float) -> int:
        """Pixels around the image that displaced rows reach into."""
        noise = self.recipe.noise
        if not isinstance(noise, PhysicalNoise):
            fits = self._calibration()["image_fits"].values()
            largest = max(fit[f"jitter_{axis}_px"]["estimate"] for fit in fits for axis in "xy")
            return int(np.ceil(4 * largest)) + _SPLINE_MARGIN if largest else 0
        reach = reach_px(noise, self.image_px, pixel_size)
        return int(np.ceil(reach)) + _SPLINE_MARGIN if reach else 0

    def _view(self, material: Material, arrangement: str, frame: Frame, rng: np.random.Generator) -> View:
        thickness, turn = float(rng.uniform(*self.recipe.thickness_A)), rng.uniform()
        step = self.recipe.rotation_step_deg
        if isinstance(self.arrangements[arrangement], Periodic):
            thickness = self.forward.thickness(material, thickness)
        known, drawn, defocus = self.imaging.conditions, self.recipe.probe, self.recipe.defocus_A
        if self.fitted:
            reach = self.fitted_reach
        else:
            reach = max(_reach(known[name], drawn, defocus) for name in self.probes)
        reach += 2 * self.recipe.extra_source_A[1]
        return View(
            extent=(frame.image_px * frame.pixel_size,) * 2,
            margin=frame.corner + reach + thickness * float(np.tan(self.recipe.mistilt_mrad[1] / 1000)),
            rotation=float(2 * np.pi * turn if step is None else np.deg2rad(step * int(turn * np.ceil(360 / step)))),
            offset=rng.uniform(0, 1, 2) @ material.projection.lattice,
            thickness=thickness,
        )

    def _scene(self, material: Material, arrangement: str, view: View, rng: np.random.Generator) -> tuple[Scene, dict]:
        recipe, projection = self.arrangements[arrangement], material.projection
        scatterers = self.scatterers[material.material, material.zone]
        thickness, place = material.thickness(view.thickness), (view.rotation, view.offset)
        if isinstance(recipe, Periodic) and not any(self.recipe.mistilt_mrad):  # no need of every atom
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
        tilt = self._tilt(draws)
        seen, entrance = mistilted(specimen, tilt)
        strengths = self._strengths(specimen)
        columns = columns_of(entrance, strengths)
        if isinstance(recipe, Particle | MultiplyTwinned | Overlapping):
            own = specimen.columns != NO_COLUMN
            thickness = float(np.ptp(specimen.positions[own, 2])) if own.any() else 0.0
        if isinstance(recipe, Particle | MultiplyTwinned):
            columns["rim_A"] = distances_from_rim(np.column_stack([columns["x_A"], columns["y_A"]]))
        brightest = _brightest_column(specimen, strengths)
        drawn = (*projected(seen, strengths), columns, thickness, *place, *brightest)
        scene = Scene(material, *drawn, specimen, tilt)
        return scene, draws

    def _strengths(self, specimen: Specimen) -> np.ndarray:
        """Scattering strength of each atom, without what an overlayer takes of it."""
        factors = self.imaging.species_factors
        return specimen.occupancies * scattering_strengths(specimen.numbers, self.exponent, factors)

    def _tilt(self, draws: Draws) -> tuple[float, float]:
        """The angles of a drawn mistilt, by which atoms move to the right and down with their depth [mrad]."""
        if not any(self.recipe.mistilt_mrad):
            return (0.0, 0.0)
        angle = draws.uniform("mistilt_mrad", *self.recipe.mistilt_mrad)
        azimuth = draws.uniform("mistilt_azimuth_rad", 0, 2 * np.pi)
        return (angle * float(np.cos(azimuth)), angle * float(np.sin(azimuth)))

    def _counts(self, noise: PhysicalNoise, split: str, position: int, rng: np.random.Generator) -> float:
        if split == "train":
            return float(np.exp(rng.uniform(*np.log(noise.counts_per_px))))
        return noise.test_counts_per_px[position % len(noise.test_counts_per_px)]

    def _noisy(self, plan: Plan, ideal: Ideal, image: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, dict]:
        """The noise of the pixels on an image and its frames; and what follows from its parameters."""
        drawn = plan.parameters
        if not isinstance(self.recipe.noise, PhysicalNoise):
            parameters = _noise_parameters(drawn)
            ends = (drawn["grey_low"], drawn["grey_high"])
            low, high = image.min(), image.max()
            span = max(high - low, 1e-12)
            clean, displaced = ((each - low) / span for each in (image, frames[0]))
            noisy, (darkest, brightest) = noisy_at_full_range(clean, displaced, parameters, plan.rng, ends)
            scale = (brightest - darkest) / span
            return noisy, {"grey_offset": float(darkest - scale * low), "grey_gain": float(scale)}
        dose = drawn["counts_per_px"] / (ideal.fraction * plan.frame.pixel_size**2)
        current = drawn["counts_per_px"] / ideal.fraction * _ELECTRON_PA_US / (drawn["dwell_us"] * drawn["frames"])
        measured = {"dose_e_per_A2": dose, "beam_current_pA": current}
        if ideal.segments is None:
            return recorded(frames, drawn, plan.scans, plan.rng), measured
        return average(frames) + self._integrated_noise(plan, ideal.segments, ideal.fraction), measured

    @staticmethod
    def _integrated_noise(plan: Plan, segments: Segments, fraction: float) -> np.ndarray:
        """What the noise of the quadrants of an iDPC image adds to it."""
        drawn, counted = plan.parameters, plan.parameters["counts_per_px"] / plan.parameters["frames"]
        level, zero = (1.0, 0.0) if drawn["shot_noise_alone"] else (drawn["gain"], drawn["offset"])
        errors = []
        for frames in _displaced(plan, segments.quadrants / fraction):
            levels = recorded(frames, drawn, plan.scans, plan.rng)
            errors.append(fraction * ((levels - zero) / (level * counted) - average(frames)))
        return integrated_field(differences(np.stack(errors)), plan.frame.pixel_size) / segments.span

    def columns(self, plan: Plan, ideal: Ideal | None = None) -> pd.DataFrame:
        """The truth of a plan, as `Sample.columns`, no bounds given; `ideal` is its noise-free image, if it is known.

        What calibrated noise shows depends on its contrast, which the parameters of a rendered plan tell.

        A column's apparent position is the maximum of its noise-free image alone, at the lateral position of the
        entrance surface: `peak_shift` from the column under coma and three-fold astigmatism, moved as the scan moves
        whole groups of rows (`noise.scan`), not by the jitter of single rows.
        """
        scene, probe, pixel_size = plan.scene, plan.probe, plan.frame.pixel_size
        places = np.column_stack([scene.columns["x_A"], scene.columns["y_A"]])
        relative = self.forward.relative_strengths(scene, plan.condition, probe)
        seen = places + self.forward.shifts(scene, probe)
        apparent = pixel_size * apparent_positions(seen / pixel_size, plan.scans, probe.fwhm / pixel_size)
        clear = self._visibility(plan, relative, seen, ideal)
        asked = clear >= self.recipe.visibility
        reach = max(probe.fwhm / 2, self.recipe.gaussian_mask_fwhm_A)
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
                "visibility": clear,
                "neighbour_A": neighbour,
                "asked": asked,
                "ignored_A": np.where(asked, 0.0, reach),
                "resolved": neighbour >= probe.fwhm,
                "hidden": scene.columns["hidden"],
                "rim_A": scene.columns.get("rim_A", np.nan),
                "crlb_pm": np.nan,
            }
        )
        return table[self._inside(plan, apparent)].reset_index(drop=True)

    def _visibility(self, plan: Plan, relative: np.ndarray, seen: np.ndarray, ideal: Ideal | None) -> np.ndarray:
        """How far each column stands out from the noise, shape (columns,); nan where something hides it.

        `relative` are the columns' strengths, `seen` their maxima in the undistorted image. Columns under an overlayer
        are seen without it where the recipe labels them.
        """
        clear, hidden = np.full(len(relative), np.nan), plan.scene.columns["hidden"]
        parts = [(plan, ~hidden, ideal)]
        if self.recipe.label_hidden and hidden.any():
            parts.append((replace(plan, scene=self._uncovered(plan.scene)), hidden, None))
        for each, chosen, known in parts:
            if chosen.any():
                thermal_b = plan.scene.columns["B_A2"][chosen]
                shown = known or self._ideal(each)
                clear[chosen] = self._visibility_in(shown, each, relative[chosen], seen[chosen], thermal_b)
        return clear

    def _visibility_in(
        self, ideal: Ideal, plan: Plan, relative: np.ndarray, seen: np.ndarray, thermal_b: np.ndarray
    ) -> np.ndarray:
        """How far columns stand out in a noise-free image; nan beyond its frame and where neighbours hide them."""
        drawn, frame, fwhm = plan.parameters, plan.frame, plan.probe.fwhm / plan.frame.pixel_size
        bright, dark_field = bright_columns(ideal.clean, self.recipe.mode), self.recipe.mode in DARK_FIELD
        places = (seen + frame.corner) / frame.pixel_size
        shown = np.all((places >= 0) & (places < frame.shape[0]), axis=1)
        shown &= resolved(bright, places, relative, fwhm)
        places, clear = places[shown], np.full(len(relative), np.nan)
        if ideal.slope is None:
            heights = local_heights(bright if dark_field else 1 - ideal.image, places, fwhm)
        else:
            heights = relative[shown] * ideal.slope
        spread = np.hypot(fwhm * _SIGMA_OF_FWHM, np.sqrt(thermal_b[shown] / (8 * np.pi**2)) / frame.pixel_size)
        heights = heights if dark_field else -heights
        if not isinstance(self.recipe.noise, PhysicalNoise):
            scale, noise = drawn["grey_gain"], _noise_parameters(drawn)
            grey = drawn["grey_offset"] + scale * ideal.image
            clear[shown] = visibility_in_calibrated_noise(grey, places, scale * heights, spread, noise)
            return clear
        counts, unread = drawn["counts_per_px"], drawn["frames"] * drawn["readout_e"] ** 2
        if ideal.segments is None:
            clear[shown] = visibility(counts * ideal.image, places, counts * heights, spread, unread)
        else:
            span = ideal.segments.span / (ideal.fraction * frame.pixel_size)
            clear[shown] = visibility_in_integral(span * heights, counts, unread)
        return clear

    def _uncovered(self, scene: Scene) -> Scene:
        """What is in the field of view but for its overlayer."""
        if scene.specimen is None:
            return scene
        specimen = scene.specimen[scene.specimen.positions[:, 2] >= 0]
        specimen = replace(specimen, transmission=np.ones(len(specimen)))
        seen, _ = mistilted(specimen, scene.tilt)
        points, strengths, thermal_b = projected(seen, self._strengths(specimen))
        return replace(scene, points=points, strengths=strengths, thermal_b=thermal_b, specimen=specimen)

    def _inside(self, plan: Plan, apparent: np.ndarray) -> np.ndarray:
        nearest = np.round(apparent / plan.parameters["pixel_size_A"])  # pixel
        return np.all((nearest >= 0) & (nearest < self.image_px), axis=1)

    def _bound(self, plan: Plan, ideal: Ideal, columns: pd.DataFrame) -> np.ndarray:
        """Cramer-Rao bounds where the noise is shot noise alone, of columns that are asked for and in plain sight.

        None where columns are tilted, which the bound takes as upright.
        """
        bounds = np.full(len(columns), np.nan)
        asked = columns.asked.to_numpy()
        bounded = plan.parameters.get("shot_noise_alone", False) and not plan.parameters.get("mistilt_mrad", 0)
        if not bounded or not asked.any():
            return bounds
        bounds[asked] = self._bounds_of_one(plan, ideal, columns) / np.sqrt(plan.parameters["counts_per_px"])
        bounds[columns.hidden] = np.nan
        return bounds

    def _bounds_of_one(self, plan: Plan, ideal: Ideal, columns: pd.DataFrame) -> np.ndarray:
        """Cramer-Rao bounds at one count per pixel; kept, for the images of a dose series ask for them in turn."""
        scene, pad = plan.scene, plan.frame.pad
        inner = slice(pad, pad + self.image_px)
        image, asked = ideal.image[inner, inner], columns.asked.to_numpy()
        seen_by = (plan.condition, plan.probe, plan.frame, asked.tobytes())
        if self._last_bounds is not None:
            last_scene, last_seen_by, last_image, bounds = self._last_bounds
            if last_scene is scene and last_seen_by == seen_by and np.array_equal(last_image, image):
                return bounds
        places = np.column_stack([scene.columns["x_A"], scene.columns["y_A"]])  # nothing is distorted
        seen = places + self.forward.shifts(scene, plan.probe)
        # What is not asked for is a known part of the image.
        bounds = position_bound(
            image,
            columns.loc[asked, ["ideal_x_A", "ideal_y_A"]].to_numpy(),
            ideal.slope * columns.strength[asked].to_numpy(),
            scene.columns["B_A2"][self._inside(plan, seen)][asked],
            plan.probe,
            plan.frame.pixel_size,
        )
        self._last_bounds = scene, seen_by, image, bounds
        return bounds


def _scanned(plan: Plan, ideal: Ideal) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The clean image and the image with its background, and noise-free frames of the latter.

    Rows of both images lie where columns appear, rows of the frames where the scan puts them.
    """
    scans, pad = plan.scans, plan.frame.pad
    jitters = any(scan.jitter is not None for scan in scans)
    inner = np.s_[..., pad : pad + scans[0].rows, pad : pad + scans[0].rows]
    both = np.stack([ideal.clean, ideal.image])
    if not jitters and all(scan.is_straight for scan in scans):
        clean, image = both[inner]
        return clean, image, np.stack([image] * len(scans))
    coefficients, pads = spline_coefficients(both), [pad] * len(scans)
    widths = [plan.probe.fwhm / plan.frame.pixel_size] * len(scans)
    clean, image = (frames_of(coefficients, scans, [k] * len(scans), pads, widths) for k in (0, 1))
    return average(clean), average(image), frames_of(coefficients, scans, [1] * len(scans), pads)


def _displaced(plan: Plan, images: np.ndarray) -> Iterator[np.ndarray]:
    """Noise-free frames of each of some images, rows where the scan puts them."""
    coefficients, pads = spline_coefficients(images), [plan.frame.pad] * len(plan.scans)
    for number in range(len(images)):
        yield frames_of(coefficients, plan.scans, [number] * len(plan.scans), pads)


@lru_cache
def _reach(
    condition: Condition, drawn: DrawnProbe | Literal["calibrated"] | None, defocus: tuple[float, float]
) -> float:
    """Largest reach of the probes that are drawn around a condition [A]."""
    ends = extreme_conditions(condition, drawn) if isinstance(drawn, DrawnProbe) else [condition]
    probes = [probe_of(each) for each in ends]
    return max(replace(probe, defocus=probe.defocus + added).reach for probe in probes for added in defocus)


def _noise_parameters(drawn: dict) -> NoiseParameters:
    """Those among what was drawn for an image."""
    return NoiseParameters(**{field.name: drawn[field.name] for field in fields(NoiseParameters)})


def _brightest_column(specimen: Specimen, strengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers and occupancies of the strongest column.

    Where there is no column, those of the strongest of the prisms along the beam that a column would fill.
    """
    columns = specimen.columns
    if (columns == NO_COLUMN).all():
        prisms = (specimen.positions[:, :2] // _PRISM_A).astype(int)
        columns = np.unique(prisms, axis=0, return_inverse=True)[1].reshape(-1)
    own = columns != NO_COLUMN
    chosen = columns == np.bincount(columns[own], strengths[own], minlength=1).argmax()
    return specimen.numbers[chosen], specimen.occupancies[chosen]


def _atoms(atoms: Sequence[dict], periods: float) -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers of one period of a column, and how often each is there in some periods."""
    numbers = np.array([atomic_numbers[atom["element"]] for atom in atoms], int)
    return numbers, periods * np.array([atom["occupancy"] for atom in atoms], float)


def _unit(image: np.ndarray) -> np.ndarray:
    """Between 0 (the minimum) and 1 (the maximum)."""
    low = image.min()
    return ((image - low) / max(image.max() - low, 1e-12)).astype(np.float32)
