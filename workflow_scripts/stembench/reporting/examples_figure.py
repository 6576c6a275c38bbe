"""What methods make of images: validation images, test images with their truth, and lab images."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt

from stembench.evaluation.examples import Examples
from stembench.evaluation.metrics import image_quality
from stembench.reporting.style import COLUMN_IN, PAGE_IN, image_grid, show_image, write_figure

_DPI = 300
_PANELS_A_LINE = 6


def plot_validation(examples: Examples, title: str, destinations: Sequence[str]) -> None:
    """A row an image: what the network saw, what it made of it, and its target; or why there is none.

    Output and target have the same grey levels.

    Raises
    ------
    ValueError
        If there is nothing to show, and no note that says why.
    """
    if examples.note:
        figure = plt.figure(figsize=(COLUMN_IN, 1))
        figure.text(0.5, 0.5, f"{title}: {examples.note}", ha="center", va="center", wrap=True, fontsize=7)
        write_figure(figure, destinations, _DPI)
        return
    if not len(examples.images):
        raise ValueError(f"{title}: no image to show")
    figure, rows = image_grid(len(examples.images), 3, COLUMN_IN, title_lines=2, beside=0.05)
    shown = zip(rows, examples.titles, examples.pixel_sizes, examples.images, examples.outputs, examples.targets)
    for row, name, pixel_size, image, output, target in shown:
        finer = pixel_size * image.shape[0] / output.shape[0]
        show_image(row[0], image, pixel_size, name, 6.5)
        show_image(row[2], target, finer, "target", 6.5)
        show_image(row[1], output, finer, "output", 6.5)
        row[1].images[0].set_clim(row[2].images[0].get_clim())
    figure.suptitle(title, fontsize=8)
    write_figure(figure, destinations, _DPI)


def plot_enhancement(methods: Mapping[str, Examples], destinations: Sequence[str]) -> None:
    """Lines of panels for each image: as it is, after each method and, where it is known, the truth with each PSNR.

    What methods make of an image has the grey levels of the truth.

    Raises
    ------
    ValueError
        If there is no method, or a method has no image.
    """
    empty = [name for name, examples in methods.items() if not len(examples.images)]
    if empty or not methods:
        raise ValueError(f"no images after {', '.join(empty) or 'any method'}")
    first = next(iter(methods.values()))  # all are of the same images
    known = len(first.targets) > 0
    lines = -(-(1 + len(methods) + known) // _PANELS_A_LINE)
    figure, panels = image_grid(lines * len(first.images), _PANELS_A_LINE, PAGE_IN, title_lines=1 + known)
    for number, (title, pixel_size) in enumerate(zip(first.titles, first.pixel_sizes)):
        shown = {f"{title}, ": first.images[number]}
        shown |= {f"{name}\n": examples.outputs[number] for name, examples in methods.items()}
        row = panels[lines * number : lines * (number + 1)].ravel()
        for panel, (name, image) in zip(row, shown.items()):
            psnr = f"{image_quality(image, first.targets[number])['psnr_db']:.1f} dB" if known else ""
            show_image(panel, image, pixel_size, f"{name}{psnr}".rstrip(", \n"), 6.5)
        if known:
            truth = row[len(shown)]
            show_image(truth, first.targets[number], pixel_size, "truth\n", 6.5)
            for panel in row[1 : len(shown)]:
                panel.images[0].set_clim(truth.images[0].get_clim())
    write_figure(figure, destinations, _DPI)
