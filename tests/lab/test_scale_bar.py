import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from stembench.lab.scale_bar import scale_bars

RNG = np.random.default_rng(0)
Y, X = np.mgrid[:300, :400]
COLUMNS = sum(
    np.exp(-((X - x) ** 2 + (Y - y) ** 2) / (2 * 5**2)) for x in range(10, 400, 40) for y in range(10, 300, 25)
)


def picture(noise=0.05):
    values = 0.2 + 0.6 * COLUMNS + noise * RNG.standard_normal(COLUMNS.shape)
    return Image.fromarray((255 * np.clip(values, 0, 1)).astype(np.uint8))


@pytest.mark.parametrize("fill", [0, 255])
@pytest.mark.parametrize("letters_at", [(50, -27), (50, 10), (125, -10)])
def test_a_bar_and_what_is_written_beside_it_are_found(fill, letters_at):
    image = picture()
    clean = np.array(image)
    draw = ImageDraw.Draw(image)
    x, y = 30, 250
    draw.rectangle([x, y, x + 119, y + 5], fill=fill)
    draw.text((x + letters_at[0], y + letters_at[1]), "2 nm", fill=fill, font=ImageFont.load_default(18))
    drawn = np.array(image) != clean
    found = scale_bars(np.array(image))
    assert not (drawn & ~found).any()
    assert found.sum() < 0.04 * found.size


@pytest.mark.parametrize(("box", "fill"), [(0, 255), (255, 0)])
def test_the_box_that_a_bar_lies_in_is_found_whole(box, fill):
    image = picture()
    draw = ImageDraw.Draw(image)
    draw.rectangle([20, 220, 180, 280], fill=box)
    draw.rectangle([30, 265, 149, 270], fill=fill)
    draw.text((60, 235), "2 nm", fill=fill, font=ImageFont.load_default(18))
    found = scale_bars(np.array(image))
    assert found[220:281, 20:181].all()
    found[218:283, 18:183] = False
    assert not found.any()


def rod():
    return np.clip(2 * np.exp(-((X - 200) ** 2) / (2 * 40**2) - (Y - 150) ** 2 / (2 * 6**2)), 0, 1)


@pytest.mark.parametrize(
    "image",
    [
        np.clip(1.6 * COLUMNS, 0, 1),
        np.clip(1.6 * COLUMNS + 0.1 * RNG.standard_normal(COLUMNS.shape), 0, 1),
        np.clip(1 - 1.6 * COLUMNS, 0, 1),
        np.where((X - 200) ** 2 + (Y - 150) ** 2 < 60**2, 1.0, 0.5 * COLUMNS),
        np.where((X - 200) ** 2 / 90**2 + (Y - 150) ** 2 / 20**2 < 1, 1.0, 0.5 * COLUMNS),
        rod(),
        *(RNG.poisson(dose * COLUMNS).astype(float) for dose in (0.003, 0.03, 0.3, 3)),
        np.where(Y + 0.3 * X < 200, RNG.poisson(20 + 20 * COLUMNS), 0),
        np.zeros((64, 64)),
    ],
    ids=["columns", "noisy", "dark", "particle", "flat", "rod", "3e-3", "3e-2", "3e-1", "3", "vacuum", "nothing"],
)
def test_what_saturates_is_no_scale_bar(image):
    assert not scale_bars(image).any()
