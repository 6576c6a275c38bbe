import numpy as np
import pytest
from PIL import Image
from stembench.crystals.composition import composition
from stembench.crystals.projection import Scatterers
from stembench.imaging.linear import strength_of
from stembench.imaging.multislice import Tile
from stembench.imaging.probe import Probe
from stembench.reporting.figures.thickness import Comparison, draw_thickness
from stembench.reporting.structure_figure import plot_structure

PROBE = Probe(200e3, 24, 0.9)


def test_a_column_is_named_by_what_it_holds(projection_of):
    assert {composition(column) for column in projection_of("SrTiO3", "110").columns} == {"Sr + O", "Ti", "2 O"}
    half = {"atoms": [{"element": "Pt", "occupancy": 0.5}, {"element": "Fe", "occupancy": 0.5}]}
    assert composition(half) == "0.5 Pt + 0.5 Fe"


def test_the_structure_figure_is_drawn_the_same_twice(projection_of, tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    projection = projection_of("SrTiO3", "110")
    scatterers = Scatterers.of(projection, lambda element: strength_of(element, 1.7))
    for path in paths:
        plot_structure(projection, scatterers, "SrTiO3 [110]", PROBE, str(path))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with Image.open(paths[0]) as figure:
        assert len(figure.convert("RGB").getcolors(10**6)) > 200


@pytest.fixture
def comparison(projection_of):
    """A tile that is the linear image itself, and thicker the same with a column grown out of proportion."""
    projection = projection_of("SrTiO3", "001")
    scatterers = Scatterers.of(projection, lambda element: {"Sr": 480.0, "Ti": 190.0, "O": 34.0}[element])
    period = projection.lattice[0, 0]
    grid = np.arange(15) * period / 15
    one = Comparison("SrTiO3 [001]", projection, scatterers, Tile(np.zeros((1, 1, 15, 15)), *(None,) * 4), {})
    fine, _ = one.linear(Probe(200e3, 24))
    pixel = 16.0 / 192
    rows = np.round((grid + period) / pixel).astype(int)
    thin = fine[np.ix_(rows, rows)] / fine.max()
    thick = thin**2
    tile = Tile(
        0.01 * np.stack([thin, 3 * thick])[None], projection.lattice, ("80-200 mrad",), np.array([5.0, 15.0]), {}
    )
    return Comparison("SrTiO3 [001]", projection, scatterers, tile, {"HAADF": "80-200 mrad"})


def test_models_that_agree_correlate_and_others_less(comparison):
    agreeing, parted = comparison.correlations(PROBE)
    assert agreeing > 0.995
    assert parted < agreeing
    drawn = draw_thickness([comparison], PROBE).axes[-1].lines[0].get_ydata()
    assert drawn.tolist() == [agreeing, parted]
