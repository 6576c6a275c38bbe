"""Where an object is seen, and what is drawn for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stembench.crystals.material import Material
from stembench.crystals.specimen import Specimen, crystal_slab


@dataclass(frozen=True)
class View:
    """A field of view and the crystal's place in it.

    Attributes
    ----------
    extent : tuple of float
        Height and width [A].
    margin : float
        Band around it that is filled as well [A].
    rotation : float
        In-plane rotation of the crystal [rad].
    offset : ndarray, shape (2,)
        Translation of its lattice [A].
    thickness : float
        Of the specimen, single layers apart [A].
    """

    extent: tuple[float, float]
    margin: float
    rotation: float
    offset: np.ndarray
    thickness: float

    @property
    def centre(self) -> np.ndarray:
        """Middle (x, y) of the field [A]."""
        return np.array(self.extent[::-1]) / 2

    def filled_with(self, material: Material, rotation: float = 0.0, offset: np.ndarray | float = 0.0) -> Specimen:
        """A perfect crystal, turned and moved from the view's own place by `rotation` [rad] and `offset` [A]."""
        place = (self.rotation + rotation, self.offset + offset)
        return crystal_slab(material.projection, self.extent, *place, self.margin, material.filled(self.thickness))

    def wider(self, band: float) -> "View":
        """The same field with a margin that is wider by `band` [A]."""
        return replace(self, margin=self.margin + band)

    def cut(self, specimen: Specimen) -> Specimen:
        """The atoms of a specimen in the field and its margin."""
        low, high = -self.margin, np.array(self.extent[::-1]) + self.margin
        return specimen[np.all((specimen.positions[:, :2] >= low) & (specimen.positions[:, :2] <= high), axis=1)]


class Draws(dict[str, float | str]):
    """What was drawn for an object, by name."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self.rng = rng

    def uniform(self, name: str, low: float, high: float) -> float:
        """A number between two ends, which is kept."""
        number = self[name] = float(self.rng.uniform(low, high))
        return number

    def vector(self, name: str, vector: np.ndarray) -> np.ndarray:
        """Keep the x and y of a vector [A] that was drawn."""
        self.update({f"{name}_{axis}_A": float(part) for axis, part in zip("xy", vector)})
        return vector


def in_the_middle(view: View, draws: Draws) -> np.ndarray:
    """A place (x, y) in the middle third of the field [A]."""
    sides = zip(("x", "y"), view.extent[::-1])
    return np.array([draws.uniform(f"centre_{axis}_A", side / 3, 2 * side / 3) for axis, side in sides])


def another(others: Sequence[Material], material: Material, view: View, draws: Draws) -> Specimen:
    """A crystal of another kind where there is one, at a rotation of its own."""
    different = [other for other in others if other is not material] or [material]
    chosen = different[draws.rng.integers(len(different))]
    draws.update(second_material=chosen.material, second_zone=chosen.zone)
    rotation = draws.uniform("second_rotation_rad", 0, 2 * np.pi)
    offset = [draws.uniform(f"second_offset_{axis}_A", 0, 5) for axis in ("x", "y")]
    return view.filled_with(chosen, rotation, np.array(offset))
