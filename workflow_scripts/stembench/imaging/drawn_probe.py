"""A probe of its own for each image: drawn around the microscope's settings, or as fitted to an instrument's images."""

from collections.abc import Mapping
from itertools import product
from math import degrees
from typing import TYPE_CHECKING, Any

import numpy as np

from stembench.imaging.conditions import detectors_of

if TYPE_CHECKING:
    from stembench.config import Condition, DrawnProbe

#: What of a condition is fitted to an instrument's images (`noise.probe_fit`), in this order.
FITTED = ("source_size_A", "source_tail", "source_tail_A", "defocus_A")

_FARTHEST = 3  # SDs
_RANGES = ("energy_keV", "semiangle_mrad", "source_size_A", "source_tail", "source_tail_A")
_ROUND = {"defocus_A": "defocus_sd_A", "c3_mm": "c3_sd_mm"}
#: Aberrations with an azimuth: its key, the spread's key, and how often it repeats in a turn.
_TURNED = {
    "astigmatism_A": ("astigmatism_angle_deg", "astigmatism_sd_A", 2),
    "coma_A": ("coma_angle_deg", "coma_sd_A", 1),
    "threefold_A": ("threefold_angle_deg", "threefold_sd_A", 3),
    "star_mm": ("star_angle_deg", "star_sd_mm", 2),
}


def drawn_condition(condition: "Condition", drawn: "DrawnProbe", rng: np.random.Generator) -> "Condition":
    """Return the microscope settings of one image.

    Parameters
    ----------
    condition : Condition
        What the microscope is set to.
    drawn : DrawnProbe
        Ranges, from which its values are replaced uniformly, and spreads: defocus and C3 get a normal variate, each
        aberration with an azimuth one for each of its two components. Variates beyond 3 SD are set to 3 SD.
    rng : numpy.random.Generator
        Source of the draws.
    """
    values: dict[str, Any] = {
        key: float(rng.uniform(*ends)) for key in _RANGES if (ends := getattr(drawn, key)) is not None
    }
    for key, spread in _ROUND.items():
        values[key] = getattr(condition, key) + getattr(drawn, spread) * _variate(rng)
    for key, (angle, spread, fold) in _TURNED.items():
        known = getattr(condition, key) * np.exp(1j * fold * np.deg2rad(getattr(condition, angle)))
        whole = known + getattr(drawn, spread) * complex(_variate(rng), _variate(rng))
        values |= {key: float(abs(whole)), angle: degrees(np.angle(whole)) / fold}
    return condition.model_copy(update=values)


def extreme_conditions(condition: "Condition", drawn: "DrawnProbe") -> list["Condition"]:
    """Return settings between which `drawn_condition` draws: every pair of ends, each aberration at its largest."""
    ends = {key: getattr(drawn, key) or (getattr(condition, key),) for key in _RANGES}
    for key, spread in _ROUND.items():
        reach = _FARTHEST * getattr(drawn, spread)
        ends[key] = (getattr(condition, key) - reach, getattr(condition, key) + reach)
    for key, (_, spread, _) in _TURNED.items():
        ends[key] = (getattr(condition, key) + _FARTHEST * np.sqrt(2) * getattr(drawn, spread),)
    listed = {"detectors_mrad": tuple(detectors_of(condition).values())}
    return [condition.model_copy(update=dict(zip(ends, each)) | listed) for each in product(*ends.values())]


def fitted_conditions(calibration: dict, conditions: Mapping[str, "Condition"]) -> list[list[tuple[str, "Condition"]]]:
    """Return the settings that each image of a stored calibration allows: names of conditions, and their settings.

    Parameters
    ----------
    calibration : dict
        As it is stored, with `probes` as `noise.fitted_probes.fit_probes` gives them.
    conditions : mapping of Condition
        The conditions that may be taken, by name.
    """
    allowed = []
    for fits in calibration.get("probes", {}).get("images", {}).values():
        settings = [
            (name, conditions[name].model_copy(update=dict(zip(FITTED, draw))))
            for name, fit in fits.items()
            if fit["plausible"] and name in conditions
            for draw in fit["draws"]
        ]
        allowed += [settings] if settings else []
    return allowed


def _variate(rng: np.random.Generator) -> float:
    return float(np.clip(rng.normal(), -_FARTHEST, _FARTHEST))
