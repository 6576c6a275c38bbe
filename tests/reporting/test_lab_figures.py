import numpy as np
import pandas as pd
import pytest
from stembench.reporting.figures.reference import draw_reference


@pytest.mark.parametrize(("size", "middle"), [(200, False), (2000, True)])
def test_the_reference_columns_that_are_drawn_lie_on_those_of_the_image(size, middle):
    y, x = (grid.ravel() for grid in np.mgrid[10:size:20, 10:size:20])
    image = np.zeros((size, size))
    image[y, x] = 1.0
    columns = pd.DataFrame({"x_A": 0.1 * x, "y_A": 0.1 * y, "neighbour_A": 2.0, "strength": 1.0})
    whole, part = draw_reference(image, 0.1, columns, outlined=True).axes
    shown, (marks,) = part.images[0].get_array(), part.collections
    at = np.round(marks.get_offsets()).astype(int)
    assert len(at) == shown.sum() == (2500 if middle else 100)
    assert np.all(shown[at[:, 1], at[:, 0]] == 1)
    corners = whole.patches[0].get_xy()
    assert (corners.min(), corners.max()) == (10, size - 10)
