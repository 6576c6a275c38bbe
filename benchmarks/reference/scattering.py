"""Make scattering.csv, the multislice reference for cross sections and bright-field exponents.

Two kinds of crystals: columns of one element on a square lattice 4 A wide, for the dependence on element, thickness and
spacing along the beam; and crystals of `structures/`, for columns beside one another. Tiles are those of the workflow.
The script takes one hour on one core. A row that the table holds already is not made again; delete the table to start
anew.

Columns of the table: crystal, zone, column (elements of one period; `cell` for the mean over the cell); energy [keV],
semiangle [mrad], inner and outer angle [mrad], thickness [A]; `fraction`, of the beam: the mean over the cell, or the
value at a column with a source of 0.8 A; `area` [A^2], of the cell; `atoms`, number in the cell over the thickness.
"""

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

import numpy as np
from stembench.crystals.cif import Crystal, read_crystal
from stembench.crystals.projection import Projection, project_structure
from stembench.crystals.zones import parse_zone
from stembench.imaging.limits import cutoff_angle, smallest_cell
from stembench.imaging.multislice import Tile, simulate_tile
from stembench.imaging.probe import Probe

TABLE = Path(__file__).with_suffix(".csv")
FIELDS = "crystal,zone,column,energy,semiangle,inner,outer,thickness,fraction,area,atoms"
THICKNESSES_A = (4.0, 20.0, 40.0, 60.0, 100.0)
OUTERMOST_MRAD = 160.0
SOURCE_A = 0.8
PHONONS, SEED, SLICE_A = 4, 0, 4.0
#: Inner and outer angles by energy [keV] and semi-angle [mrad].
DETECTORS: dict[tuple[int, int], tuple[tuple[float, float], ...]] = {
    (200, 24): ((80, 160), (50, 100), (27, 110), (24, 48), (12, 24), (0, 12)),
    (60, 30): ((80, 160), (50, 100), (32, 110), (15, 30), (0, 15)),
    (100, 30): ((80, 160), (50, 100), (15, 30), (0, 15)),
}
#: Crystals of `structures/`, all at 200 keV.
REAL = ("SrTiO3 110", "LiCoO2 010", "SrTiO3 001", "Si 110", "NiO 110", "TiO2 001", "graphene 001")
#: Elements and spacing along the beam [A] of the lattices, by energy.
SQUARE = {
    (200, 24): [*((Z, 4.0) for Z in ("C", "O", "Si", "Ti", "Cu", "Sr", "Ag", "Ba", "Gd", "Pt", "U"))]
    + [(element, 2.75) for element in ("O", "Cu", "Ag", "Pt")],
    (60, 30): [(element, 4.0) for element in ("C", "Si", "Cu", "Sr", "Ag", "Pt")],
    (100, 30): [(element, 4.0) for element in ("Si", "Cu", "Pt")],
}
SQUARE_B_A2 = 0.5


def square(element: str, spacing: float) -> Projection:
    cell, ones = np.diag([4.0, 4.0, spacing]), np.ones(1)
    crystal = Crystal(cell, np.zeros((1, 3)), (element,), np.zeros((1, 3)), ones, SQUARE_B_A2 * ones)
    return project_structure(crystal, (0, 0, 1))


def thicknesses(projection: Projection, layer: bool) -> list[float]:
    """Whole periods."""
    periods = {1} if layer else {max(1, round(thickness / projection.period)) for thickness in THICKNESSES_A}
    return [projection.period * count for count in sorted(periods)]


def tile_of(projection: Projection, condition: tuple[int, int], layer: bool) -> tuple[Tile, list[tuple[float, float]]]:
    probe, depths = Probe(1e3 * condition[0], condition[1]), thicknesses(projection, layer)
    detectors = {str(number): angles for number, angles in enumerate(DETECTORS[condition])}
    tile = simulate_tile(
        projection,
        probe,
        detectors,
        depths,
        cell_width=max(15.9, smallest_cell(probe, depths[-1])),
        sampling=cutoff_angle(probe.energy, 1.0) / OUTERMOST_MRAD / 1.02,
        slice_thickness=SLICE_A,
        phonons=PHONONS,
        seed=SEED,
    )
    return tile, list(detectors.values())


def rows(name: tuple[str, str], projection: Projection, condition: tuple[int, int], layer: bool) -> Iterator[tuple]:
    tile, detectors = tile_of(projection, condition, layer)
    area = float(abs(np.linalg.det(projection.lattice)))
    sites = [(column["x_A"], column["y_A"], elements(column)) for column in projection.columns]
    per_period = sum(atom["occupancy"] for column in projection.columns for atom in column["atoms"])
    for number, (inner, outer) in enumerate(detectors):
        for index, thickness in enumerate(tile.thicknesses):
            what = (*condition, inner, outer, round(float(thickness), 3))
            filled = round(area, 4), round(per_period * thickness / projection.period, 3)
            mean = tile.intensity[number, index].mean()
            yield (*name, "cell", *what, f"{mean:.5g}", *filled)
            blurred = tile.refined(str(number), index, SOURCE_A)
            yield (*name, "least", *what, f"{blurred.min():.5g}", *filled)
            yield (*name, "greatest", *what, f"{blurred.max():.5g}", *filled)
            for kind in sorted({kind for *_, kind in sites}):
                places = np.array([site[:2] for site in sites if site[2] == kind])
                value = tile.at(str(number), index, places, source_size=SOURCE_A).mean()
                yield (*name, kind, *what, f"{value:.5g}", *filled)


def elements(column: dict) -> str:
    counted = Counter(atom["element"] for atom in column["atoms"])
    return " ".join(f"{count}{element}" for element, count in sorted(counted.items()))


def crystals() -> Iterator[tuple[tuple[str, str], Projection, tuple[int, int], bool]]:
    for name in REAL:
        material, zone = name.split()
        crystal = read_crystal(REPOSITORY / "structures" / f"{material}.cif")
        yield (material, zone), project_structure(crystal, parse_zone(zone)), (200, 24), material == "graphene"
    for condition, columns in SQUARE.items():
        for element, spacing in columns:
            yield (element, f"{spacing:g} A"), square(element, spacing), condition, False


def main() -> None:
    held = set()
    if TABLE.exists():
        with open(TABLE, newline="") as file:
            held = {(row["crystal"], row["zone"], row["energy"]) for row in csv.DictReader(file)}
    else:
        TABLE.write_text(FIELDS + "\n")
    for name, projection, condition, layer in crystals():
        if (*name, str(condition[0])) not in held:
            made = list(rows(name, projection, condition, layer))
            with open(TABLE, "a", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(made)
            print(*name, *condition, flush=True)


if __name__ == "__main__":
    main()
