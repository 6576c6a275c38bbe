import numpy as np
import pandas as pd
from stembench.evaluation.examples import Examples, example_positions, example_titles


def test_examples_are_read_as_they_were_written(tmp_path):
    image = np.random.default_rng(0).random((2, 4, 4), np.float32)
    written = Examples(np.array(["Å", "b"]), np.array([0.1, 0.2]), image, 2 * image, 3 * image)
    written.write(tmp_path / "examples.npz")
    read = Examples.read(tmp_path / "examples.npz")
    assert list(read.titles) == ["Å", "b"]
    assert np.array_equal(read.outputs, 2 * image)
    assert read.note == ""


def test_why_there_are_none_is_kept(tmp_path):
    Examples.none("does not load").write(tmp_path / "examples.npz")
    read = Examples.read(tmp_path / "examples.npz")
    assert (len(read.images), read.note) == (0, "does not load")


def test_examples_are_of_other_structures_at_the_lowest_dose_but_one():
    samples = pd.DataFrame({"counts_per_px": [100.0, 3.0, 1.0] * 12, "structure": np.arange(36) // 3})
    shown = samples.iloc[example_positions(samples)]
    assert len(shown) == shown.structure.nunique() == 3
    assert set(shown.counts_per_px) == {3.0}
    assert np.diff(shown.structure).min() >= 3


def test_images_without_a_dose_have_examples_too():
    samples = pd.DataFrame({"material": ["Si", "Si"], "zone": ["110", ""]})
    assert list(example_titles(samples, example_positions(samples))) == ["Si [110]", "Si"]
