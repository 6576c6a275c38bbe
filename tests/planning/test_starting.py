"""Which trained weights a training starts from, and what is refused."""

import json
import re
from pathlib import Path

import pytest
from stembench.errors import InputError
from stembench.planning import Training

SHIPPED = "workflow_scripts/stembench/weights/column_finder"
RECORD = {"architecture": "sffn", "width": 0.25, "options": {}, "weights_sha256": "of it"}


def tuned(starts_from, of="sffn", task="denoise_background", **settings):
    entry = {"variant_of": of, "tasks": [task], "starts_from": str(starts_from)}
    return {"networks": {"tuned": entry | settings}}


def training(network="tuned", task="denoise_background"):
    return Training(network, task, "physical", 0)


@pytest.fixture
def folder(tmp_path):
    """A folder of the trained network that RECORD describes."""
    (tmp_path / "weights.safetensors").touch()
    (tmp_path / "model.json").write_text(json.dumps(RECORD))
    return tmp_path


def test_a_training_is_told_from_others_by_the_digest_of_its_first_weights(plan_of, folder):
    plan = plan_of(tuned(folder))
    assert plan.trainings.identity(training())["starts_from"] == "of it"
    (folder / "model.json").write_text(json.dumps(RECORD | {"weights_sha256": "another"}))
    assert plan.trainings.identity(training())["starts_from"] == "another"
    assert plan.trainings.start_files("tuned") == []


def test_weights_elsewhere_are_the_same(plan_of, folder, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved") / "folder"
    before = plan_of(tuned(folder)).trainings.identity(training())
    folder.rename(moved)
    assert plan_of(tuned(moved)).trainings.identity(training()) == before


def test_trainings_from_random_weights_stay_as_they_are(plan_of, demo, folder):
    plan = plan_of(tuned(folder))
    assert demo.trainings.default
    for one in demo.trainings.default:
        assert plan.trainings.identity(one) == demo.trainings.identity(one)


def test_a_network_that_ships_is_found_by_its_name_from_any_folder(plan_of, repository, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    start = plan_of(tuned("column_finder", "column_finder", "localise")).trainings.start("tuned")
    assert Path(start.folder) == repository / SHIPPED
    assert start.told_by == json.loads((repository / SHIPPED / "model.json").read_text())["weights_sha256"]


def test_a_network_that_ships_is_found_by_its_folder(plan_of, repository, monkeypatch):
    monkeypatch.chdir(repository)
    start = plan_of(tuned(f"{SHIPPED}/", "column_finder", "localise")).trainings.start("tuned")
    assert start.folder == SHIPPED


def test_weights_that_the_workflow_makes_are_made_first(rules_of):
    first = "results/demo/models/sffn/denoise/physical/seed1"
    rules = rules_of(tuned(f"{first}/"))
    plan = rules.plan.trainings
    assert plan.identity(training())["starts_from"] == first
    weights = plan.layout.weights.path(**vars(training()))
    (rule,) = rules.producers(weights)
    job = rules.job(rule, weights)
    assert {f"{first}/weights.safetensors", f"{first}/model.json"} <= {*job.inputs}
    assert job.params["starts_from"] == first
    random = rules.job(rule, f"{first}/weights.safetensors")
    assert {path for path in random.inputs if "/models/" in path} == set()
    assert random.params["starts_from"] is None


@pytest.mark.parametrize("file", ["weights.safetensors", "model.json"])
def test_a_missing_file_is_named_when_the_workflow_is_planned(plan_of, folder, file):
    (folder / file).unlink()
    message = f"networks.tuned.starts_from: there is no file {folder}/{file}; name a network that ships (column_finder,"
    with pytest.raises(InputError, match=re.escape(message)):
        plan_of(tuned(folder)).trainings.files(training().method, "denoise_background")


@pytest.mark.parametrize("named", ["nowhere", "results/full/models/sffn/denoise/physical/seed0"])
def test_a_folder_that_is_not_there_and_is_not_made_is_named(plan_of, named):
    with pytest.raises(InputError, match=f"no file {named}/weights"):
        plan_of(tuned(named)).trainings.start("tuned")


@pytest.mark.parametrize("record", ["{", "[]", '{"not_trained": "no torchvision"}'])
def test_a_record_of_no_trained_network_is_named(plan_of, folder, record):
    (folder / "model.json").write_text(record)
    with pytest.raises(InputError, match=rf"starts_from: {folder}/model\.json is no record of a trained network"):
        plan_of(tuned(folder)).trainings.start("tuned")


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        (
            {"architecture": "sfin"},
            ["has architecture sfin, and networks.tuned has sffn", "networks.tuned.architecture"],
        ),
        ({"width": 1.0}, ["has width 1.0, and networks.tuned has 0.25", "set networks.tuned.recipes.demo.width"]),
        ({"options": {"frequency": False}}, ["has options {'frequency': False}", "set networks.tuned.options"]),
    ],
)
def test_weights_of_another_network_are_refused_with_the_key_to_set(plan_of, folder, changed, parts):
    (folder / "model.json").write_text(json.dumps(RECORD | changed))
    with pytest.raises(InputError, match=r"^networks\.tuned\.starts_from: the network in") as refused:
        plan_of(tuned(folder)).trainings.check("tuned", "denoise_background", "physical")
    for part in (str(folder), *parts):
        assert part in str(refused.value)


