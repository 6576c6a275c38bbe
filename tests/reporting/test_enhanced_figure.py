import numpy as np
import pytest
from PIL import Image
from stembench.evaluation.examples import Examples
from stembench.reporting.figures.enhanced import FIGURE, draw_enhancement
from stembench.reporting.style import write_figure


def made(level: float = 0.2, targets: bool = True) -> Examples:
    """Two images of noise, outputs of one level, targets of which half are 0 and half 1."""
    images = np.random.default_rng(0).random((2, 32, 32), np.float32)
    outputs = np.full((2, 32, 32), level, np.float32)
    wanted = np.empty((0, 0, 0))
    if targets:
        wanted = np.zeros_like(outputs)
        wanted[:, :16] = 1
    return Examples(np.array(["first\n3 e/px", "second\n3 e/px"]), np.array([0.1, 0.2]), images, outputs, wanted)


def shown(figure) -> list:
    return [axes for axes in figure.axes if axes.images]


def test_each_method_is_shown_once_an_image_with_its_psnr():
    titles = [axes.get_title() for axes in shown(draw_enhancement({"one": made(level=0.2), "two": made(level=0.4)}))]
    # Of any level, an image without contrast is half of the range off: 20 log10(2).
    assert titles.count("one\n6.0 dB") == titles.count("two\n6.0 dB") == titles.count("truth\n") == 2
    assert len(titles) == 8


def test_what_methods_make_of_an_image_has_the_grey_levels_of_the_truth():
    figure = draw_enhancement({"one": made(level=0.2), "two": made(level=0.4)})
    limits = {axes.get_title(): axes.images[0].get_clim() for axes in shown(figure)}
    assert limits["one\n6.0 dB"] == limits["two\n6.0 dB"] == limits["truth\n"]


def test_without_a_truth_there_is_no_psnr():
    titles = [axes.get_title() for axes in shown(draw_enhancement({"one": made(targets=False)}))]
    assert len(titles) == 4
    assert not any("dB" in title or "truth" in title for title in titles)


def test_a_method_without_images_is_refused():
    with pytest.raises(ValueError, match="two"):
        draw_enhancement({"one": made(), "two": Examples.none("lost")})
    with pytest.raises(ValueError, match="any method"):
        draw_enhancement({})


def test_it_is_as_wide_as_a_page_in_print(tmp_path):
    paths = [str(tmp_path / f"figure.{ending}") for ending in ("png", "pdf")]
    write_figure(draw_enhancement({"one": made()}), paths, FIGURE.dpi)
    with Image.open(tmp_path / "figure.png") as picture:
        assert 160 < 25.4 * picture.width / 300 < 190
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
