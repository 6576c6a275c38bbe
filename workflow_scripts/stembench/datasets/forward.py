"""From what is in the field of view to its noise-free image: the linear model, or multislice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from stembench.config import Imaging, Multislice
from stembench.crystals.field import in_plane_turn
from stembench.crystals.material import Material
from stembench.crystals.specimen import Specimen
from stembench.imaging.column_peak import peak_intensity, peak_shift
from stembench.imaging.conditions import detector_of
from stembench.imaging.cross_sections import column_cross_section, peak_per_area
from stembench.imaging.detectors import DARK_FIELD, Mode, detector_name
from stembench.imaging.linear import bright_field, linear_image
from stembench.imaging.multislice import Tile, scan
from stembench.imaging.probe import Probe
from stembench.imaging.segmented import differences, idpc_name, integrated_field, quadrant_names
from stembench.noise.physical import effective_source

_SOURCE_REACH = 1.3  # FWHM, three SDs of a Gaussian


@dataclass(frozen=True)
class Scene:
    """What is in the field of view.

    Attributes
    ----------
    material : Material
        The crystal it is made of.
    points, strengths, thermal_b : ndarray of shapes (points, 2), (points,), (points,)
        What scatters in the linear model: x and y [A]; strength of all atoms of the specimen at that place, through its
        whole thickness (occupancy times Z to the mode's exponent, summed), unlike the strength per period of
        `Scatterers`; B [A^2].
    columns : dict of ndarray
        The truth, as `columns_of` gives it.
    thickness : float
        Of the specimen [A].
    rotation, offset : float and ndarray of shape (2,)
        Of the crystal, as in `columns_in_field`.
    brightest_numbers, brightest_occupancies : ndarray, shape (atoms,)
        Atoms of the strongest column: atomic numbers, and how often each is there.
    specimen : Specimen or None
        Its atoms before the tilt; none for a perfect crystal.
    tilt : tuple of float
        Mistilt, by which atoms move to the right and down with their depth [mrad]; `points` are tilted, `columns` are
        where columns begin.
    """

    material: Material
    points: np.ndarray
    strengths: np.ndarray
    thermal_b: np.ndarray
    columns: dict[str, np.ndarray]
    thickness: float
    rotation: float
    offset: np.ndarray
    brightest_numbers: np.ndarray
    brightest_occupancies: np.ndarray
    specimen: Specimen | None = None
    tilt: tuple[float, float] = (0.0, 0.0)

    def heights(self, probe: Probe) -> np.ndarray:
        """Peak of each column alone in the linear model, shape (columns,)."""
        return self.columns["strength"] * peak_intensity(probe, self.columns["B_A2"])

    def brightest(self, probe: Probe) -> float:
        """Peak of the strongest column; where there is none the mean over the points' extent, and 1 without points."""
        if len(self.columns["strength"]):
            return float(max(self.heights(probe).max(), 1e-12))
        area = float(np.prod(np.ptp(self.points, axis=0))) if len(self.points) > 1 else 0.0
        return float(self.strengths.sum()) / area if area else 1.0

    def relative_heights(self, probe: Probe) -> np.ndarray:
        """The same as fractions of the highest."""
        heights = self.heights(probe)
        return heights / heights.max(initial=1e-12)


@dataclass(frozen=True)
class Frame:
    """Pixels that are computed: the image's, and `pad` more on every side."""

    image_px: int
    pixel_size: float
    pad: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width [px]."""
        return (self.image_px + 2 * self.pad,) * 2

    @property
    def corner(self) -> float:
        """How far the first pixel lies left of and above the image's own [A]."""
        return self.pad * self.pixel_size


@dataclass(frozen=True)
class Segments:
    """What an iDPC image is computed from.

    Attributes
    ----------
    quadrants : ndarray, shape (4, *`Frame.shape`)
        Fraction of the beam on each quadrant.
    span : float
        Integrated difference of the quadrants between 0 and 1 of the image [A].
    """

    quadrants: np.ndarray
    span: float


@dataclass(frozen=True)
class Ideal:
    """A noise-free image.

    Attributes
    ----------
    clean, image : ndarray, shape `Frame.shape`
        Without and with the background, 1 at the brightest column of a dark field and between the columns of a bright.
    fraction : float
        Of the incident beam, where the image is 1; in iDPC on all quadrants, averaged over the image.
    slope : float or None
        How steeply the image follows the linear model's dark field; none where it does not.
    segments : Segments or None
        In iDPC, where electrons are counted.
    """

    clean: np.ndarray
    image: np.ndarray
    fraction: float
    slope: float | None
    segments: Segments | None = None


class ForwardModel(Protocol):
    """What simulates images."""

    def thickness(self, material: Material, asked: float) -> float:
        """Thickness of a perfect crystal that it can show, for one that is asked for [A]."""

    def relative_strengths(self, scene: Scene, condition: str, probe: Probe) -> np.ndarray:
        """How much each column stands out from its surroundings, 1 for the strongest; shape (columns,)."""

    def shifts(self, scene: Scene, probe: Probe) -> np.ndarray:
        """How far from each column the maximum of its image lies, along x and y; shape (columns, 2) [A]."""

    def image(
        self, scene: Scene, condition: str, probe: Probe, frame: Frame, background: np.ndarray, seed: int
    ) -> Ideal:
        """A noise-free image under a condition, whose probe may have a wider source than it says.

        What a scan draws itself (phonons, occupancies) follows from the seed, which is the scene's.
        """


class LinearModel:
    """The linear model.

    Parameters
    ----------
    mode : Mode
        Imaging mode.
    imaging : Imaging
        Its settings.
    detector : tuple of float, optional
        Inner and outer angle [mrad]; each condition's first of the mode where it is not given.
    """

    def __init__(self, mode: Mode, imaging: Imaging, detector: tuple[float, float] | None = None) -> None:
        self.mode, self.imaging, self.detector = mode, imaging, detector

    def thickness(self, material: Material, asked: float) -> float:
        """Any."""
        return asked

    def relative_strengths(self, scene: Scene, condition: str, probe: Probe) -> np.ndarray:
        """See `ForwardModel`; a column's peak alone."""
        return scene.relative_heights(probe)

    def shifts(self, scene: Scene, probe: Probe) -> np.ndarray:
        """See `ForwardModel`."""
        return peak_shift(probe, scene.columns["B_A2"])

    def image(
        self, scene: Scene, condition: str, probe: Probe, frame: Frame, background: np.ndarray, seed: int
    ) -> Ideal:
        """See `ForwardModel`."""
        strengths = scene.strengths / scene.brightest(probe)
        points = scene.points + frame.corner
        dark = linear_image(points, strengths, scene.thermal_b, probe, frame.shape, frame.pixel_size)
        fraction = self._fraction(scene, condition, probe)
        if self.mode in DARK_FIELD:
            return Ideal(dark, dark + background, fraction, 1.0)
        contrast, whole = self.imaging.bright_field_contrast, dark + background
        slope = contrast / max(whole.max(), 1.0)
        return Ideal(bright_field(dark, contrast), bright_field(whole, contrast), fraction, slope)

    def _fraction(self, scene: Scene, condition: str, probe: Probe) -> float:
        """Fraction of the beam where the image is 1; in a dark field the peak of the strongest column."""
        if self.mode not in DARK_FIELD:
            return self.imaging.bright_field_fraction
        detector = _detector(self.imaging, condition, self.mode, self.detector)
        column = (scene.brightest_numbers, scene.brightest_occupancies)
        scattered = column_cross_section(*column, probe.energy, probe.semiangle, detector)
        strongest = scene.columns["strength"].argsort()[-1:]
        thermal_b = float(scene.columns["B_A2"][strongest].sum())
        return float(np.clip(scattered * peak_per_area(probe, thermal_b, scene.thickness), 1e-9, 1))


class MultisliceModel:
    """Multislice: perfect crystals from tiles, every other object by a scan.

    Parameters
    ----------
    mode : Mode
        Imaging mode.
    imaging : Imaging
        Microscope settings by name, and the contrast of a bright-field background.
    multislice : Multislice
        Sampling, slices and device of scans.
    phonons : int
        Configurations of a scan.
    tiles : mapping
        Tiles by (material, zone, condition).
    detector : tuple of float, optional
        Inner and outer angle [mrad]; each condition's first of the mode where it is not given.
    """

    def __init__(
        self,
        mode: Mode,
        imaging: Imaging,
        multislice: Multislice,
        phonons: int,
        tiles: Mapping[tuple[str, str, str], Tile],
        detector: tuple[float, float] | None = None,
    ) -> None:
        self.mode, self.imaging, self.detector = mode, imaging, detector
        self.multislice, self.phonons, self.tiles = multislice, phonons, tiles
        # A dose series asks for one scan after the other.
        self._last: tuple[Specimen | None, tuple, np.ndarray] | None = None

    def thickness(self, material: Material, asked: float) -> float:
        """The nearest one that the material's tiles hold."""
        held = next(t.thicknesses for key, t in self.tiles.items() if key[:2] == (material.material, material.zone))
        return float(held[np.abs(held - asked).argmin()])

    def relative_strengths(self, scene: Scene, condition: str, probe: Probe) -> np.ndarray:
        """See `ForwardModel`; from the tile, or from the linear model where an object is scanned."""
        if scene.specimen is not None:
            return scene.relative_heights(probe)
        tile, detector, index = self._tile(scene, condition)
        places = np.column_stack([scene.columns["x_A"], scene.columns["y_A"]])
        seen = places + self.shifts(scene, probe)
        period = _of_source(probe, lambda fwhm: tile.refined(detector, index, fwhm))
        values = _of_source(probe, lambda fwhm: tile.at(detector, index, seen, scene.rotation, scene.offset, fwhm))
        contrast = np.maximum(values - period.min() if self.mode in DARK_FIELD else period.max() - values, 0)
        return contrast / contrast.max(initial=1e-12)

    def shifts(self, scene: Scene, probe: Probe) -> np.ndarray:
        """See `ForwardModel`; those of the linear model. The probe of a tile turns with the crystal."""
        shifts = peak_shift(probe, scene.columns["B_A2"])
        return shifts if scene.specimen is not None else shifts @ in_plane_turn(scene.rotation)

    def image(
        self, scene: Scene, condition: str, probe: Probe, frame: Frame, background: np.ndarray, seed: int
    ) -> Ideal:
        """See `ForwardModel`; 1 is the brightest pixel."""
        if self.mode == "iDPC":
            return self._integrated(scene, condition, probe, frame, background, seed)
        if scene.specimen is None:
            tile, detector, index = self._tile(scene, condition)
            intensity = self._of_tile(tile, detector, index, scene, probe, frame)
        else:
            (intensity,) = self._scanned(scene, condition, probe, frame, seed)
        fraction = float(max(intensity.max(), 1e-9))
        clean = np.maximum(intensity, 0) / fraction
        if self.mode in DARK_FIELD:
            return Ideal(clean, clean + background, fraction, None)
        absorbed = self.imaging.bright_field_contrast * background / max(background.max(), 1.0)
        return Ideal(clean, clean * (1 - absorbed), fraction, None)

    def _integrated(
        self, scene: Scene, condition: str, probe: Probe, frame: Frame, background: np.ndarray, seed: int
    ) -> Ideal:
        """An iDPC image: 0 at its darkest place and 1 at its brightest, of a perfect crystal those of the period."""
        if scene.specimen is None:
            tile, detector, index = self._tile(scene, condition)
            angles = _detector(self.imaging, condition, self.mode, self.detector)
            names = quadrant_names(*angles)
            quadrants = np.stack([self._of_tile(tile, name, index, scene, probe, frame) for name in names])
            integral = self._of_tile(tile, detector, index, scene, probe, frame)
            period = _of_source(probe, lambda fwhm: tile.refined(detector, index, fwhm))
        else:
            quadrants = self._scanned(scene, condition, probe, frame, seed)
            period = integral = integrated_field(differences(quadrants), frame.pixel_size)
        low, span = float(period.min()), float(max(np.ptp(period), 1e-9))
        clean = (integral - low) / span
        fraction = float(max(quadrants.sum(axis=0).mean(), 1e-9))
        return Ideal(clean, clean + background, fraction, None, Segments(quadrants, span))

    def _tile(self, scene: Scene, condition: str) -> tuple[Tile, str, int]:
        """The tile of a perfect crystal, the name of the detector, and the index of the thickness."""
        tile = self.tiles[scene.material.material, scene.material.zone, condition]
        name = idpc_name if self.mode == "iDPC" else detector_name
        detector = name(*_detector(self.imaging, condition, self.mode, self.detector))
        return tile, detector, int(np.abs(tile.thicknesses - scene.thickness).argmin())

    @staticmethod
    def _of_tile(tile: Tile, detector: str, index: int, scene: Scene, probe: Probe, frame: Frame) -> np.ndarray:
        place = (frame.shape, frame.pixel_size, scene.rotation, scene.offset + frame.corner)
        return _of_source(probe, lambda fwhm: tile.image(detector, index, *place, fwhm))

    def _scanned(self, scene: Scene, condition: str, probe: Probe, frame: Frame, seed: int) -> np.ndarray:
        """Fraction of the beam on the detector, or on each quadrant; shape (1 or 4, *`frame.shape`)."""
        key = (seed, condition, probe, frame)
        if self._last is None or self._last[0] is not scene.specimen or self._last[1] != key:
            self._last = scene.specimen, key, self._scan(scene, condition, probe, frame, seed)
        return self._last[2]

    def _scan(self, scene: Scene, condition: str, probe: Probe, frame: Frame, seed: int) -> np.ndarray:
        if scene.specimen is None:
            raise ValueError("a perfect crystal is sampled from its tile")
        margin = int(np.ceil(_SOURCE_REACH * max(fwhm for _, fwhm in probe.source_parts) / frame.pixel_size))
        height, width = frame.shape
        shape, corner = (height + 2 * margin, width + 2 * margin), frame.corner + margin * frame.pixel_size
        moved = scene.specimen.moved(np.array([corner, corner, 0.0]))
        angles = _detector(self.imaging, condition, self.mode, self.detector)
        settings: dict[str, Any] = {
            "sampling": self.multislice.sampling_A,
            "slice_thickness": self.multislice.slice_A,
            "phonons": self.phonons,
            "seed": seed,
            "device": self.multislice.device,
            "tilt": scene.tilt,
        }
        if self.mode == "iDPC":
            detectors, settings["segmented"] = {}, angles
        else:
            detectors = {detector_name(*angles): angles}
        scanned = scan(moved, probe, detectors, shape, frame.pixel_size, **settings)
        inner = slice(margin, margin + frame.shape[0])
        blurred = _of_source(
            probe, lambda fwhm: np.stack([effective_source(each, fwhm, frame.pixel_size) for each in scanned])
        )
        return blurred[:, inner, inner]


def _of_source(probe: Probe, image: Callable[[float], np.ndarray]) -> np.ndarray:
    """An image that is known for Gaussian sources of any FWHM, of all of a probe's source."""
    return np.sum([weight * image(fwhm) for weight, fwhm in probe.source_parts], axis=0)


def _detector(imaging: Imaging, condition: str, mode: Mode, asked: tuple[float, float] | None) -> tuple[float, float]:
    angles = detector_of(imaging.conditions[condition], mode, asked)
    if angles is None:
        raise ValueError(f"imaging.conditions.{condition} has no such {mode} detector")
    return angles
