import numpy as np
import pytest
from stembench.datasets.labels import label
from stembench.datasets.store import Shards
from stembench.reporting.figures.labels import draw_labels

TASKS = {"localise": "gaussianMask", "denoise": "noNoise", "denoise_2x": "noNoiseUpinterpolation2x"}


def test_each_task_has_a_panel_of_its_own_label(small_shard):
    panels = [axes for axes in draw_labels([small_shard], TASKS).axes if axes.images]
    assert len(panels) == 1 + len(TASKS)
    sample = Shards([small_shard])[1]  # the lowest dose but one of the first structure
    for panel, (task, name) in zip(panels[1:], TASKS.items()):
        assert panel.get_title() == f"{task}\n{name}"
        assert np.array_equal(panel.images[0].get_array(), label(sample, name))


def test_no_task_is_refused(small_shard):
    with pytest.raises(ValueError, match="no label"):
        draw_labels([small_shard], {})
