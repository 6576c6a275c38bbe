import json

import numpy as np
import pandas as pd
import pytest
from stembench.datasets.loading import StoredPairs, kept
from stembench.datasets.store import write_shard
from stembench.errors import InputError
from stembench.networks.registry import build
from stembench.trained_network import TrainedNetwork
from stembench.training.on_dataset import train_on_dataset
from stembench.training.starting import take_weights

pytestmark = pytest.mark.slow

MADE_AS = {"architecture": "atomsegnet_unet", "width": 0.05, "options": {}}
IDENTITY = {
    "made_as": MADE_AS,
    "recipe": {"crop_px": 32, "batch_images": 4},
    "length": {"samples_seen": 16, "epochs": 2},
    "seed": 0,
    "precision": "auto",
    "sampling": None,
    "code": "",
}


@pytest.fixture(scope="module")
def shards(small_factory, tmp_path_factory):
    folders = [tmp_path_factory.mktemp(split) for split in ("train", "validation")]
    for split, folder in zip(("train", "validation"), folders):
        write_shard(folder, [small_factory.sample(split, number) for number in range(8)], {"made": "so"})
    return folders


def trained(folder, shards, lines, *, identity=IDENTITY, start=None, **changed):
    asked = {"task": "denoise", "structures": {}, "about": {"network": "unet", "dataset": "mine"}}
    asked |= {"report": lines.append} | changed
    train, validation = shards
    network = build(**identity["made_as"], seed=identity["seed"], task=asked["task"])
    if start:
        identity = identity | {"starts_from": take_weights(network, start)}
    train_on_dataset(network, folder, [train], [validation], identity=identity, **asked)


def test_a_trained_network_is_stored_with_its_record_and_history(tmp_path, shards):
    trained(tmp_path, shards, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv", "model.json", "weights.safetensors"]
    assert pd.read_csv(tmp_path / "history.csv").epoch.tolist() == [1, 2]
    record = json.loads((tmp_path / "model.json").read_text())
    assert record["dataset_recipe"] == {"made": "so"}
    assert record["label"] == "noNoise"
    assert record["training"]["samples_seen"] == 16
    assert record["training"]["data"] == "stored"
    assert record["network"] == "unet"
    assert TrainedNetwork(tmp_path)(np.zeros((1, 32, 32), np.float32)).shape == (1, 32, 32)


def test_a_training_that_hardly_learns_keeps_the_weights_that_it_starts_from(tmp_path, shards):
    first, second = tmp_path / "first", tmp_path / "second"
    trained(first, shards, [])
    identity = IDENTITY | {"recipe": IDENTITY["recipe"] | {"learning_rate": 1e-12}, "seed": 1}
    trained(second, shards, [], start=first, identity=identity)
    before, after = (dict(TrainedNetwork(folder).network.cpu().named_parameters()) for folder in (first, second))
    assert before.keys() == after.keys()
    for name, parameter in before.items():
        assert after[name].detach().numpy() == pytest.approx(parameter.detach().numpy(), abs=1e-9), name


def test_a_record_tells_what_the_training_started_from(tmp_path, shards):
    trained(tmp_path / "first", shards, [])
    trained(tmp_path / "second", shards, [], start=tmp_path / "first", task="denoise_2x")
    first, second = (json.loads((tmp_path / name / "model.json").read_text()) for name in ("first", "second"))
    assert "starts_from" not in first
    assert second["starts_from"] == {
        "folder": str(tmp_path / "first"),
        "weights_sha256": first["weights_sha256"],
        "dataset": "mine",
    }


def test_images_that_are_mixed_in_are_trained_on(tmp_path, shards, small_factory):
    """Samples of the other dataset may have the same numbers: each keeps its own columns."""
    other = tmp_path / "other"
    other.mkdir()
    write_shard(other, [small_factory.sample("train", number) for number in (7, 0)], {})
    alone, mixed = tmp_path / "alone", tmp_path / "mixed"
    trained(alone, shards, [], task="localise")
    trained(mixed, shards, [], task="localise", mixed_shards=[other], identity=IDENTITY | {"mixed_with": "other"})
    losses = [pd.read_csv(folder / "history.csv").train_loss for folder in (alone, mixed)]
    assert not np.array_equal(*losses)
    assert json.loads((mixed / "model.json").read_text())["mixed_with"] == "other"
    stored = [StoredPairs([folder], "gaussianMask") for folder in (shards[0], other)]
    pairs, _ = kept(stored, 0)
    assert len(pairs) == 10
    for at, same in ((8, 7), (9, 0)):
        assert np.array_equal(pairs[at][1], pairs[same][1])


def test_damaged_weights_are_refused(tmp_path, shards):
    trained(tmp_path, shards, [])
    (tmp_path / "weights.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="damaged"):
        take_weights(build(**MADE_AS, seed=0), tmp_path)


def test_a_drawn_training_shows_other_images_than_the_stored_one(tmp_path, shards, small_factory):
    for name, factory in (("stored", None), ("drawn", small_factory)):
        sampling = {"of": "it"} if factory else None
        trained(tmp_path / name, shards, [], factory=factory, identity=IDENTITY | {"sampling": sampling}, cores=0)
    stored, drawn = (pd.read_csv(tmp_path / name / "history.csv") for name in ("stored", "drawn"))
    assert not np.array_equal(stored.train_loss, drawn.train_loss)
    assert json.loads((tmp_path / "drawn" / "model.json").read_text())["training"]["data"] == "on_the_fly"


class KilledError(Exception):
    pass


@pytest.mark.parametrize(
    ("changed", "continued"),
    [
        ({"cores": 2}, True),
        ({"identity": IDENTITY | {"recipe": IDENTITY["recipe"] | {"learning_rate": 1e-3}}}, False),
        ({"identity": IDENTITY | {"length": {"samples_seen": 24, "epochs": 2}}}, False),
        ({"identity": IDENTITY | {"code": "other"}}, False),
        ({"identity": IDENTITY | {"starts_from": {"weights_sha256": "other"}}}, False),
    ],
)
def test_a_killed_training_continues_if_nothing_changed_that_it_depends_on(tmp_path, shards, changed, continued):
    def killed(line):
        if line.startswith("epoch 2/"):
            raise KilledError

    with pytest.raises(KilledError):
        trained(tmp_path, shards, [], report=killed)
    lines = []
    trained(tmp_path, shards, lines, **changed)
    assert lines[0].startswith("going on from" if continued else "epoch 1/2"), lines
    assert not (tmp_path / "checkpoints").exists()


def test_a_killed_training_begins_anew_with_other_images(tmp_path, shards):
    def killed(line):
        raise KilledError

    with pytest.raises(KilledError):
        trained(tmp_path, shards, [], report=lambda line: killed(line) if line.startswith("epoch 2/") else None)
    lines = []
    trained(tmp_path, shards[::-1], lines)
    assert lines[0].startswith("epoch 1/2")


def test_a_task_that_a_network_does_not_learn_is_refused_with_those_that_it_does(tmp_path, shards):
    identity = IDENTITY | {"made_as": MADE_AS | {"architecture": "structural_prior"}}
    with pytest.raises(InputError, match="structural_prior cannot learn to denoise; it learns localise"):
        trained(tmp_path, shards, [], identity=identity)
