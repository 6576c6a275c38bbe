import pandas as pd
import pytest
from stembench.config import load_config
from stembench.estimate import Estimator, Job, wall_h

TRAINING = (("dataset", "physical"), ("network", "sfin"), ("seed", "0"), ("task", "denoise_background"))


def training(repository, tmp_path, network="sfin"):
    estimator = Estimator(load_config({}), {}, repository / "structures", tmp_path / "cost.csv")
    start = estimator.rules["train_network", ""].start_s
    found = estimator(Job("train_network", tuple(dict(TRAINING, network=network).items())))
    return found._replace(core_s=found.core_s - start)


@pytest.fixture
def measured(repository):
    rates = pd.read_csv(repository / "workflow_scripts" / "stembench" / "estimate_networks.csv")
    return rates[(rates.method == "sfin") & (rates.width == 0.25)]


def test_a_training_takes_its_crops_over_the_rate_that_was_measured(repository, tmp_path, measured):
    seconds = 12000 / measured.samples_per_s.item()
    assert training(repository, tmp_path).core_s == pytest.approx(seconds)


def test_the_rate_that_was_measured_here_goes_first(repository, tmp_path, measured):
    elsewhere = training(repository, tmp_path)
    measured.assign(samples_per_s=2 * measured.samples_per_s, note="").to_csv(tmp_path / "cost.csv")
    assert training(repository, tmp_path).core_s == pytest.approx(elsewhere.core_s / 2)
    assert training(repository, tmp_path).gpu_s == elsewhere.gpu_s


def test_a_gpu_that_was_measured_here_replaces_the_assumption(repository, tmp_path, measured):
    elsewhere = training(repository, tmp_path)
    measured.assign(samples_per_s=1000.0, device="NVIDIA", note="").to_csv(tmp_path / "cost.csv")
    assert training(repository, tmp_path).gpu_s == pytest.approx(12.0)
    assert training(repository, tmp_path).core_s == elsewhere.core_s


def test_a_network_that_nobody_measured_is_taken_for_the_costliest(repository, tmp_path):
    unknown = training(repository, tmp_path, network="faster_rcnn")  # which no environment of ours has measured
    known = [training(repository, tmp_path, network=name) for name in ("atomsegnet_unet", "fcn", "atomid_net")]
    assert unknown.gpu_s > max(each.gpu_s for each in known)


def test_a_run_is_at_least_as_long_as_its_longest_job():
    assert wall_h(10.0, 1.0, 4) == 2.5
    assert wall_h(10.0, 6.0, 4) == 6.0
