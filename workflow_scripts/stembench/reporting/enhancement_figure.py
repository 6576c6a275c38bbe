"""Enhancement shown on images."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt

from stembench.baselines.filters import FilterSettings, apply_filter
from stembench.datasets.store import open_shards, read_table
from stembench.evaluation.metrics import image_quality
from stembench.evaluation.tuning import dose_levels, read_tuning
from stembench.networks.registry import TrainedNetwork
from stembench.reporting.style import show_image, write_figure

_STRUCTURES = 3


def plot_enhancement(shards: Sequence[str], network: str, settings: Sequence[str], destination: str) -> None:
    """Some structures at their lowest but one dose: image, each filter, the network, the truth, each with its PSNR."""
    samples, stored = read_table(shards, "samples"), open_shards(shards, ["image", "noBackgroundnoNoise"])
    levels = dose_levels(samples)
    level = sorted(set(levels), key=lambda name: float(name) if name[0].isdigit() else 0)[:2][-1]
    positions = [i for i, at in enumerate(levels) if at == level]
    positions = positions[:: max(1, len(positions) // _STRUCTURES)][:_STRUCTURES]
    enhance, filters = TrainedNetwork(network), [Path(path).stem for path in settings]
    size = (len(positions), len(filters) + 3)
    figure, axes = plt.subplots(*size, figsize=(2.3 * size[1], 2.6 * size[0]), squeeze=False, layout="constrained")
    for row, i in zip(axes, positions):
        sample, image, truth = samples.loc[i], stored.image.values[i], stored.noBackgroundnoNoise.values[i]
        shown = {f"{sample.material} [{sample.zone}]": image}
        for name, path in zip(filters, settings):
            tuned = read_tuning(path, FilterSettings, level)
            shown[name] = apply_filter(name, image, sample.pixel_size_A, tuned)
        shown[enhance.record["network"]] = enhance(image[None])[0]
        for panel, (name, result) in zip(row, shown.items()):
            quality = image_quality(result, truth)["psnr_db"]
            show_image(panel, result, sample.pixel_size_A, f"{name}\n{quality:.1f} dB")
        show_image(row[-1], truth, sample.pixel_size_A, "truth")
    figure.suptitle(f"{level} counts per pixel at the peak", fontsize=9)
    write_figure(figure, destination)
