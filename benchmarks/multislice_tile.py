"""A field of view from a periodic tile against abTEM's scans of a cell as wide as the field.

For SrTiO3 [110] and wurtzite GaN [0001], static atoms, 200 keV, 24 mrad: a 40 A image of 256 x 256 px, turned and
shifted at random, is compared at 500 of its pixels with abTEM's multislice on a cell of about 40 A that ASE builds.
`max_error` is the largest difference in units of the maximum, over both detectors. The peers' times are scaled from
500 positions to 65,536: multislice's from those positions, PRISM's from a patch of 25 x 20 pixels, because it reduces
neighbours ten times as fast. All use the same sampling, slices, detectors and two threads, the peers abTEM's default
FFT planning, which is the faster one. PRISM interpolates by 2, so that its probe window is about as wide as the tile's
cell; without interpolation it takes longer still. The peers' grid points are as close as the tile's: static high-angle
intensities change by several per cent with the sampling. C-PRISM (`abtem.SMatrix(upsample=True)`) is in no release of
abTEM up to 1.0.11 and is not compared.
"""

import sys
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow_scripts"))

import abtem
import numpy as np
from abtem.array import ComputableList
from ase import Atoms
from ase.build import bulk, make_supercell
from stembench.crystals.cif import Crystal, read_crystal
from stembench.crystals.projection import project_structure
from stembench.imaging.multislice import simulate_tile
from stembench.imaging.probe import Probe

PROBE = Probe(200e3, 24.0, 0.8)
DETECTORS = {"ABF": (11.0, 22.0), "HAADF": (60.0, 80.0)}
SAMPLING, SLICE, CELL_WIDTH, THREADS = 0.1, 2.0, 24.0, 2
SHAPE, FIELD, POSITIONS = (256, 256), 40.0, 500


