"""Amorphous graphene: a two-dimensional continuous random network of carbon.

`python -m stembench.crystals.amorphous FILE.cif` writes one.
"""

import argparse
from pathlib import Path

import gemmi
import numpy as np
from scipy.optimize import minimize

from stembench.crystals.cif import Crystal

#: Carbon-carbon bond length of graphene [A].
BOND_A = 1.42
#: Bond stretching and bond bending constants of the Keating potential [eV/A^2]. They give the honeycomb an area modulus
#: of 0.433 (STRETCH + BEND) = 13.7 eV/A^2 = 219 N/m; 340 N/m and Poisson's ratio 0.17 (graphene) make 205 N/m.
STRETCH, BEND = 26.06, 5.51
#: Fewest and most atoms in a ring that a bond switch may leave.
RING_LIMITS = (4, 8)
#: Shortest and longest bond, and shortest distance of atoms without one, that a bond switch may leave [A].
BOND_LIMITS_A, APART_A = (1.25, 1.65), 1.95
#: Atoms as many bonds away from a switched bond as this still relax before the switch is accepted or not.
SHELLS = 4
#: Metropolis sampling starts this many times hotter than it ends.
START_TEMPERATURE = 3
#: Third side of the cell, vacuum but for the sheet in its middle [A].
VACUUM_A = 20.0
#: In-plane B of graphite at room temperature, about [A^2].
THERMAL_B_A2 = 0.3


