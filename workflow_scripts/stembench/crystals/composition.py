"""How columns are named: by what they hold."""

from ase.data import atomic_numbers


def composition(column: dict) -> str:
    """What a column holds in one period: `Ti + O`, `2 Si`, `0.5 Pt`."""
    amounts: dict[str, float] = {}
    for atom in column["atoms"]:
        amounts[atom["element"]] = amounts.get(atom["element"], 0.0) + atom["occupancy"]
    ordered = sorted(amounts.items(), key=lambda item: -atomic_numbers[item[0]])
    return " + ".join(e if abs(n - 1) < 1e-3 else f"{n:.3g} {e}" for e, n in ordered)