def strontium_titanate() -> tuple[Crystal, tuple[int, int, int], Atoms, np.ndarray, tuple[int, int]]:
    """SrTiO3: crystal, zone axis, 39 A cell with z along [110], its x and y in crystal axes, grid points."""
    a = 3.905
    sites = [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    cubic = Atoms("SrTiO3", scaled_positions=sites, cell=[a] * 3, pbc=True)
    axes = np.array([[0, 0, 1], [1, -1, 0], [1, 1, 0]])
    turned = make_supercell(cubic, axes)
    unit = axes / np.linalg.norm(axes, axis=1)[:, None]
    cell = Atoms(turned.numbers, turned.positions @ unit.T, cell=a * np.linalg.norm(axes, axis=1), pbc=True)
    cell.wrap(eps=1e-4)
    crystal = read_crystal(ROOT / "structures" / "SrTiO3.cif")
    return crystal, (1, 1, 0), cell * (10, 7, 8), unit[:2], (420, 420)


def gallium_nitride() -> tuple[Crystal, tuple[int, int, int], Atoms, np.ndarray, tuple[int, int]]:
    """GaN: crystal, zone axis, 38 A cell with z along [0001], its x and y in crystal axes, grid points."""
    gan = bulk("GaN", "wurtzite", a=3.189, c=5.185)
    nothing = np.zeros(len(gan))
    crystal = Crystal(
        np.array(gan.cell), np.zeros((1, 3)), tuple(gan.symbols), gan.get_scaled_positions(), nothing + 1, nothing
    )
    cell = make_supercell(gan, [[1, 0, 0], [1, 2, 0], [0, 0, 1]])
    cell = Atoms(cell.numbers, cell.positions, cell=np.diag(cell.cell), pbc=True)
    cell.wrap(eps=1e-4)
    return crystal, (0, 0, 1), cell * (12, 7, 8), np.eye(3)[:2], (432, 420)


def compare(name: str, crystal: Crystal, zone: tuple, atoms: Atoms, axes: np.ndarray, gpts: tuple[int, int]) -> None:
    """Print error and ratios for one material."""
    generator = np.random.default_rng(7)
    rotation, offset = generator.uniform(0, 2 * np.pi), generator.uniform(0, 10, 2)
    pixels = generator.integers(SHAPE, size=(POSITIONS, 2))
    pixel_size, thickness = FIELD / SHAPE[0], float(atoms.cell[2, 2])

    start = perf_counter()
    projection = project_structure(crystal, zone)
    settings = {"cell_width": CELL_WIDTH, "sampling": SAMPLING, "slice_thickness": SLICE}
    tile = simulate_tile(projection, PROBE, DETECTORS, [thickness], **settings, phonons=0, seed=0, threads=THREADS)
    tile_seconds = perf_counter() - start
    view = (0, SHAPE, pixel_size, rotation, offset)
    tile.image("HAADF", *view, PROBE.source_size)
    start = perf_counter()
    images = {mode: tile.image(mode, *view) for mode in DETECTORS}
    image_seconds = (perf_counter() - start) / len(DETECTORS)

    turn = np.array([[np.cos(rotation), np.sin(rotation)], [-np.sin(rotation), np.cos(rotation)]])
    in_crystal = ((pixels[:, ::-1] * pixel_size - offset) @ turn.T) @ projection.frame[:2]
    positions = (in_crystal @ axes.T) % np.diag(atoms.cell)[:2]

    start = perf_counter()
    atoms.positions[:, 2] += 1e-3  # no layer on a slice's boundary
    step = projection.period / np.ceil(projection.period / SLICE)
    potential = abtem.Potential(atoms, gpts=gpts, slice_thickness=step).build(lazy=False)
    potential_seconds = perf_counter() - start
    rings = [abtem.AnnularDetector(*angles) for angles in DETECTORS.values()]
    scan = abtem.CustomScan(positions)
    lens = {"energy": PROBE.energy, "semiangle_cutoff": PROBE.semiangle}

    start = perf_counter()
    direct = compute(abtem.Probe(**lens).multislice(potential, scan=scan, detectors=rings, max_batch=8, lazy=True))
    direct_seconds = perf_counter() - start

    start = perf_counter()
    matrix = abtem.SMatrix(potential=potential, interpolation=2, **lens).build(max_batch=16, lazy=True)
    matrix = matrix.compute(scheduler="threads", num_workers=THREADS, progress_bar=False)
    matrix_seconds = perf_counter() - start
    prism = compute(matrix.reduce(scan, detectors=rings, max_batch_reduction=250))
    patch = abtem.GridScan(
        start=(0, 0), end=(25 * pixel_size, 20 * pixel_size), gpts=(25, POSITIONS // 25), endpoint=False
    )
    start = perf_counter()
    compute(matrix.reduce(patch, detectors=rings, max_batch_reduction=250))
    reduction_seconds = perf_counter() - start

    whole = SHAPE[0] * SHAPE[1] / POSITIONS
    ours = np.stack([images[mode][*pixels.T] for mode in DETECTORS])
    greatest = np.stack([image.max() for image in images.values()])[:, None]
    one_image = tile_seconds + image_seconds
    for key, value in {
        "material": name,
        "thickness_A": thickness,
        "tile_cell_A": " x ".join(f"{edge:.2f}" for edge in tile.settings["cell_A"]),
        "peer_cell_A": " x ".join(f"{edge:.2f}" for edge in np.diag(atoms.cell)[:2]),
        "tile_seconds": tile_seconds,
        "multislice_seconds_500": direct_seconds,
        "prism_matrix_seconds": matrix_seconds,
        "prism_reduction_seconds_500": reduction_seconds,
        "prism_max_error": (abs(prism - direct) / greatest).max(),
        "seconds_an_image": image_seconds,
        "max_error": (abs(ours - direct) / greatest).max(),
        "speedup_multislice": (potential_seconds + whole * direct_seconds) / one_image,
        "speedup_prism": (potential_seconds + matrix_seconds + whole * reduction_seconds) / one_image,
    }.items():
        print(f"{key}: {value if isinstance(value, str) else f'{value:.4g}'}", flush=True)


def compute(measured: list) -> np.ndarray:
    """Values of abTEM's lazy measurements, shape (detectors, positions)."""
    lists = ComputableList(measured).compute(scheduler="threads", num_workers=THREADS, progress_bar=False)
    return np.stack([each.array for each in lists])


if __name__ == "__main__":
    abtem.config.set({"diagnostics.progress_bar": False, "fftw.threads": 1})
    warm_up = project_structure(strontium_titanate()[0], (0, 0, 1))
    simulate_tile(
        warm_up, PROBE, DETECTORS, [4.0], cell_width=12.0, sampling=SAMPLING, slice_thickness=SLICE, phonons=0, seed=0
    )
    compare("SrTiO3 [110]", *strontium_titanate())
    compare("GaN [0001]", *gallium_nitride())
