"""Multislice simulation by abTEM: images of perfect crystals as periodic tiles, and scans of any other object.

A tile takes fewer probes than PRISM takes beams. A scan of more probes than beams goes by PRISM without interpolation,
which gives the same numbers.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from scipy import fft, ndimage

from stembench.crystals.field import in_plane_turn
from stembench.crystals.projection import Projection
from stembench.crystals.shared_sites import drawn_atoms
from stembench.crystals.specimen import Specimen
from stembench.imaging.device import Device, abtem_settings, chosen_device
from stembench.imaging.limits import Detectors, check, smallest_cell
from stembench.imaging.probe import Probe
from stembench.imaging.segmented import QUADRANTS, differences, idpc_name, integrated_spectrum, quadrant_names
from stembench.imaging.tile_plan import TilePlan, grid_points
from stembench.products import verify

if TYPE_CHECKING:
    import xarray as xr

_log = logging.getLogger(__name__)

_LIFT_A = 1e-3  # atomic layers on a slice's boundary fall into the slice behind it, whatever the rounding
_LARGEST_MATRIX = 2e9  # bytes of PRISM's scattering matrix
_POINTS_A_BATCH = 2_000_000  # of all probes of a batch; waves of 16 MB
_UPSAMPLING = 2  # of a tile before splines
_SHARED_RAD = 1e-6  # by which quadrants are turned to either side, so that two of them share what lies between them


@dataclass(frozen=True)
class Tile:
    """The simulated image of a perfect crystal over one in-plane period, of a point source.

    Attributes
    ----------
    intensity : ndarray, shape (detectors, thicknesses, points along the second vector, points along the first)
        Fraction of the beam that falls on each detector; entry [..., j, i] belongs to the probe at i / n of the first
        and j / m of the second lattice vector.
    lattice : ndarray, shape (2, 2)
        Vectors of the period as rows (x, y), in the projection's axes [A]; of the crystal as it is, free of the
        supercell's strain.
    detectors : tuple of str
        Their names, by `detector_name`; those of a segmented detector's quadrants by `quadrant_names`.
    thicknesses : ndarray
        [A].
    settings : dict
        What it was simulated with.
    """

    intensity: np.ndarray
    lattice: np.ndarray
    detectors: tuple[str, ...]
    thicknesses: np.ndarray
    settings: dict

    def image(
        self,
        detector: str,
        thickness_index: int,
        shape: tuple[int, int],
        pixel_size: float,
        rotation: float = 0.0,
        offset: Sequence[float] | np.ndarray = (0.0, 0.0),
        source_size: float = 0.0,
    ) -> np.ndarray:
        """A field of view of an endless crystal.

        The tile holds every frequency of the image, so that zeros around its spectrum refine it exactly; quintic
        splines take the rest of the way to the pixels.

        Parameters
        ----------
        detector : str
            Its name; that of an iDPC image by `idpc_name`.
        thickness_index : int
            Index in `thicknesses`.
        shape : tuple of int
            Height and width [px].
        pixel_size : float
            [A]; pixel (i, j) is centred at y = i * pixel_size, x = j * pixel_size.
        rotation : float
            Of the crystal, as in `columns_in_field` [rad].
        offset : sequence of float
            Position (x, y) of the lattice's origin [A].
        source_size : float
            FWHM of the Gaussian effective source [A].

        Returns
        -------
        ndarray, shape `shape`
            Fraction of the beam; of iDPC the integral of such fractions [A].
        """
        x, y = np.meshgrid(*(pixel_size * np.arange(n) for n in shape[::-1]))
        fine = self.refined(detector, thickness_index, source_size)
        return self._sampled(fine, x - offset[0], y - offset[1], rotation)

    def at(
        self,
        detector: str,
        thickness_index: int,
        positions: np.ndarray,
        rotation: float = 0.0,
        offset: Sequence[float] | np.ndarray = (0.0, 0.0),
        source_size: float = 0.0,
    ) -> np.ndarray:
        """Image of an endless crystal at some positions, shape (positions,), as a fraction of the beam.

        Parameters
        ----------
        positions : ndarray, shape (positions, 2)
            x and y [A].
        detector, thickness_index, rotation, offset, source_size
            As in `image`.
        """
        x, y = (positions - offset).T
        return self._sampled(self.refined(detector, thickness_index, source_size), x, y, rotation)

    def _sampled(self, fine: np.ndarray, x: np.ndarray, y: np.ndarray, rotation: float) -> np.ndarray:
        to_points = np.linalg.inv(self.lattice @ in_plane_turn(rotation)) * fine.shape[::-1]
        points = [x * to_points[0, axis] + y * to_points[1, axis] for axis in (1, 0)]
        return ndimage.map_coordinates(fine, points, order=5, mode="grid-wrap")

    def refined(self, detector: str, thickness_index: int, source_size: float = 0.0) -> np.ndarray:
        """One period on a denser grid, convolved with the source; in the unit of `image`."""
        points = self.intensity.shape[2:]
        orders = [np.round(fft.fftfreq(n, 1 / n)).astype(int) for n in points]
        frequencies = np.stack(np.meshgrid(*orders, indexing="ij")[::-1], -1) @ np.linalg.inv(self.lattice).T
        sigma = source_size / np.sqrt(8 * np.log(2))
        blur = np.exp(-2 * (np.pi * sigma) ** 2 * (frequencies**2).sum(axis=-1))
        spectrum = np.zeros([_UPSAMPLING * n for n in points], complex)
        spectrum[np.ix_(*orders)] = self._spectrum(detector, thickness_index, *np.moveaxis(frequencies, -1, 0)) * blur
        return fft.ifft2(spectrum, norm="forward").real

    def _spectrum(self, detector: str, thickness_index: int, kx: np.ndarray, ky: np.ndarray) -> np.ndarray:
        segmented = self.settings.get("segmented_mrad")
        if not segmented or detector != idpc_name(*segmented):
            return fft.fft2(self.intensity[self.detectors.index(detector), thickness_index], norm="forward")
        rows = [self.detectors.index(name) for name in quadrant_names(*segmented)]
        quadrants = fft.fft2(self.intensity[rows, thickness_index], norm="forward")
        return integrated_spectrum(differences(quadrants), kx, ky)

    def to_dataset(self) -> "xr.Dataset":
        """For storage, by `to_zarr(..., zarr_format=3, consolidated=False)`."""
        import xarray as xr

        dims = ("detector", "thickness", "y", "x")
        coordinates = {"thickness": ("thickness", self.thicknesses, {"units": "A"})}
        attributes = {"detectors": list(self.detectors), "lattice_A": self.lattice.tolist(), "settings": self.settings}
        intensity = (dims, self.intensity, {"units": "fraction of the incident beam"})
        return xr.Dataset({"intensity": intensity}, coordinates, attributes)

    @classmethod
    def read(cls, folder: str | Path) -> "Tile":
        """From the folder of a simulated tile."""
        import xarray as xr

        verify(folder, "tile.zarr/*")
        with xr.open_zarr(Path(folder) / "tile.zarr", consolidated=False, chunks=None) as stored:
            return cls.from_dataset(stored.load())

    @classmethod
    def from_dataset(cls, dataset: "xr.Dataset") -> "Tile":
        """From what `to_dataset` gave."""
        stored = dataset.attrs
        arrays = dataset["intensity"].values, np.array(stored["lattice_A"])
        return cls(*arrays, tuple(stored["detectors"]), dataset["thickness"].values, stored["settings"])


def simulate_tile(
    projection: Projection,
    probe: Probe,
    detectors: Detectors,
    thicknesses: Sequence[float],
    *,
    cell_width: float,
    sampling: float,
    slice_thickness: float,
    phonons: int,
    seed: int,
    segmented: tuple[float, float] | None = None,
    threads: int = 1,
    device: Device = "cpu",
) -> Tile:
    """Scan a probe over one in-plane period of a flat crystal slab.

    Parameters
    ----------
    projection : Projection
        The crystal along its zone axis; azimuths of the probe's aberrations count from its x axis.
    probe : Probe
        The probe; its source is left for `Tile.image`.
    detectors : mapping
        Inner and outer angle of each by name [mrad].
    thicknesses : sequence of float
        Rising, all from one run [A].
    cell_width : float
        Least edge of the supercell [A]; `limits.cell_width` says what a probe needs.
    sampling, slice_thickness : float
        Upper bounds of the grid's spacing and of the slices [A].
    phonons : int
        Frozen-phonon configurations; 0 for atoms at rest. Partly occupied sites are drawn in either case.
    seed : int
        Of displacements and occupancies.
    segmented : tuple of float, optional
        Inner and outer angle of a segmented detector, whose quadrants follow the other detectors [mrad]. They are
        centred on the projection's axes. No two probes are equal then, so all of them are simulated.
    threads : int
        Batches of probes that are computed at a time, on the CPU; the result does not depend on it.
    device : {"auto", "cpu", "gpu"}
        What it is computed on, see `device.chosen_device`. A GPU rounds single precision differently.
    """
    depths = np.array(thicknesses, float)
    check(probe, detectors, depths[-1], cell_width, sampling, segmented)
    plan = TilePlan.of(projection, probe, cell_width, sampling, slice_thickness, symmetric=segmented is None)
    _log.info(
        "%d configurations of %d probes, %d x %d points, about %d slices",
        max(phonons, 1),
        len(plan.positions),
        *plan.gpts,
        round(depths[-1] / plan.step),
    )
    cell = plan.cell
    turn = np.arctan2(*(cell.indices[0] @ projection.lattice)[::-1])
    box = np.array([*cell.edges, depths[-1]])
    drawn = configurations(cell.atoms(projection, depths[-1]), box, phonons, seed)
    measured = _Detection(detectors, segmented, turn)
    detected = _simulated(drawn, plan.gpts, plan.step, depths, probe, plan.positions, measured, threads, device)
    settings = {
        "probe": asdict(probe),
        "detectors_mrad": {name: list(angles) for name, angles in detectors.items()},
        "segmented_mrad": list(segmented) if segmented else None,
        "cell_A": cell.edges.tolist(),
        "strain": cell.strain,
        "climb": cell.climb,
        "grid_points": list(plan.gpts),
        "slice_thickness_A": plan.step,
        "phonons": phonons,
        "seed": seed,
    }
    intensity = detected[..., plan.simulated].reshape(len(detected), len(depths), *plan.grid[::-1])
    return Tile(intensity, plan.lattice, measured.names, depths, settings)


def scan(
    specimen: Specimen,
    probe: Probe,
    detectors: Detectors,
    shape: tuple[int, int],
    pixel_size: float,
    *,
    sampling: float,
    slice_thickness: float,
    phonons: int,
    seed: int,
    segmented: tuple[float, float] | None = None,
    tilt: tuple[float, float] = (0.0, 0.0),
    padding: float | None = None,
    threads: int = 1,
    device: Device = "cpu",
) -> np.ndarray:
    """Scan a probe over an object of any kind, one probe a pixel: for small fields.

    Parameters
    ----------
    specimen : Specimen
        Atoms in the image's axes. Those outside the field take part: an endless crystal needs a margin. The probe's
        defocus counts from z = 0, also where atoms of an overlayer lie above at z < 0.
    probe, detectors, sampling, slice_thickness, phonons, seed, segmented, threads, device
        As in `simulate_tile`; quadrants are centred on the image's axes.
    shape : tuple of int
        Height and width [px].
    pixel_size : float
        [A]; pixel (i, j) is centred at y = i * pixel_size, x = j * pixel_size.
    tilt : tuple of float
        Mistilt of the specimen, whose atoms move by tan(tilt) per depth against the beam to the right and down; it is
        simulated as a beam that is tilted the other way [mrad]. Atoms at z = 0 keep their places.
    padding : float, optional
        Vacuum around atoms and field [A]; half of `smallest_cell` where it is not given.

    Returns
    -------
    ndarray, shape (detectors, height, width)
        Fraction of the beam on each detector, those of a segmented one's quadrants last; of a point source.
    """
    above = -float(specimen.positions[:, 2].min(initial=0))
    specimen, probe = specimen.moved(np.array([0, 0, above])), replace(probe, defocus=probe.defocus + above)
    thickness = float(specimen.positions[:, 2].max(initial=0)) + 2 * _LIFT_A
    padding = smallest_cell(probe, thickness) / 2 if padding is None else padding
    x, y = (pixel_size * np.arange(n) for n in shape[::-1])
    slope = np.tan(1e-3 * np.array(tilt))
    points = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2) + slope * above
    occupied = np.vstack([points, points - slope * thickness, specimen.positions[:, :2]])
    low, high = occupied.min(axis=0) - padding, occupied.max(axis=0) + padding
    check(probe, detectors, thickness, float((high - low).min()), sampling, segmented)
    width, height = high - low
    gpts = grid_points(width, sampling), grid_points(height, sampling)
    beams = np.pi * (probe.cutoff / 2) ** 2 * np.prod(high - low)
    prism = not any(tilt) and bool(beams < len(points) and beams * np.prod(gpts) * (2 / 3) ** 2 * 8 < _LARGEST_MATRIX)
    placed = specimen.moved(np.array([*-low, 0]))
    drawn = configurations(placed, np.array([*(high - low), thickness]), phonons, seed)
    measured = _Detection(detectors, segmented)
    detected = _simulated(
        drawn, gpts, slice_thickness, np.array([thickness]), probe, points - low, measured, threads, device, prism, tilt
    )
    return detected.reshape(-1, *shape)


def configurations(specimen: Specimen, box: np.ndarray, phonons: int, seed: int) -> list[Atoms]:
    """Frozen-phonon configurations of a specimen in a periodic box.

    Atoms are displaced across the beam by a Gaussian of variance B / (8 pi^2) along an axis; along the beam the slices
    would not see it. Every second configuration has the displacements of the one before it reversed: what an image owes
    to the first order of a displacement cancels in the mean, which takes far fewer of them (antithetic variates). Each
    site is drawn empty or taken by one of its atoms (`drawn_atoms`).

    Parameters
    ----------
    specimen : Specimen
        The atoms at rest.
    box : ndarray, shape (3,)
        [A].
    phonons : int
        How many; 0 for one of atoms at rest.
    seed : int
        Each pair of configurations draws from a stream of its own, whatever their number.
    """
    sigma = np.sqrt(specimen.thermal_b / (8 * np.pi**2))[:, None] * [1, 1, 0] * (phonons > 0)
    drawn = []
    for configuration in range(max(phonons, 1)):
        pair, sense = configuration // 2, 1 - 2 * (configuration % 2)
        generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(pair,)))
        positions = specimen.positions + sense * sigma * generator.standard_normal(specimen.positions.shape)
        draws = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(configuration, 1)))
        there = drawn_atoms(specimen.positions, specimen.occupancies, box, draws)
        drawn.append(Atoms(specimen.numbers[there], positions[there], cell=box, pbc=True))
    return drawn


@dataclass(frozen=True)
class _Detection:
    """Detectors below the specimen; `turn` is the azimuth of the box's x axis, which other azimuths count from."""

    annular: Detectors
    segmented: tuple[float, float] | None = None
    turn: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.annular, *(quadrant_names(*self.segmented) if self.segmented else ()))

    def detectors(self) -> list[Any]:
        import abtem

        rings = [abtem.AnnularDetector(*angles) for angles in self.annular.values()]
        if not self.segmented:
            return rings
        # From the quadrant A, whose first edge lies 45 degrees before +x; what lies on an edge is shared.
        edges = (-np.pi / 4 - self.turn + shift for shift in (-_SHARED_RAD, _SHARED_RAD))
        return rings + [
            abtem.SegmentedDetector(1, len(QUADRANTS), *self.segmented, rotation=float(edge)) for edge in edges
        ]

    def fractions(self, measured: list[Any], thicknesses: int) -> np.ndarray:
        """Of the beam on each of `names`, shape (names, thicknesses, positions)."""
        arrays = [each.array for each in measured]
        rings = [array.reshape(thicknesses, -1) for array in arrays[: len(self.annular)]]
        segments = [array.reshape(thicknesses, -1, len(QUADRANTS)) for array in arrays[len(self.annular) :]]
        return np.stack([*rings, *(np.moveaxis(np.mean(segments, axis=0), -1, 0) if segments else ())])


