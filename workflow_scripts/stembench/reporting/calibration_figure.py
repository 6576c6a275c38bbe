"""What calibration saw and what it fitted."""

import itertools
from collections.abc import Callable, Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from stembench.noise.calibrated import NoiseParameters, calibrated_noise, tukey_variates
from stembench.noise.calibration import best_window, image_parameters
from stembench.noise.decomposition import STANDARD_BINS, PatchStatistics, Trend, to_grey
from stembench.noise.lattice import lattice_estimate
from stembench.reporting.style import COLOURS, show_image, write_figure

_CROP_PX = 256
_REAL, _SYNTHETIC, _FITTED = COLOURS[:3]


def plot_calibration(images: Mapping[str, xr.DataArray], calibration: dict, destination: str) -> None:
    """A row an image: real and synthetic crops, scan trend, pointwise trend, quantiles, mean-variance line, and probe.

    Points are the real image's raw statistics, the line of their colour the raw fit, the dashed line the raw fit of a
    synthetic image with the parameters fitted to this one; dotted is the noise of these parameters, without signal.
    The probe's transfer function is shown as measured, and as fitted under each condition that describes the image.
    """
    probes = calibration.get("probes", {}).get("images", {})
    panels = 7 if probes else 6
    figure, axes = plt.subplots(
        len(images), panels, figsize=(3.2 * panels, 3.3 * len(images)), squeeze=False, layout="constrained"
    )
    for row, (name, image) in zip(axes, images.items()):
        parameters = image_parameters(calibration, name)
        grey = to_grey(np.asarray(image))
        synthetic = calibrated_noise(lattice_estimate(grey), parameters, np.random.default_rng(0))
        crop = best_window(grey, _CROP_PX)
        show_image(row[0], grey[crop], image.attrs["pixel_size_A"], f"{name}: real")
        show_image(row[1], synthetic[crop], image.attrs["pixel_size_A"], "its lattice with the fitted noise")
        statistics = [PatchStatistics.of(each) for each in (grey, synthetic)]
        real, shown = (each.raw() for each in statistics)
        _plot_trend(row[2], real.scan, shown.scan, parameters.scan_sd)
        row[2].set(xlabel="Gradient (Sobel, grey)", ylabel="SD of scan noise (grey)")
        _plot_trend(row[3], real.pointwise, shown.pointwise, parameters.pointwise_sd)
        row[3].set(xlabel="Grey level", ylabel="SD of pointwise noise (grey)")
        _plot_quantiles(row[4], statistics, parameters)
        _plot_transfer(row[5], calibration["photon_transfer"][name])
        if name in probes:
            plot_probes(row[6], probes[name])
        elif probes:
            row[6].set_axis_off()
    write_figure(figure, destination)


def _plot_trend(axes: Axes, real: Trend, synthetic: Trend, fitted: Callable[[np.ndarray], np.ndarray]) -> None:
    ends = np.linspace(0, real.centres.max(), 50)
    axes.scatter(real.centres, real.sds, s=6, color=_REAL, label="real, raw")
    axes.plot(ends, real.at(ends), color=_REAL)
    axes.plot(ends, synthetic.at(ends), "--", color=_SYNTHETIC, label="synthetic, raw")
    axes.plot(ends, fitted(ends), ":", color=_FITTED, label="fitted noise")
    axes.set(ylim=(0, None))
    axes.legend(frameon=False)


def _plot_quantiles(axes: Axes, statistics: list[PatchStatistics], parameters: NoiseParameters) -> None:
    """Pointwise noise over its SD at each grey level, against the quantiles of the fitted distribution."""
    for each, colour, label in zip(statistics, (_REAL, _SYNTHETIC), ("real", "synthetic")):
        cumulative = np.cumsum(each.histogram.sum(0)) / each.histogram.sum()
        inside = (cumulative > 1e-5) & (cumulative < 1 - 1e-5)
        quantiles = tukey_variates(cumulative[inside], parameters.tukey_lambda)
        axes.plot(quantiles, STANDARD_BINS[1:][inside], ".", ms=4, color=colour, label=label)
    axes.axline((0, 0), slope=1, color="0.7", lw=0.8)
    axes.set(xlabel=f"Tukey quantile (λ = {parameters.tukey_lambda:.3f})", ylabel="Pointwise noise (SD)")
    axes.legend(frameon=False)


def _plot_transfer(axes: Axes, transfer: dict) -> None:
    means, variances = np.array(transfer["means"]), np.array(transfer["variances"])
    axes.scatter(means, variances, s=8, color=_REAL)
    gain, dark_level = (transfer[key]["estimate"] for key in ("gain", "dark_level"))
    title = "; ".join(transfer["reasons"])
    if gain > 0:
        axes.plot(means, gain * (means - dark_level), color=_FITTED)
        title = title or f"{transfer['counts_per_px']['estimate']:.3g} electrons a pixel"
    axes.set(xlabel="Signal (raw units)", ylabel="Variance (raw units²)", ylim=(0, None))
    axes.set_title(title, fontsize=8)


def plot_probes(axes: Axes, fits: Mapping[str, dict]) -> None:
    """Draw an image's transfer function as measured, and as fitted under each condition that describes the image.

    Parameters
    ----------
    axes : Axes
        Where.
    fits : mapping of dict
        By condition, as `noise.fitted_probes.fit_probes` gives them. Thermal blur and jitter are taken off, and each
        curve is scaled to 1 at zero frequency by its own fit.
    """
    shown = {name: fit for name, fit in fits.items() if fit["plausible"]}
    for colour, (name, fit) in zip(itertools.cycle(COLOURS), shown.items()):
        k, measured, errors, fitted = (np.array(part) for part in fit["transfer"].values())
        told = errors < 0.3 * np.maximum(fitted, 0.02)
        axes.errorbar(k[told], measured[told], 2 * errors[told], fmt=".", ms=4, lw=0.8, color=colour)
        ends = "{low:.2f} to {high:.2f} Å".format(**fit["source_size_A"])
        axes.plot(k, fitted, color=colour, label=f"{name}, source {ends}")
    axes.set(xlabel="Spatial frequency (1/Å)", ylabel="Transfer function", ylim=(0, None))
    axes.legend(frameon=False, fontsize=6)
