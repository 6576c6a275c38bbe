"""What calibration saw and what it fitted."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from scipy import ndimage, stats

from stembench.noise.calibrated import NoiseParameters, calibrated_noise
from stembench.noise.calibration import lattice_estimate
from stembench.noise.decomposition import SMOOTH_PX, Trend, raw_statistics, to_grey
from stembench.reporting.style import COLOURS, show_image, write_figure

_CROP_PX = 256


def plot_calibration(images: Mapping[str, xr.DataArray], parameters: NoiseParameters, destination: str) -> None:
    """A row an image: real and synthetic crops, scan trend, pointwise trend, and the pointwise quantiles.

    Points are the real image's raw statistics, the line is what is fitted to them, and the dashed line is the raw trend
    of a synthetic image with the instrument's parameters.
    """
    figure, axes = plt.subplots(len(images), 5, figsize=(16, 3.4 * len(images)), squeeze=False, layout="constrained")
    for row, (name, image) in zip(axes, images.items()):
        grey = to_grey(np.asarray(image))
        lattice = lattice_estimate(grey)
        synthetic = calibrated_noise(lattice, parameters, np.random.default_rng(0))
        real_raw, synthetic_raw = raw_statistics(grey), raw_statistics(synthetic)
        crop = _most_structured(lattice)
        show_image(row[0], grey[crop], image.attrs["pixel_size_A"], f"{name}: real")
        show_image(row[1], synthetic[crop], image.attrs["pixel_size_A"], "same lattice, calibrated noise")
        _plot_trend(row[2], real_raw.scan, synthetic_raw.scan, "Gradient (Sobel, grey)", "Scan-noise SD (grey)")
        _plot_trend(row[3], real_raw.pointwise, synthetic_raw.pointwise, "Grey level", "Pointwise-noise SD (grey)")
        for values, colour, label in ((grey, COLOURS[0], "real"), (synthetic, COLOURS[1], "synthetic")):
            _plot_quantiles(row[4], values, parameters.tukey_lambda, colour, label)
        row[4].set(xlabel=f"Tukey quantile (λ = {parameters.tukey_lambda:.3f})", ylabel="Pointwise noise (SD)")
        row[4].legend(frameon=False)
    write_figure(figure, destination)


def _most_structured(lattice: np.ndarray) -> tuple[slice, slice]:
    """The window in which the lattice is seen best."""
    contrast = ndimage.uniform_filter((lattice - ndimage.gaussian_filter(lattice, 16)) ** 2, _CROP_PX)
    half = _CROP_PX // 2
    y, x = np.unravel_index(contrast[half:-half, half:-half].argmax(), [n - 2 * half for n in lattice.shape])
    return slice(y, y + _CROP_PX), slice(x, x + _CROP_PX)


def _plot_trend(axes, real: Trend, synthetic: Trend, xlabel: str, ylabel: str) -> None:
    ends = np.array([0, real.centres.max()])
    axes.scatter(real.centres, real.sds, s=8, color=COLOURS[0], label="real")
    axes.plot(ends, real.intercept + real.slope * ends, color=COLOURS[0], label="raw fit, real")
    axes.plot(ends, synthetic.intercept + synthetic.slope * ends, "--", color=COLOURS[1], label="raw fit, synthetic")
    axes.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, None))
    axes.legend(frameon=False)


def _plot_quantiles(axes, grey: np.ndarray, shape: float, colour: str, label: str) -> None:
    noise = np.sort((grey - ndimage.gaussian_filter1d(grey, SMOOTH_PX, axis=1)).ravel())[:: max(1, grey.size // 500)]
    probabilities = (np.arange(len(noise)) + 0.5) / len(noise)
    axes.plot(stats.tukeylambda.ppf(probabilities, shape), noise / noise.std(), ".", ms=3, color=colour, label=label)
