"""An image and its labels."""

from collections.abc import Mapping, Sequence

from stembench.datasets.labels import MADE_FROM, label
from stembench.datasets.store import STORED, Shards, read_table
from stembench.evaluation.examples import example_positions, example_titles
from stembench.reporting.style import PAGE_IN, image_grid, show_image, write_figure

_PANELS_A_LINE = 4


def plot_labels(shards: Sequence[str], tasks: Mapping[str, str], destinations: Sequence[str]) -> None:
    """The first image at a low dose, and the label that each task learns of it.

    Parameters
    ----------
    shards : sequence of str
        A split of a dataset.
    tasks : mapping of str to str
        Label of each task.
    destinations : sequence of str
        Files to write.

    Raises
    ------
    ValueError
        If there is no task.
    """
    if not tasks:
        raise ValueError("no label to show")
    samples = read_table(shards, "samples")
    position, *_ = example_positions(samples)
    names = {*STORED, *tasks.values(), *(source for name in tasks.values() for source in MADE_FROM.get(name, ()))}
    sample, pixel_size = Shards(shards, sorted(names))[position], samples.pixel_size_A[position]
    figure, panels = image_grid(-(-(1 + len(tasks)) // _PANELS_A_LINE), _PANELS_A_LINE, PAGE_IN, title_lines=2)
    first, *others = panels.ravel()
    image = sample.images["image"]
    (title,) = example_titles(samples, [position])
    show_image(first, image, pixel_size, title, 6)
    for panel, (task, name) in zip(others, tasks.items()):
        shown = label(sample, name)
        finer = pixel_size * image.shape[0] / shown.shape[0]
        show_image(panel, shown, finer, f"{task}\n{name}", 6)
    write_figure(figure, destinations, 300)
