import numpy as np
import pytest
from stembench.evaluation.examples import Examples
from stembench.reporting import examples_figure
from stembench.reporting.examples_figure import plot_validation


def made() -> Examples:
    """Two images of noise, outputs of twice the size and one level, targets of zeros."""
    images = np.random.default_rng(0).random((2, 32, 32), np.float32)
    outputs = np.full((2, 64, 64), 0.2, np.float32)
    return Examples(
        np.array(["first\n3 e/px", "second\n3 e/px"]), np.array([0.1, 0.2]), images, outputs, np.zeros_like(outputs)
    )


@pytest.fixture
def drawn(monkeypatch) -> list:
    figures = []
    monkeypatch.setattr(examples_figure, "write_figure", lambda figure, *_: figures.append(figure))
    return figures


def shown(figure) -> list:
    return [axes for axes in figure.axes if axes.images]


def test_a_row_shows_input_output_and_target(drawn):
    examples = made()
    plot_validation(examples, "net", [])
    panels = shown(drawn[0])
    assert len(panels) == 6
    for row, number in ((panels[:3], 0), (panels[3:], 1)):
        arrays = (examples.images, examples.outputs, examples.targets)
        for panel, array in zip(row, arrays):
            assert np.array_equal(panel.images[0].get_array(), array[number])


def test_what_a_target_says_nothing_of_is_no_grey(drawn):
    examples = made()
    examples.targets[0, :5] = np.nan
    plot_validation(examples, "net", [])
    said, silent = (shown(drawn[0])[panel].images[0] for panel in (5, 2))
    assert [panel.get_title() for panel in shown(drawn[0])[2::3]] == ["target (blue: ignored)", "target"]
    assert np.ptp(said.to_rgba(said.get_array())[..., :3], axis=-1).max() == 0
    colours = silent.to_rgba(silent.get_array())[..., :3]
    assert (np.ptp(colours, axis=-1) > 0).tolist() == np.isnan(examples.targets[0]).tolist()


def test_the_scale_bar_of_an_output_of_twice_the_size_is_twice_as_many_pixels(drawn):
    plot_validation(made(), "net", [])
    lengths = [np.ptp(axes.lines[0].get_xdata()) for axes in shown(drawn[0])[:2]]
    assert lengths[1] == pytest.approx(2 * lengths[0])


def test_a_network_that_cannot_be_had_says_why(drawn):
    plot_validation(Examples.none("does not load here"), "net", [])
    assert "net: does not load here" in [text.get_text() for text in drawn[0].texts]


def test_no_image_and_no_reason_is_refused(drawn):
    with pytest.raises(ValueError, match="no image"):
        plot_validation(Examples.none(""), "net", [])
