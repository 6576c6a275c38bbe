"""Noise parameters of an instrument, from its raw images, and what else they tell of it: gain, dose and row jitter."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import scipy  # whose `stats` takes long to load: it does where it is used
import xarray as xr
from scipy import ndimage

from stembench.errors import InputError
from stembench.imaging.detectors import DARK_FIELD
from stembench.noise.calibrated import NoiseParameters, calibrated_noise, smooth_gradient
from stembench.noise.decomposition import GREY_PERCENTILES, RawStatistics, grey_scale, raw_statistics, to_grey
from stembench.noise.fitting import BOUNDS, NoiseFit, fit_parameters
from stembench.noise.lattice import lattice_estimate
from stembench.noise.photon_transfer import PhotonTransfer, photon_transfer
from stembench.noise.registration import row_jitter_sd
from stembench.noise.suitability import doubts, measured_window, refuse_unfit

_LARGEST_FITTED_PX = 768  # a side: half a million pixels fix the parameters to a few per cent, in seconds
_LARGEST_SEEN_PX = 2048  # a side, for everything else
_FINEST_A, _COARSEST_A = 0.04, 0.3  # pixels that a column spreads over some of, and that tell columns apart
_ROOM = 1.1  # around the pixel sizes of an instrument's images
_PARAMETERS = tuple(field.name for field in fields(NoiseParameters))
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageCalibration:
    """What one image tells of its instrument.

    Attributes
    ----------
    fit : NoiseFit
        Parameters of row displacements, scan and pointwise noise.
    raw, synthetic_raw : RawStatistics
        Of the whole image, and of its lattice with the fitted noise; what is left between them is the residual.
    transfer : PhotonTransfer
        Gain and dose.
    jitter, jitter_errors : ndarray, shape (2,)
        SD of row displacements along x and y of the whole image [px], and their standard errors.
    grey_ends : tuple of float
        Grey levels of the image's 0.1 and 99.9 percentiles, on the scale of the parameters.
    flags : list of str
        What makes it doubtful.
    """

    fit: NoiseFit
    raw: RawStatistics
    synthetic_raw: RawStatistics
    transfer: PhotonTransfer
    jitter: np.ndarray
    jitter_errors: np.ndarray
    grey_ends: tuple[float, float]
    flags: list[str]


def calibrated_part(image: xr.DataArray) -> xr.DataArray:
    """What of a lab image tells of its noise.

    It is the middle frame of a stack, there the largest rectangle in which every pixel was measured, binned until its
    pixels are at least 0.04 A, and of that the steepest 2048 px a side.

    Parameters
    ----------
    image : DataArray, dims (y, x) or (frame, y, x)
        Intensities, NaN where nothing was measured, with `pixel_size_A` as an attribute.
    """
    if "frame" in image.dims:
        image = image.isel(frame=image.sizes["frame"] // 2)
    image = image[measured_window(image.values)]
    pixel_size = image.attrs["pixel_size_A"]
    if (binning := int(np.ceil(round(_FINEST_A / pixel_size, 6)))) > 1:
        binned = image.astype(float).coarsen(y=binning, x=binning, boundary="trim").mean()
        image = binned.assign_attrs(image.attrs | {"pixel_size_A": pixel_size * binning})
    return image[best_window(image.values.astype(float), _LARGEST_SEEN_PX)]


def calibrate(images: Mapping[str, np.ndarray | xr.DataArray], seed: int = 0, *, mode: str | None = None) -> dict:
    """Calibrate the noise of one instrument.

    Images that cannot be calibrated on are left out, and a warning says why.

    Parameters
    ----------
    images : mapping of str to array, shape (rows, columns)
        Raw images by name, scanned along the rows, at least 128 px a side. The attributes `pixel_size_A` and `mode` of
        a DataArray give jitter and dose their units, and the contrast that is expected.
    seed : int
        Of the synthetic images and the bootstrap.
    mode : str, optional
        Detector whose noise is asked for: images of the other contrast are left out.

    Returns
    -------
    dict
        `images`, those that were calibrated on; `left_out`, why others were not, by name; `pixel_sizes_A` of the
        former, as far as they are known.
        `fitted`: each parameter's `mean` over images, its `standard_error`, 95 % interval (`low`, `high`) and the
        `spread` (SD) over images, 0 for a single one.
        By image: `image_fits` (each parameter's `estimate`, `standard_error`, `low`, `high`); `raw` (the published
        statistics, `raw_*`) and `synthetic_raw` (the same of its lattice with the fitted noise); `photon_transfer`
        (gain, dark level, counts and dose, the `means` and `variances` behind them, whether the line holds, and if
        not, why); `row_jitter` (SD of row displacements along `x` and `y` [pm], or [px] without a pixel size);
        `grey_ends` (grey levels of its 0.1 and 99.9 percentiles; 0 and 255 but for 8-bit images, which are taken as
        they are); `flags` (reasons for doubt).

    Raises
    ------
    InputError
        If no image can be calibrated on; the message names each.
    """
    found, sizes, left_out = {}, {}, {}
    for number, (name, image) in enumerate(images.items()):
        attributes = getattr(image, "attrs", {})
        sizes[name] = attributes.get("pixel_size_A")
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        try:
            _refuse_other_contrast(attributes.get("mode"), mode)
            found[name] = calibrate_image(np.asarray(image), attributes.get("mode"), rng)
        except InputError as error:
            left_out[name] = str(error)
            continue
        for flag in found[name].flags:
            _log.warning("%s: %s", name, flag)
    told = [f"{name} cannot calibrate noise: {reason}" for name, reason in left_out.items()]
    if not found:
        raise InputError("\n".join([*told, "give raw images (instrument.from, calibration.instruments)"]))
    for line in told:
        _log.warning("%s; it is left out", line)
    return {
        "images": list(found),
        "left_out": left_out,
        "pixel_sizes_A": {name: size for name, size in sizes.items() if name in found and size},
        "fitted": {name: _pooled([each.fit for each in found.values()], name) for name in _PARAMETERS},
        "image_fits": {key: {name: _stated(each.fit, name) for name in _PARAMETERS} for key, each in found.items()},
        "raw": {key: each.raw.to_dict() for key, each in found.items()},
        "synthetic_raw": {key: each.synthetic_raw.to_dict() for key, each in found.items()},
        "photon_transfer": {key: each.transfer.to_dict(sizes[key]) for key, each in found.items()},
        "row_jitter": {key: _jitter(each, sizes[key]) for key, each in found.items()},
        "grey_ends": {key: list(each.grey_ends) for key, each in found.items()},
        "flags": {key: each.flags for key, each in found.items()},
    }


def _refuse_other_contrast(shown: str | None, asked: str | None) -> None:
    if shown and asked and (shown in DARK_FIELD) != (asked in DARK_FIELD):
        raise InputError(f"it is of {shown}, and the noise of {asked} is asked for; correct one of the two modes")


def calibrate_image(image: np.ndarray, mode: str | None, rng: np.random.Generator) -> ImageCalibration:
    """Calibrate on one image.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        Raw intensities, scanned along the rows.
    mode : str, optional
        Detector that it is said to be of.
    rng : numpy.random.Generator
        Of the synthetic images and the bootstrap.

    Raises
    ------
    InputError
        If that cannot be done.
    """
    refuse_unfit(image)
    grey = to_grey(image)
    fit = fit_parameters(grey[best_window(grey, _LARGEST_FITTED_PX)], rng)
    lattice = lattice_estimate(grey)
    low, scale = grey_scale(image)
    jitter, jitter_errors = row_jitter_sd(grey, lattice, rng)
    return ImageCalibration(
        fit=fit,
        raw=raw_statistics(grey),
        synthetic_raw=raw_statistics(calibrated_noise(lattice, fit.parameters, rng)),
        transfer=photon_transfer(image.astype(float), low + lattice / scale, rng),
        jitter=jitter,
        jitter_errors=jitter_errors,
        grey_ends=tuple(np.percentile(grey, GREY_PERCENTILES).tolist()),
        flags=doubts(image, lattice, mode),
    )


def best_window(image: np.ndarray, side: int) -> tuple[slice, slice]:
    """The window of at most `side` x `side` px that shows the steepest slopes, which noise moves least."""
    rows, columns = (min(n, side) for n in image.shape)
    if (rows, columns) == image.shape:
        return slice(None), slice(None)
    steepness = ndimage.uniform_filter(smooth_gradient(image) ** 2, (rows, columns))
    inside = steepness[rows // 2 : rows // 2 + image.shape[0] - rows + 1, columns // 2 :]
    inside = inside[:, : image.shape[1] - columns + 1]
    y, x = np.unravel_index(inside.argmax(), inside.shape)
    return slice(y, y + rows), slice(x, x + columns)


def parameters_of(calibration: dict) -> NoiseParameters:
    """The mean parameters of a stored calibration."""
    return NoiseParameters(**{name: calibration["fitted"][name]["mean"] for name in _PARAMETERS})


def image_parameters(calibration: dict, image: str) -> NoiseParameters:
    """The parameters that a stored calibration found for one of its images."""
    return NoiseParameters(**{name: calibration["image_fits"][image][name]["estimate"] for name in _PARAMETERS})


def drawn_parameters(calibration: dict, rng: np.random.Generator) -> tuple[NoiseParameters, tuple[float, float]]:
    """Parameters of one synthetic image, and the grey levels at the ends of its scale.

    They are those of one of the instrument's images, drawn at random, within their standard errors: so they keep
    together what belongs together, and spread as the images do.
    """
    names = list(calibration["image_fits"])
    chosen = names[rng.integers(len(names))]
    fits = {name: calibration["image_fits"][chosen][name] for name in _PARAMETERS}
    drawn = {name: float(rng.normal(each["estimate"], each["standard_error"])) for name, each in fits.items()}
    for name, ends in BOUNDS.items():
        drawn[name] = float(np.clip(drawn[name], *ends))
    return NoiseParameters(**drawn), tuple(calibration["grey_ends"][chosen])


def pixel_size_range(calibration: dict) -> tuple[float, float]:
    """Pixel sizes [A] around those of the images of a stored calibration, with columns in sight.

    Raises
    ------
    InputError
        If none is known.
    """
    sizes = np.clip(list(calibration["pixel_sizes_A"].values()), _FINEST_A, _COARSEST_A)
    if not len(sizes):
        raise InputError(f"{calibration['instrument']}: no pixel size of its images is known; give the dataset a range")
    return float(sizes.min() / _ROOM), float(sizes.max() * _ROOM)


def _stated(fit: NoiseFit, name: str) -> dict[str, float]:
    low, high = fit.interval(name)
    error = fit.standard_errors[name]
    return {"estimate": getattr(fit.parameters, name), "standard_error": error, "low": low, "high": high}


def _pooled(fits: list[NoiseFit], name: str) -> dict[str, float]:
    """Mean over images; its error is that of the estimates or, if they spread further, that of their spread."""
    values = np.array([getattr(fit.parameters, name) for fit in fits])
    within = np.mean([fit.standard_errors[name] ** 2 for fit in fits])
    spread = values.std(ddof=1) if len(values) > 1 else 0.0
    error = np.sqrt(max(within, spread**2) / len(values))
    reach = error * (scipy.stats.t.ppf(0.975, len(values) - 1) if spread**2 > within else 1.96)
    mean = values.mean()
    pooled = {"mean": mean, "standard_error": error, "low": mean - reach, "high": mean + reach, "spread": spread}
    return {key: float(value) for key, value in pooled.items()}


def _jitter(found: ImageCalibration, pixel_size: float | None) -> dict:
    scale, unit = (pixel_size * 100, "pm") if pixel_size else (1.0, "px")
    return {
        f"{axis}_{unit}": {"estimate": float(sd) * scale, "standard_error": float(error) * scale}
        for axis, sd, error in zip("xy", found.jitter, found.jitter_errors)
    }
