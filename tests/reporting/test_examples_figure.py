import numpy as np
import pytest
from PIL import Image
from stembench.evaluation.examples import Examples
from stembench.reporting import examples_figure
from stembench.reporting.examples_figure import plot_enhancement, plot_validation


def made(scale: int = 1, level: float = 0.2, targets: bool = True) -> Examples:
    """Two images of noise, outputs of one level, targets of zeros."""
    images = np.random.default_rng(0).random((2, 32, 32), np.float32)
    outputs = np.full((2, 32 * scale, 32 * scale), level, np.float32)
    wanted = np.zeros_like(outputs) if targets else np.empty((0, 0, 0))
    return Examples(np.array(["first\n3 e/px", "second\n3 e/px"]), np.array([0.1, 0.2]), images, outputs, wanted)


@pytest.fixture
def drawn(monkeypatch) -> list:
    figures = []
    monkeypatch.setattr(examples_figure, "write_figure", lambda figure, *_: figures.append(figure))
    return figures


def shown(figure) -> list:
    return [axes for axes in figure.axes if axes.images]


def test_a_row_shows_input_output_and_target(drawn):
    examples = made(scale=2)
    plot_validation(examples, "net", [])
    panels = shown(drawn[0])
    assert len(panels) == 6
    for row, number in ((panels[:3], 0), (panels[3:], 1)):
        arrays = (examples.images, examples.outputs, examples.targets)
        for panel, array in zip(row, arrays):
            assert np.array_equal(panel.images[0].get_array(), array[number])


def test_the_scale_bar_of_an_output_of_twice_the_size_is_twice_as_many_pixels(drawn):
    plot_validation(made(scale=2), "net", [])
    lengths = [np.ptp(axes.lines[0].get_xdata()) for axes in shown(drawn[0])[:2]]
    assert lengths[1] == pytest.approx(2 * lengths[0])


def test_a_network_that_cannot_be_had_says_why(drawn):
    plot_validation(Examples.none("does not load here"), "net", [])
    assert "net: does not load here" in [text.get_text() for text in drawn[0].texts]


def test_no_image_and_no_reason_is_refused(drawn):
    with pytest.raises(ValueError, match="no image"):
        plot_validation(Examples.none(""), "net", [])


def test_each_method_is_shown_once_an_image_with_its_psnr(drawn):
    plot_enhancement({"one": made(level=0.2), "two": made(level=0.4)}, [])
    titles = [axes.get_title() for axes in shown(drawn[0])]
    # 8-bit levels 51 and 102 instead of 0: 20 log10(255 / 51) and 20 log10(255 / 102)
    assert titles.count("one\n14.0 dB") == titles.count("two\n8.0 dB") == titles.count("truth\n") == 2
    assert len(titles) == 8


def test_what_methods_make_of_an_image_has_the_grey_levels_of_the_truth(drawn):
    plot_enhancement({"one": made(level=0.2), "two": made(level=0.4)}, [])
    limits = {axes.get_title(): axes.images[0].get_clim() for axes in shown(drawn[0])}
    assert limits["one\n14.0 dB"] == limits["two\n8.0 dB"] == limits["truth\n"]


def test_without_a_truth_there_is_no_psnr(drawn):
    plot_enhancement({"one": made(targets=False)}, [])
    titles = [axes.get_title() for axes in shown(drawn[0])]
    assert len(titles) == 4
    assert not any("dB" in title or "truth" in title for title in titles)


def test_a_method_without_images_is_refused(drawn):
    with pytest.raises(ValueError, match="two"):
        plot_enhancement({"one": made(), "two": Examples.none("lost")}, [])
    with pytest.raises(ValueError, match="any method"):
        plot_enhancement({}, [])


def test_it_is_as_wide_as_a_page_in_print(tmp_path):
    plot_enhancement({"one": made()}, [str(tmp_path / "figure.png"), str(tmp_path / "figure.pdf")])
    with Image.open(tmp_path / "figure.png") as picture:
        assert 160 < 25.4 * picture.width / 300 < 190
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
