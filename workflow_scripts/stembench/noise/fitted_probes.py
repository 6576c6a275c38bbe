"""The probes that an instrument may have had, fitted to the images that its noise is calibrated on."""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from stembench.errors import InputError
from stembench.imaging.conditions import probe_of
from stembench.imaging.detectors import DARK_FIELD
from stembench.imaging.drawn_probe import FITTED
from stembench.noise.calibration import best_window
from stembench.noise.probe_fit import ALIKE, ASSUMED_B, ProbeFit, fit_probe

if TYPE_CHECKING:
    from stembench.config import Condition

_FIELD_A = 36.0  # edge of what is fitted to, the steepest part of an image
_DECIMALS = 4
_log = logging.getLogger(__name__)


def fit_probes(
    images: Mapping[str, xr.DataArray],
    conditions: Mapping[str, "Condition"],
    row_jitter: Mapping[str, dict],
    mode: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Fit source and defocus to images, under each condition that they may have been recorded at.

    An image whose pixel size is not known, or with too few columns, is left out, and a warning says why.

    Parameters
    ----------
    images : mapping of DataArray, dims (y, x)
        Images by name, with `pixel_size_A` and `mode` as attributes.
    conditions : mapping of Condition
        Imaging conditions by name: energy, semi-angle and aberrations but the defocus are theirs.
    row_jitter : mapping of dict
        As `noise.calibration.calibrate` gives it.
    mode : str, optional
        Detector of the images; each image's own where it is not given.
    seed : int
        Of the draws.

    Returns
    -------
    dict
        `assumed_B_A2`; `images`, by image and condition: `draws`, values of `FITTED` that are equally likely; of each
        its `mean` and 95 % interval (`low`, `high`); `plausible`, whether the condition describes the image about as
        well as the best one; `transfer`: `frequencies` [1/A], `measured`, `errors`, `fitted`. `left_out`, why others
        were not fitted, by name.
    """
    fitted, left_out = {}, {}
    for number, (name, image) in enumerate(images.items()):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        pixel_size = image.attrs.get("pixel_size_A")
        if not pixel_size:
            left_out[name] = "its pixel size is not known"
            continue
        jitter = (
            [row_jitter[name][f"{axis}_pm"]["estimate"] / 100 for axis in "xy"] if name in row_jitter else (0.0, 0.0)
        )
        grey = np.asarray(image, float)
        grey = grey[best_window(grey, round(_FIELD_A / pixel_size))]
        bright = grey if (mode or image.attrs.get("mode") or "HAADF") in DARK_FIELD else grey.max() - grey
        try:
            fits = {key: fit_probe(bright, pixel_size, probe_of(each), rng, jitter) for key, each in conditions.items()}
        except InputError as error:
            left_out[name] = str(error)
            continue
        best = min(fit.score for fit in fits.values())
        fitted[name] = {key: _stated(fit, plausible=fit.score <= ALIKE * best) for key, fit in fits.items()}
    for name, reason in left_out.items():
        _log.warning("%s: no probe is fitted: %s", name, reason)
    if not fitted:
        _log.warning("no image tells of the probe; the conditions' own probes are used")
    return {"assumed_B_A2": ASSUMED_B, "images": fitted, "left_out": left_out}


def _stated(fit: ProbeFit, *, plausible: bool) -> dict[str, Any]:
    low, high = np.percentile(fit.draws, (2.5, 97.5), axis=0)
    parts = {"mean": fit.draws.mean(axis=0), "low": low, "high": high}
    curves = {"frequencies": fit.frequencies, "measured": fit.measured, "errors": fit.errors, "fitted": fit.fitted}
    return {
        "plausible": bool(plausible),
        **{key: {part: _rounded(values[i]) for part, values in parts.items()} for i, key in enumerate(FITTED)},
        "draws": _rounded(fit.draws),
        "transfer": {key: _rounded(values) for key, values in curves.items()},
    }


def _rounded(values: np.ndarray | Sequence[float]) -> Any:
    return np.round(values, _DECIMALS).tolist()