def test_weights_that_the_workflow_would_make_of_another_network_are_refused(plan_of):
    with pytest.raises(InputError, match=r"has architecture sfin, and networks\.tuned has sffn"):
        plan_of(tuned("results/demo/models/sfin/denoise/physical/seed0")).trainings.start("tuned")


def test_a_training_that_starts_from_itself_is_refused(plan_of):
    settings = tuned("results/demo/models/tuned/denoise/physical/seed0")
    with pytest.raises(InputError, match=r"networks\.tuned\.starts_from leads back to itself \(tuned -> tuned\)"):
        plan_of(settings).trainings.start("tuned")


def test_a_training_starts_from_one_that_starts_from_another(plan_of, folder):
    settings = tuned(folder)
    first = "results/demo/models/tuned/denoise/physical/seed0"
    settings["networks"]["twice"] = {"variant_of": "tuned", "tasks": ["denoise_background"], "starts_from": first}
    assert plan_of(settings).trainings.start("twice").folder == first
    (folder / "weights.safetensors").unlink()
    with pytest.raises(InputError, match=r"networks\.tuned\.starts_from: there is no file"):
        plan_of(settings).trainings.start("twice")


MIXED = {"networks": {"tuned": {"variant_of": "sffn", "tasks": ["denoise_background"], "mixed_with": "general"}}}


def test_images_that_are_mixed_into_a_training_are_made_first(rules_of):
    rules = rules_of(MIXED)
    plan = rules.plan
    weights = plan.layout.weights.path(**vars(training()))
    (rule,) = rules.producers(weights)
    assert {*plan.datasets.shards("general", "train")} <= {*rules.job(rule, weights).inputs}
    assert plan.trainings.identity(training())["mixed_with"] == "general"
    alone = plan.layout.weights.path(**vars(training("sffn")))
    assert not any("/general/" in path for path in rules.job(rule, alone).inputs)
    assert "mixed_with" not in plan.trainings.identity(training("sffn"))


def test_images_are_mixed_into_no_training_that_draws_its_samples(plan_of):
    plan = plan_of(MIXED | {"training": {"data": "on_the_fly"}})
    with pytest.raises(InputError, match=r"networks\.tuned\.mixed_with: .* set training\.data to stored"):
        plan.trainings.check("tuned", "denoise_background", "physical")


@pytest.mark.parametrize("scale", ["demo", "full"])
def test_the_networks_of_an_instrument_start_from_those_that_ship(plan_of, scale):
    settings = {"scale": scale, "instrument": {"from": ["perovskite_adf"], "materials": ["Si"]}}
    plan = plan_of(settings)
    assert len(plan.trainings.instrument) == 3
    for network, shipped in (("instrument_column_finder", "column_finder"), ("instrument_denoiser", "image_denoiser")):
        assert Path(plan.trainings.start(network).folder).name == shipped


def test_the_networks_of_an_instrument_that_shows_dark_columns_start_from_random_weights(plan_of):
    plan = plan_of({"instrument": {"from": ["perovskite_abf"], "materials": ["SrTiO3"], "mode": "ABF"}})
    assert all("/atomsegnet_unet/" in path for path in plan.trainings.instrument)
    assert plan.trainings.start("atomsegnet_unet") is None


def test_a_network_of_an_instrument_that_there_is_not_is_named(plan_of):
    settings = {"instrument": {"from": ["perovskite_adf"], "materials": ["Si"], "localise": "unknown"}}
    with pytest.raises(InputError, match=r"instrument\.localise names 'unknown', which networks does not hold"):
        plan_of(settings)
