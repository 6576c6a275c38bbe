import json

import numpy as np
import pandas as pd
import pytest
from stembench.config import Recipe
from stembench.datasets.store import write_shard
from stembench.errors import InputError
from stembench.networks.registry import TrainedNetwork, build
from stembench.products import write_checksums
from stembench.training.on_dataset import train_on_dataset, training_identity

RECIPE = Recipe(source="a paper", crop_px=32, batch_images=4)
MADE_AS = {"architecture": "atomsegnet_unet", "width": 0.05, "options": {}}


@pytest.fixture(scope="module")
def shards(small_factory, tmp_path_factory):
    folders = [tmp_path_factory.mktemp(split) for split in ("train", "validation")]
    for split, folder in zip(("train", "validation"), folders):
        write_shard(folder, [small_factory.sample(split, number) for number in range(8)], {"made": "so"})
    return folders


def trained(folder, shards, lines, **changed):
    asked = {"task": "denoise", "seed": 0, "recipe": RECIPE, "samples_seen": 16, "epochs": 2, "made_as": MADE_AS}
    asked |= {"structures": {}, "about": {"network": "unet", "dataset": "mine"}, "report": lines.append} | changed
    train, validation = shards
    train_on_dataset(build(**MADE_AS, seed=asked["seed"]), folder, [train], [validation], **asked)


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


def test_a_drawn_training_shows_other_images_than_the_stored_one(tmp_path, shards, small_factory):
    for name, factory in (("stored", None), ("drawn", small_factory)):
        trained(tmp_path / name, shards, [], factory=factory, sampling={"of": "it"} if factory else None, cores=0)
    stored, drawn = (pd.read_csv(tmp_path / name / "history.csv") for name in ("stored", "drawn"))
    assert not np.array_equal(stored.train_loss, drawn.train_loss)
    assert json.loads((tmp_path / "drawn" / "model.json").read_text())["training"]["data"] == "on_the_fly"


class KilledError(Exception):
    pass


@pytest.mark.parametrize(
    ("changed", "continued"),
    [
        ({"cores": 2}, True),
        ({"recipe": RECIPE.model_copy(update={"source": "the same paper"})}, True),
        ({"recipe": RECIPE.model_copy(update={"learning_rate": 1e-3})}, False),
        ({"samples_seen": 24}, False),
        ({"code": "other"}, False),
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


def test_every_part_of_what_a_training_depends_on_changes_its_identity(tmp_path):
    def identity(content="a", recipe=RECIPE, **changed):
        (tmp_path / "data").write_text(content)
        (tmp_path / "checksums.sha256").unlink(missing_ok=True)
        write_checksums(tmp_path)
        depends_on = {"made_as": MADE_AS, "task": "denoise", "seed": 0, "samples_seen": 16, "epochs": 2}
        depends_on |= {"precision": "32", "sampling": None, "code": "", **changed}
        return training_identity([tmp_path], recipe, **depends_on)

    assert identity() == identity(recipe=RECIPE.model_copy(update={"source": "the same paper"}))
    changes = [{"made_as": MADE_AS | {"width": 0.1}}, {"task": "localise"}, {"seed": 1}, {"samples_seen": 20}]
    changes += [{"epochs": 1}, {"precision": "bf16"}, {"sampling": {"image_px": 64}}, {"code": "x"}, {"content": "b"}]
    changes += [{"recipe": RECIPE.model_copy(update={key: 8})} for key in ("crop_px", "batch_images", "loss")]
    assert len({identity(), *(identity(**change) for change in changes)}) == 1 + len(changes)


def test_a_task_that_a_network_does_not_learn_is_refused_with_those_that_it_does(tmp_path, shards):
    made_as = MADE_AS | {"architecture": "structural_prior"}
    with pytest.raises(InputError, match="structural_prior cannot learn to denoise; it learns localise"):
        train_on_dataset(
            build(**made_as, seed=0),
            tmp_path,
            *([folder] for folder in shards),
            task="denoise",
            seed=0,
            recipe=RECIPE,
            samples_seen=16,
            epochs=2,
            made_as=made_as,
            structures={},
        )