def _simulated(
    drawn: list[Atoms],
    gpts: tuple[int, int],
    step: float,
    thicknesses: np.ndarray,
    probe: Probe,
    positions: np.ndarray,
    detection: _Detection,
    threads: int,
    device: Device,
    prism: bool = False,
    tilt: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """Mean over configurations of the fraction of the beam, shape (detectors, thicknesses, positions).

    `prism` is for a single thickness and no tilt.
    """
    import abtem
    from abtem.array import ComputableList

    bounds = np.union1d(np.round(step * np.arange(1, int(thicknesses[-1] / step) + 1), 6), np.round(thicknesses, 6))
    bounds = bounds[bounds <= np.round(thicknesses[-1], 6)]
    exit_planes = tuple(np.searchsorted(bounds, np.round(thicknesses, 6)).tolist())
    lens: dict[str, Any] = {"energy": probe.energy, "semiangle_cutoff": probe.semiangle}
    aberrations: dict[str, Any] = {
        "C10": -probe.defocus,
        "C12": probe.astigmatism,
        "phi12": probe.astigmatism_angle - detection.turn,
        "C21": probe.coma,
        "phi21": probe.coma_angle - detection.turn,
        "C23": probe.threefold,
        "phi23": probe.threefold_angle - detection.turn,
        "C30": probe.c3,
        "C32": probe.star,
        "phi32": probe.star_angle - detection.turn,
        "C50": probe.c5,
    }
    detectors = detection.detectors()
    batch = max(1, _POINTS_A_BATCH // int(np.prod(gpts)))
    chosen = chosen_device(device)
    total = np.zeros((len(detection.names), len(thicknesses), len(positions)))
    potential: Any  # abTEM's types say less of these than what it gives
    measured: Any
    with abtem.config.set(abtem_settings(chosen)):
        for atoms in drawn:
            atoms.set_cell([*atoms.cell.lengths()[:2], bounds[-1]])
            atoms.positions[:, 2] = np.clip(atoms.positions[:, 2] + _LIFT_A, 0, bounds[-1] - _LIFT_A / 2)
            slices = tuple(np.diff(bounds, prepend=0))
            if prism:
                potential = abtem.Potential(atoms, gpts=gpts, slice_thickness=slices).build(lazy=False)
                matrix = abtem.SMatrix(potential=potential, **lens).build(lazy=False, max_batch=batch)
                lensing = abtem.CTF(**lens, **aberrations)
                measured = matrix.reduce(scan=abtem.CustomScan(positions), ctf=lensing, detectors=detectors)
            else:
                potential = abtem.Potential(atoms, gpts=gpts, slice_thickness=slices, exit_planes=exit_planes)
                measured = abtem.Probe(**lens, aberrations=aberrations, tilt=(-tilt[0], -tilt[1])).multislice(
                    potential.build(lazy=False),
                    scan=abtem.CustomScan(positions),
                    detectors=detectors,
                    max_batch=batch,
                    lazy=True,
                )
            measured = ComputableList(measured if isinstance(measured, list) else [measured])
            measured = measured.compute(
                scheduler="threads", num_workers=1 if chosen == "gpu" else threads, progress_bar=False
            )
            total += detection.fractions(measured, len(thicknesses))
    return total / len(drawn)
