import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from stembench.datasets.loading import cropped
from stembench.datasets.sample import Sample
from stembench.errors import CannotLoadError
from stembench.localisation.peaks import PeakSettings, find_columns
from stembench.networks.faster_rcnn import FasterRCNN, boxes_of, centres_of, peaks
from stembench.networks.registry import build

HEIGHT, WIDTH, PIXEL_SIZE, RADIUS = 40, 60, 0.1, 0.55


def target_of(places, asked=True):
    """Target of columns at x and y [px]."""
    x, y = np.transpose(np.reshape(places, (-1, 2))) * PIXEL_SIZE
    columns = pd.DataFrame({"x_A": x, "y_A": y, "asked": asked}).astype({"asked": bool})
    parameters = {"pixel_size_A": PIXEL_SIZE, "column_radius_A": RADIUS}
    sample = Sample({"image": np.zeros((HEIGHT, WIDTH), np.float32)}, columns, parameters)
    return torch.from_numpy(FasterRCNN.target(None, sample, "localise"))


def in_order(rows):
    return np.array(sorted(np.round(np.asarray(rows, float), 4).tolist()))


def failing(*_):
    raise RuntimeError("operator torchvision::nms does not exist")


@pytest.mark.parametrize("installed", [None, SimpleNamespace(ops=SimpleNamespace(nms=failing))])
def test_without_a_working_torchvision_one_message_names_the_remedy(monkeypatch, installed):
    monkeypatch.setitem(sys.modules, "torchvision", installed)
    with pytest.raises(
        CannotLoadError, match=r"(?s)^torchvision does not load here: .*envs/detector.yaml.*test-detector"
    ):
        build("faster_rcnn", 0.25, seed=0)


def test_a_box_is_a_square_of_twice_the_columns_radius_around_it_in_the_image_enlarged_twice():
    # Pixel 10 lies in the middle between edges 10 and 11; 11 px wide boxes.
    (box,) = boxes_of(target_of([(10.25, 20.0)])).tolist()
    assert box == pytest.approx([2 * (10.75 - 5.5), 2 * (20.5 - 5.5), 2 * (10.75 + 5.5), 2 * (20.5 + 5.5)])


def test_boxes_of_columns_that_are_not_asked_for_are_told_by_their_sign():
    target = target_of([(10, 20), (30, 20), (50, 20)], [True, False, True])
    assert boxes_of(target)[:, 0].tolist() == pytest.approx([10, 50, 90])
    assert target[0][target[0] != 0].tolist() == pytest.approx([11, -11, 11])


def test_of_two_columns_at_one_pixel_the_one_that_is_asked_for_has_the_box():
    for asked in ([True, False], [False, True]):
        target = target_of([(10.2, 20), (9.9, 20)], asked)
        assert target[0, 20, 10] > 0
        assert target[1, 20, 10] == pytest.approx(0.2 if asked[0] else -0.1, abs=1e-5)


def test_an_image_without_columns_has_no_boxes():
    assert boxes_of(target_of(np.empty((0, 2)), [])).shape == (0, 4)


@pytest.mark.parametrize("seed", range(8))
def test_boxes_stay_with_their_columns_in_a_crop_also_upside_down(seed):
    edge, rng = 24, np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(4, 60, 9), np.arange(3, 40, 8)), axis=-1).reshape(-1, 2)
    places = grid + rng.uniform(-1, 1, grid.shape)
    _, crop = cropped(torch.zeros(HEIGHT, WIDTH), target_of(places), edge, np.random.default_rng(seed))
    again = np.random.default_rng(seed)  # place and turn are drawn in this order
    top, left, upside_down = again.integers(HEIGHT - edge + 1), again.integers(WIDTH - edge + 1), again.integers(2)
    expected = []
    for x, y in places:
        column, row = round(x) - left, round(y) - top
        if 0 <= column < edge and 0 <= row < edge:
            expected.append((x - left, edge - 1 - (y - top) if upside_down else y - top))
    assert len(expected) >= 4
    boxes = boxes_of(crop)
    assert in_order((boxes[:, :2] + boxes[:, 2:]) / 4 - 0.5) == pytest.approx(in_order(expected), abs=1e-3)
    assert (boxes[:, 2:] - boxes[:, :2]).numpy() == pytest.approx(np.full((len(boxes), 2), 22), abs=1e-3)


def test_some_of_these_crops_are_upside_down_and_some_are_not():
    turns = {int(np.random.default_rng(seed).integers([17, 37, 2])[2]) for seed in range(8)}
    assert turns == {0, 1}


@pytest.mark.parametrize("x", [0.3, 2.0, 30.5, 57.0, 59.4])
@pytest.mark.parametrize("y", [0.0, 3.25, 20.0, 39.0])
def test_the_centre_of_a_box_that_the_edge_cut_is_that_of_the_whole_box(x, y):
    whole = boxes_of(target_of([(x, y)]))
    seen = torch.stack([whole[:, 0::2].clip(0, 2 * WIDTH), whole[:, 1::2].clip(0, 2 * HEIGHT)], dim=2).flatten(1)
    in_corner = all(seen[0, axis] != whole[0, axis] or seen[0, axis + 2] != whole[0, axis + 2] for axis in (0, 1))
    (found,) = centres_of(seen, (2 * HEIGHT, 2 * WIDTH)).tolist()
    # In a corner both sides are cut, and the longer that is left stands for the whole.
    assert found == pytest.approx([x, y], abs=3 if in_corner else 1e-4)


def test_peaks_are_read_at_their_places_between_pixels_and_as_high_as_they_are():
    places = torch.tensor([[10.3, 12.0], [25.5, 20.25], [40.0, 7.8]])
    surface = peaks(places, torch.tensor([0.9, 0.5, 0.7]), (HEIGHT, WIDTH)).numpy()
    found, heights = find_columns(surface, PIXEL_SIZE, PeakSettings(0.0, 0.0, 0.1, relative=False))
    assert in_order(found / PIXEL_SIZE) == pytest.approx(in_order(places), abs=1e-3)
    assert heights == pytest.approx([0.9, 0.7, 0.5], rel=0.04)  # a maximum lies up to 0.7 px beside its vertex


def test_where_peaks_overlap_the_highest_counts():
    places, heights = torch.tensor([[10.2, 10.0], [12.9, 11.5]]), torch.tensor([0.4, 0.8])
    alone = [peaks(places[at : at + 1], heights[at : at + 1], (20, 20)) for at in range(2)]
    assert torch.equal(peaks(places, heights, (20, 20)), torch.maximum(*alone))


def test_a_peak_over_the_edge_is_cut_and_none_leaves_an_empty_map():
    wide = peaks(torch.tensor([[9.0, 12.0]]), torch.ones(1), (24, 24))
    assert torch.equal(peaks(torch.tensor([[1.0, -1.0]]), torch.ones(1), (11, 16)), wide[13:, 8:])
    assert not peaks(torch.empty(0, 2), torch.empty(0), (5, 6)).any()