def amorphous_graphene(
    atoms: int, seed: int, kT_eV: float = 0.7, random_switches: float = 0.5, trials: float = 10.0
) -> Crystal:
    """A flat sheet of carbon in which every atom is bonded to three others and rings are of several sizes.

    The bond-switching procedure of Wooten, Winer and Weaire [1]_ in two dimensions, on a periodic honeycomb. A switch
    turns a bond by a right angle (Stone and Wales) and lets the atoms around it relax in the Keating potential [2]_.
    First `random_switches` an atom are made at whatever cost; then `trials` an atom are accepted or not by the
    Metropolis rule while the temperature falls to `kT_eV`; last, all atoms and both sides of the cell relax together.
    The result is a continuous random network, Zachariasen's glass [3]_, and has rings of five to eight atoms as
    monolayer amorphous carbon has [4]_, but none of its crystallites, and no ripples.

    Parameters
    ----------
    atoms : int
        Number of atoms, to the nearest that fills a nearly square cell; 60 at least, or the cell is too small for
        every pair of atoms to have one nearest image.
    seed : int
        The same seed gives the same atoms.
    kT_eV : float
        Temperature at which the network is taken [eV]; the hotter, the fewer hexagons.
    random_switches, trials : float
        Bond switches per atom.

    References
    ----------
    .. [1] Wooten F., Winer K., Weaire D., Phys. Rev. Lett. 54, 1392 (1985), doi 10.1103/PhysRevLett.54.1392.
    .. [2] Keating P. N., Phys. Rev. 145, 637 (1966), doi 10.1103/PhysRev.145.637.
    .. [3] Zachariasen W. H., J. Am. Chem. Soc. 54, 3841 (1932), doi 10.1021/ja01349a006.
    .. [4] Toh C.-T. et al., Nature 577, 199 (2020), doi 10.1038/s41586-019-1871-2.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    positions, sides = _honeycomb(atoms)
    neighbours = bonded_neighbours(_crystal(positions, sides))
    for _ in range(round(random_switches * len(positions))):
        positions, neighbours, _ = _switched(positions, neighbours, sides, rng) or (positions, neighbours, None)
    positions, sides, energy = _relaxed_sheet(positions, neighbours, sides)
    for cooling in np.linspace(START_TEMPERATURE, 1, round(trials * len(positions))):
        candidate = _switched(positions, neighbours, sides, rng)
        if candidate and rng.random() < np.exp(min(0.0, (energy - candidate[2]) / (cooling * kT_eV))):
            positions, neighbours, energy = candidate
    positions, sides, energy = _relaxed_sheet(positions, neighbours, sides)
    return _crystal(positions, sides)


def bonded_neighbours(crystal: Crystal) -> np.ndarray:
    """The three nearest neighbours of each atom of a flat sheet, counterclockwise; int array, shape (atoms, 3)."""
    sides = np.diag(crystal.cell)[:2]
    positions = crystal.positions[:, :2] * sides
    apart = _nearest_image(positions[None] - positions[:, None], sides)
    nearest = np.argsort((apart**2).sum(axis=2), axis=1)[:, 1:4]
    bonds = np.take_along_axis(apart, nearest[:, :, None], axis=1)
    turn = np.argsort(np.arctan2(bonds[..., 1], bonds[..., 0]), axis=1)
    return np.take_along_axis(nearest, turn, axis=1)


def ring_sizes(neighbours: np.ndarray) -> list[int]:
    """Number of atoms in each ring of a network in the plane, from its counterclockwise neighbours."""
    seen: set[tuple[int, int]] = set()
    sizes = []
    for atom, others in enumerate(neighbours.tolist()):
        for other in others:
            if (atom, other) not in seen:
                ring = _ring(neighbours, atom, other)
                seen.update(ring)
                sizes.append(len(ring))
    return sizes


def write_sheet(path: str | Path, crystal: Crystal, command: str) -> None:
    """Write an amorphous sheet as a CIF whose header says by what command it was made."""
    rings = np.bincount(ring_sizes(bonded_neighbours(crystal)))
    found = ", ".join(f"{count} of {size}" for size, count in enumerate(rings) if count)
    document = gemmi.cif.Document()
    block = document.add_new_block("amorphous_graphene")
    block.set_pair("_chemical_name_common", "'Amorphous graphene, a model'")
    block.set_pair("_chemical_formula_sum", f"C{len(crystal.elements)}")
    citations = block.init_loop("_citation_", ["id", "title", "journal_full", "year", "journal_volume", "page_first"])
    for row in _CITATIONS:
        citations.add_row([gemmi.cif.quote(value) for value in row])
    block.set_pair("_space_group_name_H-M_alt", "'P 1'")
    block.set_pair("_space_group_IT_number", "1")
    for side, length in zip("abc", np.diag(crystal.cell)):
        block.set_pair(f"_cell_length_{side}", f"{length:.5f}")
    for angle in ("alpha", "beta", "gamma"):
        block.set_pair(f"_cell_angle_{angle}", "90")
    block.set_pair("_cell_formula_units_Z", "1")
    block.init_loop("_space_group_symop_operation_", ["xyz"]).add_row(["'x,y,z'"])
    columns = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy", "U_iso_or_equiv"]
    sites = block.init_loop("_atom_site_", columns)
    for number, fractions in enumerate(crystal.positions, start=1):
        place = [f"{fraction:.6f}" for fraction in fractions]
        sites.add_row([f"C{number}", "C", *place, "1", f"{THERMAL_B_A2 / (8 * np.pi**2):.4f}"])
    header = _HEADER.format(number=len(crystal.elements), command=command, rings=found)
    Path(path).write_text(header + document.as_string())


_CITATIONS = [
    ("primary", "Synthesis and properties of free-standing monolayer amorphous carbon", "Nature", "2020", "577", "199"),
    (
        "procedure",
        "Computer Generation of Structural Models of Amorphous Si and Ge",
        "Phys. Rev. Lett.",
        "1985",
        "54",
        "1392",
    ),
]

_HEADER = """\
# Amorphous graphene: {number} carbon atoms in a flat periodic sheet, each bonded to three others: a model.
# Made by bond switches on a honeycomb in a Keating potential, the procedure of the second citation in two dimensions:
#   {command}
# run in workflow_scripts; stembench/crystals/amorphous.py says the potential, the switches and the temperature.
# Rings: {rings} atoms.
# The first citation reports the material, which also holds crystallites and is rippled.
# c = 20 A is not a lattice constant: it is vacuum around the sheet, which lies in the middle of the cell.
# unverified: the titles of the citations; U_iso, a typical in-plane value of graphite (B = 0.3 A^2).
"""


def _honeycomb(atoms: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions [A], shape (n, 2), and sides [A] of the most nearly square cell of about as many atoms."""
    rectangle = np.array([3**0.5, 3]) * BOND_A
    counts = np.stack(np.meshgrid(np.arange(2, 41), np.arange(2, 41)), axis=-1).reshape(-1, 2)
    misfit = np.abs(4 * counts.prod(axis=1) / atoms - 1) + np.abs(np.log(counts * rectangle) @ [1, -1])
    across, along = counts[np.argmin(misfit)]
    motif = np.array([[0, 0], [0, 1 / 3], [1 / 2, 1 / 2], [1 / 2, 5 / 6]])
    corners = np.array([[x, y] for y in range(along) for x in range(across)])
    return (corners[:, None] + motif).reshape(-1, 2) * rectangle, rectangle * [across, along]


