import errno
import os
import pickle
import re
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from executed import Executed
from stembench.config import Recipe
from stembench.datasets.loading import Crops
from stembench.datasets.on_the_fly import DrawnCrops
from stembench.errors import InputError
from stembench.networks.base import Network
from stembench.networks.registry import build
from stembench.training import run
from stembench.training.losses import LOSSES, modified_chi_square

pytestmark = pytest.mark.slow


class KilledError(Exception):
    pass


class Sure(Network):
    """Every pixel is a column, says one number."""

    sigmoid = True

    def __init__(self):
        super().__init__()
        self.logit = torch.nn.Parameter(torch.tensor(60.0))

    def compute(self, image):
        return self.logit.expand_as(image)


class DroppingOut(Network):
    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.convolution = torch.nn.Conv2d(1, 1, 3, padding=1)

    def compute(self, image):
        return torch.sigmoid(torch.nn.functional.dropout(self.convolution(image), 0.5, self.training))


def pairs(number=16, spoilt=None):
    images, targets = np.random.default_rng(0).random((2, number, 16, 16)).astype(np.float32)
    if spoilt is not None:
        images[spoilt] = np.nan
    return list(zip(images, targets[:, None]))


def trained(folder, epochs=3, killed_after=None, data=None, network=None, report=None, options=None, **recipe):
    data = data or pairs()
    crops, validation = (Crops(part, crop=16, batch=4, seed=1) for part in (data, pairs()[:4]))
    network = network or build("atomsegnet_unet", 0.05, seed=0)
    lines = []

    def listed(line):
        lines.append(line)
        if killed_after and line.startswith(f"epoch {killed_after + 1}/"):
            raise KilledError

    history = run.train(
        network,
        crops,
        validation,
        recipe=Recipe(**{"learning_rate": 1e-2} | recipe),
        epochs=epochs,
        checkpoints=folder,
        report=report or listed,
        **(options or {}),
    )
    return network, history, lines


SAME = ["epoch", "train_loss", "validation_loss", "learning_rate"]


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("atomsegnet_unet", {}),
        ("atomsegnet_unet", {"schedule": "steps", "milestones": (0.4, 0.7)}),
        ("dropping_out", {}),
    ],
)
def test_a_killed_run_goes_on_and_ends_where_an_undisturbed_one_ends(tmp_path, name, schedule):
    def run_in(folder, **killed):
        network = DroppingOut() if name == "dropping_out" else build(name, 0.05, seed=0)
        return trained(tmp_path / folder, network=network, **killed, **schedule)

    undisturbed, history, _ = run_in("undisturbed")
    with pytest.raises(KilledError):
        run_in("killed", killed_after=1)
    torch.manual_seed(torch.seed())  # another process
    resumed, resumed_history, lines = run_in("killed")
    assert lines[0].startswith("going on")
    assert lines[1].startswith("epoch 2/")
    for key, value in undisturbed.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key
    pd.testing.assert_frame_equal(history[SAME], resumed_history[SAME])


def test_a_run_whose_folder_was_moved_ends_with_the_best_weights_all_the_same(tmp_path):
    """A rate so high that the first epoch is the best."""
    high = {"epochs": 2, "learning_rate": 0.3, "schedule": "steps"}
    undisturbed, history, _ = trained(tmp_path / "undisturbed", **high)
    assert history.validation_loss.idxmin() == 0
    with pytest.raises(KilledError):
        trained(tmp_path / "before", killed_after=1, **high)
    (tmp_path / "before").rename(tmp_path / "moved")
    resumed, _, _ = trained(tmp_path / "moved", **high)
    assert all(torch.equal(value, resumed.state_dict()[key]) for key, value in undisturbed.state_dict().items())


