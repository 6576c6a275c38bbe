"""What all multislice tiles of the library cost at full scale, from tiles that are measured.

A few tiles are simulated thin and at rest on one core; their time for a unit of work, transforms of the wave function,
gives that of every material, zone axis and imaging condition of the default configuration. `snakemake tiles --cores all
--config scale=full` makes them.
"""

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import sys
from pathlib import Path
from time import perf_counter

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

import numpy as np
from stembench.config import Condition, Config
from stembench.crystals.cif import read_crystal
from stembench.crystals.materials import find_materials
from stembench.crystals.projection import Projection, project_structure
from stembench.crystals.zones import parse_zone
from stembench.errors import InputError
from stembench.imaging.conditions import detectors_of, probe_of
from stembench.imaging.limits import cell_width
from stembench.imaging.multislice import simulate_tile
from stembench.imaging.tile_plan import TilePlan

CONFIG = Config()
FULL, SETTINGS = CONFIG.scales["full"], CONFIG.multislice
MEASURED = (
    ("Pt", "001", "200keV_24mrad", 10.0),
    ("SrTiO3", "001", "100keV_30mrad", 6.0),
    ("MoS2", "001", "60keV_30mrad", 20.0),
)


def projection(material: str, zone: str) -> Projection:
    return project_structure(read_crystal(REPOSITORY / "structures" / f"{material}.cif"), parse_zone(zone))


def plan(crystal: Projection, condition: Condition, thickness: float) -> TilePlan:
    width = cell_width(probe_of(condition), thickness, SETTINGS.cell_A)
    return TilePlan.of(crystal, probe_of(condition), width, SETTINGS.sampling_A, SETTINGS.slice_A)


def seconds_a_transform(material: str, zone: str, name: str, thickness: float) -> float:
    crystal, condition = projection(material, zone), CONFIG.imaging.conditions[name]
    work = plan(crystal, condition, thickness).transforms(thickness)
    started = perf_counter()
    simulate_tile(
        crystal,
        probe_of(condition),
        detectors_of(condition),
        [thickness],
        cell_width=cell_width(probe_of(condition), thickness, SETTINGS.cell_A),
        sampling=SETTINGS.sampling_A,
        slice_thickness=SETTINGS.slice_A,
        phonons=0,
        seed=0,
    )
    return (perf_counter() - started) / work


if __name__ == "__main__":
    simulate_tile(
        projection("Pt", "001"),
        probe_of(CONFIG.imaging.conditions["200keV_24mrad"]),
        {"HAADF": (40, 60)},
        [4.0],
        cell_width=12.0,
        sampling=0.13,
        slice_thickness=2.0,
        phonons=0,
        seed=0,
    )  # abTEM compiles what it needs
    costs = [seconds_a_transform(*tile) for tile in MEASURED]
    for tile, cost in zip(MEASURED, costs):
        print(f"measured {tile[0]} [{tile[1]}] {tile[2]}: {1e9 * cost:.2f} ns a transform point")
    tiles, total = 0, 0.0
    for material, zones in find_materials(REPOSITORY / "structures", CONFIG).items():
        for zone in zones:
            crystal, hours = projection(material, zone), 0.0
            thickness = crystal.period if material in CONFIG.structures.single_layers else FULL.thickest_A
            try:
                for name in SETTINGS.conditions:
                    work = plan(crystal, CONFIG.imaging.conditions[name], thickness).transforms(thickness)
                    hours += np.mean(costs) * work * max(FULL.phonons, 1) / 3600
                    tiles += 1
            except InputError as error:
                print(f"{material} [{zone}]: {error}")
            print(f"{material} [{zone}]: {hours:.1f} core hours", flush=True)
            total += hours
    print(f"tiles: {tiles}")
    print(f"core_hours: {total:.0f}")
