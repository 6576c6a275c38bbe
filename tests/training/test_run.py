import numpy as np
import pandas as pd
import pytest
import torch
from stembench.datasets.loading import Crops
from stembench.networks.registry import build
from stembench.training import run
from stembench.training.losses import modified_chi_square


class KilledError(Exception):
    pass


def trained(folder, epochs=3, killed_after=None):
    data = np.random.default_rng(0).random((2, 16, 16, 16)).astype(np.float32)
    crops = Crops(list(zip(*data)), crop=16, batch=4, repeats=1, seed=1)
    network = build("atomsegnet_unet", 0.05, seed=0)
    lines = []

    def report(line):
        lines.append(line)
        if killed_after and line.startswith(f"epoch {killed_after + 1}/"):
            raise KilledError

    history = run.train(
        network, crops, (data[0, :4], data[1, :4]), epochs=epochs, learning_rate=1e-2, checkpoints=folder, report=report
    )
    return network, history, lines


def test_a_killed_run_goes_on_and_ends_where_an_undisturbed_one_ends(tmp_path):
    undisturbed, history, _ = trained(tmp_path / "undisturbed")
    with pytest.raises(KilledError):
        trained(tmp_path / "killed", killed_after=1)
    resumed, resumed_history, lines = trained(tmp_path / "killed")
    assert lines[0].startswith("going on")
    assert lines[1].startswith("epoch 2/")
    for key, value in undisturbed.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key
    same = ["epoch", "train_loss", "validation_loss", "learning_rate"]
    pd.testing.assert_frame_equal(history[same], resumed_history[same])


def test_training_lowers_the_loss(tmp_path):
    _, history, lines = trained(tmp_path, epochs=6)
    assert history.train_loss.iloc[-1] < history.train_loss.iloc[0]
    assert len(lines) == 6


def test_modified_chi_square_by_hand():
    target = torch.tensor([[[[1.0, 0.0]]]])
    output = torch.tensor([[[[0.5, 0.2]]]])
    assert modified_chi_square(output, target).item() == pytest.approx((0.25 / 1.1 + 0.04 / 0.1) / 2)


def test_an_empty_target_has_a_finite_loss():
    assert torch.isfinite(modified_chi_square(torch.rand(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)))