def test_a_run_that_is_called_again_after_its_last_epoch_ends_the_same(tmp_path):
    first, history, _ = trained(tmp_path)
    again, history_again, lines = trained(tmp_path)
    assert len(lines) == 1
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in first.state_dict().items())
    pd.testing.assert_frame_equal(history, history_again)


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(KilledError):
        trained(tmp_path, killed_after=1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"\.ckpt: cannot be written \(No space left on device\)"):
        trained(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_devices_that_cannot_share_a_batch_are_refused_with_those_that_can(tmp_path):
    with pytest.raises(InputError, match=r"training\.devices is 3.* of the training is 4 .* one of 1, 2, 4, or"):
        trained(tmp_path, options={"devices": 3})


def test_a_training_on_samples_that_are_drawn_takes_every_step_of_every_epoch(tmp_path, small_factory):
    class Counting(DroppingOut):
        steps = 0

        def loss(self, output, target, compare):
            self.steps += self.training
            return super().loss(output, target, compare)

    network, sizes = Counting(), {"crop": 32, "batch": 4, "seed": 0}
    crops = DrawnCrops(small_factory, "noNoise", **sizes, samples=12, workers=0, device=torch.device("cpu"))
    run.train(network, crops, Crops(pairs()[:4], **sizes), recipe=Recipe(), epochs=3, checkpoints=tmp_path)
    assert network.steps == 9


def test_a_checkpoint_damaged_anywhere_is_set_aside_and_the_training_begins_anew(tmp_path):
    undisturbed, _, _ = trained(tmp_path / "undisturbed")
    for name, place in (("last", 0.01), ("last", 0.5), ("last", 0.99), ("best", 0.5)):
        folder = tmp_path / f"{name}_{place:.2f}"
        with pytest.raises(KilledError):
            trained(folder, killed_after=1)
        checkpoint = folder / f"{name}.ckpt"
        size = checkpoint.stat().st_size
        content = bytearray(checkpoint.read_bytes())
        content[int(place * size) : int(place * size) + 64] = bytes(64)  # more than what fills up between its records
        checkpoint.write_bytes(content)
        with pytest.raises(InputError, match=f"{name}.ckpt is damaged and was set aside as {name}.damaged; run again"):
            trained(folder)
        again, _, lines = trained(folder)
        assert lines[0].startswith("epoch 1/")
        assert all(torch.equal(value, again.state_dict()[key]) for key, value in undisturbed.state_dict().items())


def test_an_interrupted_training_ends_the_process_and_says_that_the_next_call_goes_on(tmp_path):
    """Lightning takes the interrupt; what follows a training must not be reached."""
    for epoch, said in ((1, "begins it anew"), (2, "goes on from .*last.ckpt")):
        lines = []

        def interrupt(line, epoch=epoch, lines=lines):
            lines.append(line)
            if line.startswith(f"epoch {epoch}/"):
                raise KeyboardInterrupt

        with pytest.raises(SystemExit) as ended:
            trained(tmp_path, report=interrupt)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # Lightning lets nobody interrupt it twice
        assert ended.value.code
        assert re.search(f"interrupted in epoch {epoch}; the next call {said}", lines[-1]), lines


def test_training_lowers_the_loss(tmp_path):
    _, history, lines = trained(tmp_path, epochs=6)
    assert history.train_loss.iloc[-1] < history.train_loss.iloc[0]
    assert len(lines) == 6


def test_the_rate_falls_where_the_recipe_says(tmp_path):
    _, history, _ = trained(tmp_path, epochs=4, schedule="steps", milestones=(0.5,), factor=0.1)
    assert history.learning_rate.tolist() == pytest.approx([1e-2, 1e-3, 1e-3, 1e-3])


def test_the_weights_of_the_best_validation_are_kept(tmp_path):
    """A rate so high that the last epoch is not the best."""
    network, history, _ = trained(tmp_path, epochs=6, learning_rate=0.3, schedule="steps")
    best = history.validation_loss.min()
    assert history.validation_loss.iloc[-1] > best
    losses = []
    with torch.no_grad():
        for image, target in Crops(pairs()[:4], crop=16, batch=4, seed=1).epoch(0):
            losses.append(modified_chi_square(network(image), target).item())
    assert np.mean(losses) == pytest.approx(best, rel=1e-5)


TWO_PROCESSES = """
import sys
import numpy as np
import torch
from pathlib import Path
from stembench.config import Recipe
from stembench.datasets.loading import Crops
from stembench.networks.base import Network
from stembench.training import run


class Plain(Network):
    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(1, 1, 3, padding=1)

    def compute(self, image):
        return self.convolution(image)


torch.manual_seed(0)
network, folder = Plain(), Path(sys.argv[1])
images, targets = np.random.default_rng(0).random((2, 16, 16, 16)).astype(np.float32)
crops = Crops(list(zip(images, targets[:, None])), crop=16, batch=4, seed=1)
recipe, devices = Recipe(learning_rate=1e-2, schedule="steps"), int(sys.argv[2])
history = run.train(network, crops, crops, recipe=recipe, epochs=2, checkpoints=folder, devices=devices)
torch.save(network.state_dict(), folder / ("end.pt" if run.is_first_process() else "second.pt"))
"""


def test_two_processes_end_where_one_ends(tmp_path, repository, monkeypatch):
    """Each takes half of every batch, in a job of SLURM too; the mean of their gradients is that of the batch."""
    script = tmp_path / "script.py"
    script.write_text(TWO_PROCESSES)
    monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path / "one"), "1"])
    runpy.run_path(str(script))
    environment = os.environ | {"PYTHONPATH": str(repository / "workflow_scripts"), "OMP_NUM_THREADS": "1"}
    environment |= {"SLURM_JOB_ID": "1", "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "1", "SLURM_NODELIST": "localhost"}
    environment |= dict.fromkeys(("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID"), "0")
    two = [sys.executable, script, tmp_path / "two", "2"]
    told = subprocess.run(two, env=environment, check=True, timeout=120, stdout=subprocess.PIPE, text=True).stdout
    assert [line.split(":")[0] for line in told.splitlines() if line.startswith("epoch")] == ["epoch 1/2", "epoch 2/2"]
    assert (tmp_path / "two" / "second.pt").exists()
    one, two = (torch.load(tmp_path / name / "end.pt") for name in ("one", "two"))
    for key in one:
        assert two[key].numpy() == pytest.approx(one[key].numpy(), rel=1e-4), key


def test_a_loss_that_is_no_number_names_its_step_and_samples(tmp_path):
    spoilt = 5
    order = Crops(pairs(), crop=16, batch=4, seed=1).positions(0).tolist()
    with pytest.raises(InputError) as told:
        trained(tmp_path, data=pairs(spoilt=spoilt))
    step = order.index(spoilt) // 4
    assert f"step {step + 1} of epoch 1" in str(told.value)
    assert f"training samples {', '.join(map(str, order[4 * step : 4 * step + 4]))};" in str(told.value)
    assert "last good checkpoint: none" in str(told.value)


def test_a_loss_that_explodes_later_names_the_last_good_checkpoint(tmp_path):
    with pytest.raises(KilledError):
        trained(tmp_path, killed_after=1)
    with pytest.raises(InputError, match=r"last good checkpoint: the state after epoch 1 is in .*last\.ckpt"):
        trained(tmp_path, data=[(image, 1e4 * target) for image, target in pairs()])


@pytest.mark.parametrize("loss", LOSSES)
def test_where_a_target_says_nothing_nothing_is_learned(loss):
    network = Sure()
    image, target = torch.zeros(2, 1, 8, 8), torch.full((2, 1, 8, 8), torch.nan)
    lightning = run._Run(network, None, None, Recipe(loss=loss), 1)
    with torch.no_grad():
        network.logit.fill_(0.4)
    lightning.log = lambda *_, **__: None
    lightning._loss((image, target), "train_loss").backward()
    assert network.logit.grad == 0


def test_a_recipe_without_a_loss_of_the_networks_own_is_refused(tmp_path):
    with pytest.raises(InputError, match="loss: own"):
        trained(tmp_path, loss="own")


def test_what_a_network_is_sure_of_by_mistake_is_unlearned(tmp_path):
    nothing = [(image, np.zeros_like(target)) for image, target in pairs()]
    network, history, _ = trained(tmp_path, epochs=1, data=nothing, network=Sure(), loss="bce")
    assert network.logit < 60
    assert history.train_loss[0] == pytest.approx(60, abs=0.1)  # ln(1 + e^60)
    assert network(torch.zeros(1, 1, 4, 4)).max() <= 1


def test_cross_entropy_of_a_network_without_a_sigmoid_is_refused(tmp_path):
    with pytest.raises(InputError, match="loss: bce, but this network ends in no sigmoid"):
        trained(tmp_path, network=build("fcn", 0.25, seed=0), loss="bce")


def test_coarser_arithmetic_ends_near_the_exact_one(tmp_path):
    exact, rough = (trained(tmp_path / precision, options={"precision": precision})[1] for precision in ("32", "bf16"))
    assert rough.train_loss.iloc[0] == pytest.approx(exact.train_loss.iloc[0], rel=0.05)
    assert not np.array_equal(rough.train_loss, exact.train_loss)


def test_modified_chi_square_by_hand():
    target = torch.tensor([[[[1.0, 0.0]]]])
    output = torch.tensor([[[[0.5, 0.2]]]])
    assert modified_chi_square(output, target).item() == pytest.approx((0.25 / 1.1 + 0.04 / 0.1) / 2)


def test_rmse_is_the_mean_of_the_roots_and_has_a_slope_where_the_error_is_none():
    output = torch.tensor([0.3, 0.1]).reshape(2, 1, 1, 1).requires_grad_()
    loss = LOSSES["rmse"](output, torch.tensor([0.0, 0.1]).reshape(2, 1, 1, 1))
    loss.backward()
    assert loss.item() == pytest.approx(0.15, abs=1e-5)
    assert output.grad.flatten().tolist() == pytest.approx([0.5, 0.0])


def test_log_rmse_heeds_errors_of_any_size_alike():
    target = torch.zeros(1, 1, 2, 2)
    losses = [LOSSES["log_rmse"](target + error, target).item() for error in (0.1, 1.0, 10.0)]
    assert np.diff(losses) == pytest.approx([np.log(10)] * 2, abs=0.03)
    both = LOSSES["log_rmse"](torch.tensor([0.1, 10.0]).reshape(2, 1, 1, 1), torch.zeros(2, 1, 1, 1)).item()
    assert both == pytest.approx(losses[1], abs=0.02)


def test_an_empty_target_has_a_finite_loss():
    assert torch.isfinite(modified_chi_square(torch.rand(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)))


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_least_where_the_output_is_the_target(name):
    target = torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]])
    assert LOSSES[name](target, target) < LOSSES[name]((target + 0.2) / 1.4, target)


@pytest.mark.parametrize("name", ["last", "best"])
def test_a_pickle_in_place_of_a_checkpoint_is_not_executed(tmp_path, name):
    with pytest.raises(KilledError):
        trained(tmp_path, killed_after=1)
    torch.save(Executed(tmp_path / "executed"), tmp_path / f"{name}.ckpt")
    with pytest.raises((InputError, pickle.UnpicklingError)):
        trained(tmp_path)
    assert not (tmp_path / "executed").exists()