def _switched(
    positions: np.ndarray, neighbours: np.ndarray, sides: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Positions, neighbours and energy [eV] after a bond has turned and the atoms around it have relaxed.

    None if the bond drawn cannot turn without a ring, a bond or a distance outside the limits above.
    """
    i = int(rng.integers(len(neighbours)))
    j = int(neighbours[i, rng.integers(3)])
    a, b = _after(neighbours, i, j)
    c, d = _after(neighbours, j, i)
    if len({i, j, a, b, c, d}) < 6:
        return None
    changed = neighbours.copy()
    changed[i], changed[j] = (j, b, c), (i, d, a)
    changed[a][neighbours[a] == i] = j
    changed[c][neighbours[c] == j] = i
    rings = [len(_ring(changed, *step)) for step in ((i, j), (j, i), (i, b), (j, d))]
    if min(rings) < RING_LIMITS[0] or max(rings) > RING_LIMITS[1]:
        return None
    half = _nearest_image(positions[j] - positions[i], sides) / 2
    centre, turned = positions[i] + half, np.array([-half[1], half[0]])
    moved = positions.copy()
    moved[i], moved[j] = centre - turned, centre + turned

    free = np.array([i, j])
    for _ in range(SHELLS):
        free = np.union1d(free, changed[free])

    def local(x: np.ndarray) -> tuple[float, np.ndarray]:
        moved[free] = x.reshape(-1, 2)
        energy, gradient, _ = _keating(moved, changed, sides)
        return energy, gradient[free].ravel()

    found = minimize(local, moved[free].ravel(), jac=True, method="L-BFGS-B", options={"gtol": 0.02, "maxiter": 60})
    moved[free] = found.x.reshape(-1, 2)
    apart = np.linalg.norm(_nearest_image(moved - moved[free, None], sides), axis=2)
    bonds = np.take_along_axis(apart, changed[free], axis=1)
    np.put_along_axis(apart, np.column_stack([free, changed[free]]), np.inf, axis=1)
    if bonds.min() < BOND_LIMITS_A[0] or bonds.max() > BOND_LIMITS_A[1] or apart.min() < APART_A:
        return None
    return moved, changed, float(found.fun)


def _relaxed_sheet(
    positions: np.ndarray, neighbours: np.ndarray, sides: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Positions [A], sides [A] and energy [eV] where neither an atom nor a side of the cell feels a force."""

    def whole(x: np.ndarray) -> tuple[float, np.ndarray]:
        scale = x[-2:] / sides
        energy, gradient, strain = _keating(x[:-2].reshape(-1, 2) * scale, neighbours, x[-2:])
        return energy, np.append(gradient * scale, strain / x[-2:])

    start = np.append(positions, sides)
    found = minimize(whole, start, jac=True, method="L-BFGS-B", options={"gtol": 1e-4, "maxiter": 5000, "maxfun": 9999})
    return found.x[:-2].reshape(-1, 2) * found.x[-2:] / sides, found.x[-2:], float(found.fun)


def _keating(positions: np.ndarray, neighbours: np.ndarray, sides: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Energy [eV], its gradient [eV/A], shape (n, 2), and its derivative by the two sides' strains [eV]."""
    bonds = _nearest_image(positions[neighbours] - positions[:, None], sides)
    others = bonds[:, [1, 2, 0]]
    stretch = (bonds**2).sum(axis=2) - BOND_A**2
    bend = (bonds * others).sum(axis=2) + BOND_A**2 / 2
    # every bond is seen from both its ends, every angle once
    energy = (3 / 32 * STRETCH * (stretch**2).sum() + 3 / 8 * BEND * (bend**2).sum()) / BOND_A**2
    force = 3 / 8 * STRETCH * stretch[..., None] * bonds
    force += 3 / 4 * BEND * (bend[..., None] * others + (bend[..., None] * bonds)[:, [2, 0, 1]])
    force /= BOND_A**2
    gradient = -force.sum(axis=1)
    for axis in (0, 1):
        gradient[:, axis] += np.bincount(neighbours.ravel(), force[..., axis].ravel(), len(positions))
    return float(energy), gradient, (force * bonds).sum(axis=(0, 1))


def _after(neighbours: np.ndarray, atom: int, other: int) -> tuple[int, int]:
    """The two neighbours of an atom that follow one of them counterclockwise."""
    around = neighbours[atom].tolist()
    place = around.index(other)
    return around[place - 2], around[place - 1]


def _ring(neighbours: np.ndarray, start: int, towards: int) -> list[tuple[int, int]]:
    """Steps from atom to atom around the ring on one side of a bond."""
    steps = [(start, towards)]
    while len(steps) <= len(neighbours):
        here, there = steps[-1]
        step = (there, _after(neighbours, there, here)[0])
        if step == steps[0]:
            break
        steps.append(step)
    return steps


def _nearest_image(vectors: np.ndarray, sides: np.ndarray) -> np.ndarray:
    return vectors - sides * np.round(vectors / sides)


def _crystal(positions: np.ndarray, sides: np.ndarray) -> Crystal:
    number = len(positions)
    return Crystal(
        cell=np.diag([*sides, VACUUM_A]),
        centring=np.zeros((1, 3)),
        elements=("C",) * number,
        positions=np.column_stack([positions / sides % 1, np.full(number, 0.5)]),
        occupancies=np.ones(number),
        thermal_b=np.full(number, THERMAL_B_A2),
    )


def main() -> None:
    """Write an amorphous sheet to the file named on the command line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("path", metavar="FILE.cif")
    parser.add_argument("--atoms", type=int, default=576)
    parser.add_argument("--seed", type=int, default=2020)
    given = parser.parse_args()
    command = f"python -m stembench.crystals.amorphous --atoms {given.atoms} --seed {given.seed} {given.path}"
    write_sheet(given.path, amorphous_graphene(given.atoms, given.seed), command)


if __name__ == "__main__":
    main()
