import numpy as np
import pandas as pd
import pytest
from stembench.reporting.figures.lattice_spacings import draw_spacings


def measured(sd: float, number: int = 200) -> pd.DataFrame:
    rng, parts = np.random.default_rng(0), []
    for axis, mean in (("a", 280.0), ("b", 390.0)):
        pm = rng.standard_normal(number)
        pm = mean + sd * (pm - pm.mean()) / pm.std(ddof=1)
        parts.append(pd.DataFrame({"axis": axis, "spacing_pm": pm}))
    return pd.concat(parts)


@pytest.fixture
def panels() -> list:
    return draw_spacings({"narrow": measured(2.0), "wide": measured(8.0)}).axes


def test_every_spacing_of_every_method_is_counted_once(panels):
    assert [round(sum(bar.get_height() for bar in axes.patches)) for axes in panels] == [200] * 4


def test_mean_and_standard_deviation_stand_beside_each_histogram(panels):
    texts = [axes.texts[0].get_text() for axes in panels]
    assert texts == [
        f"{name}\n{mean} ± {sd} pm" for name, sd in (("narrow", 2.0), ("wide", 8.0)) for mean in (280.0, 390.0)
    ]


def test_methods_share_their_bins(panels):
    for one, other in ((0, 2), (1, 3)):
        edges = [[bar.get_x() for bar in panels[panel].patches] for panel in (one, other)]
        assert edges[0] == edges[1]


def test_a_method_that_found_nothing_is_left_out_and_none_at_all_is_refused():
    empty = measured(2.0).iloc[:0]
    assert len(draw_spacings({"some": measured(2.0), "none": empty}).axes) == 2
    with pytest.raises(ValueError, match="no spacings"):
        draw_spacings({"none": empty})
