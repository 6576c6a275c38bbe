import json
import sys
from pathlib import Path

import pytest
from stembench.config import load_config
from stembench.errors import InputError
from stembench.planning.choice import SHIPPED, TASKS, USES, candidates, choose

CONFIG = load_config({})
MICROSCOPE = load_config({"instrument": {"from": ["se_mos2"], "materials": ["MoS2"]}})

MEASURES = {"localise": "f1", "denoise": "psnr_free_db"}


class Networks:
    """Folders of trained networks."""

    def __init__(self, folder: Path) -> None:
        self.shipped, self.results = folder / "weights", folder / "results"

    def add(self, name, score, *, task="localise", dataset="physical", scale="demo", seed=0, folder=None, **ranking):
        """Write what is left of a training that reached a score on the common validation images."""
        folder = folder or self.results / scale / "models" / name / task / dataset / f"seed{seed}"
        folder.mkdir(parents=True)
        (folder / "weights.safetensors").touch()
        (folder / "model.json").write_text(
            json.dumps({"dataset": dataset, "weights_sha256": f"of {name}", "architecture": name})
        )
        (folder / "characterisation.json").write_text("{}")
        ranked = "card.json" if self.shipped in folder.parents else "ranking.json"
        (folder / ranked).write_text(
            json.dumps(
                {"task": task, "metric": MEASURES.get(task, "psnr_free_db"), "ranked_on": "general", "score": score}
                | ranking
            )
        )
        return folder

    def ship(self, name, score, **more):
        return self.add(name, score, folder=self.shipped / name, **more)

    def chosen(self, use="localise", config=CONFIG):
        return choose(config, use, self.shipped, self.results)


@pytest.fixture
def networks(tmp_path):
    return Networks(tmp_path)


def test_the_network_that_is_best_on_the_common_validation_images_is_chosen(networks):
    for name, score in (("a", 0.7), ("b", 0.9), ("c", 0.8)):
        networks.add(name, score)
    assert networks.chosen().architecture == "b"
    assert "best of 3" in networks.chosen().reason
    assert "0.9" in networks.chosen().reason


def test_tables_change_no_choice(networks, tmp_path):
    """A high score on a network's own, easy test set counts nothing."""
    networks.add("a", 0.9)
    networks.add("b", 0.8, dataset="easy")
    chosen = networks.chosen()
    tables = networks.results / "demo" / "tables"
    tables.mkdir(parents=True)
    (tables / "detection.csv").write_text("method,train_dataset,testset,f1\na,physical,physical,0.1\nb,easy,easy,1\n")
    assert networks.chosen() == chosen


def test_networks_of_every_scale_and_those_that_ship_compete(networks):
    networks.ship("shipped", 0.5)
    networks.add("small", 0.6, scale="demo")
    assert networks.chosen().architecture == "small"
    networks.add("large", 0.7, scale="full")
    assert networks.chosen().architecture == "large"
    networks.ship("later", 0.8)
    assert networks.chosen().architecture == "later"


def test_a_use_looks_at_networks_of_its_task(networks):
    networks.add("a", 0.9, task="localise")
    networks.add("b", 30.0, task="denoise")
    networks.add("c", 99.0, task="denoise_background")
    assert networks.chosen("localise").architecture == "a"
    assert networks.chosen("denoise").architecture == "b"


@pytest.mark.parametrize("order", [("a", "b", "c"), ("c", "b", "a")])
def test_of_networks_that_score_alike_the_choice_is_always_the_same(networks, order):
    for name in order:
        networks.add(name, 0.9)
    assert networks.chosen().architecture == "a"


def test_networks_that_were_not_trained_or_not_ranked_are_left_out(networks):
    networks.add("a", 0.5)
    networks.add("b", 0.9, not_trained="torchvision does not load here")
    (networks.add("c", 0.9) / "ranking.json").unlink()
    (networks.add("d", 0.9) / "model.json").unlink()
    (networks.add("e", 0.9) / "weights.safetensors").unlink()
    assert [Path(each.folder).parts[-4] for each in candidates("localise", networks.shipped, networks.results)] == ["a"]


def test_the_noise_of_the_users_instrument_goes_before_a_higher_score(networks):
    networks.add("a", 0.9)
    networks.add("b", 0.5, dataset="instrument")
    networks.add("c", 0.6, dataset="instrument")
    assert networks.chosen(config=CONFIG).architecture == "a"
    chosen = networks.chosen(config=MICROSCOPE)
    assert chosen.architecture == "c"
    assert "your instrument" in chosen.reason


@pytest.mark.parametrize("use", USES)
def test_where_no_network_has_learnt_the_instrument_the_message_names_the_command_that_trains_one(networks, use):
    networks.add("a", 0.9, task=TASKS[use])
    with pytest.raises(InputError, match=rf"apply\.{use}: .*`snakemake instrument --cores all`"):
        networks.chosen(use, MICROSCOPE)


@pytest.mark.parametrize("use", USES)
def test_where_there_is_no_network_the_message_names_the_command_that_trains_one(networks, use, demo):
    with pytest.raises(InputError, match=rf"apply\.{use}: .*`snakemake .* --cores all`") as told:
        networks.chosen(use)
    target = Path(str(told.value).split("`snakemake ")[1].split()[0])
    network, task, dataset = target.parts[-5:-2]
    assert demo.config.networks[network].datasets == (dataset,)
    assert task == TASKS[use]


def test_a_network_that_the_configuration_names_is_taken_whatever_its_score(networks):
    networks.add("a", 0.9)
    folder = networks.add("b", 0.1)
    chosen = networks.chosen(config=load_config({"apply": {"localise": f"{folder}/"}}))
    assert (chosen.folder, chosen.architecture, chosen.reason) == (str(folder), "b", "named by apply.localise")


@pytest.mark.parametrize("file", ["weights.safetensors", "model.json", "characterisation.json"])
def test_a_file_that_a_named_network_lacks_is_named(networks, file):
    folder = networks.add("a", 0.9)
    (folder / file).unlink()
    with pytest.raises(InputError, match=rf"apply\.localise: there is no file {folder}/{file}"):
        networks.chosen(config=load_config({"apply": {"localise": str(folder)}}))


def test_a_better_network_that_is_not_characterised_does_not_stop_the_use_of_another(networks):
    (networks.add("better", 0.9) / "characterisation.json").unlink()
    usable = networks.ship("usable", 0.8)
    assert networks.chosen().folder == str(usable)


def test_every_network_that_a_run_trains_to_localise_can_be_applied_after_it(demo):
    trained = [training for training in demo.trainings.default if training.task == "localise"]
    assert len(trained) > 1
    assert {demo.layout.characterisation.path(**vars(training)) for training in trained} <= {*demo.report.products}


def test_the_message_on_a_missing_characterisation_names_the_command_that_makes_it(networks):
    missing = networks.add("a", 0.9) / "characterisation.json"
    missing.unlink()
    with pytest.raises(InputError, match=f"`snakemake {missing} --cores all`"):
        networks.chosen()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("ranking.json", "{"),
        ("ranking.json", '{"task": "localise"}'),
        ("ranking.json", '{"task": "localise", "score": {"f1": 0.9}}'),
        ("ranking.json", '{"task": "localise", "score": NaN}'),
        ("ranking.json", '{"score": 0.9}'),
        ("model.json", "{"),
        ("model.json", "{}"),
        ("model.json", '{"dataset": "physical"}'),
    ],
)
def test_a_damaged_file_of_a_network_is_named(networks, file, text):
    folder = networks.add("a", 0.9)
    (folder / file).write_text(text)
    with pytest.raises(InputError, match=f"{folder}/{file} is"):
        networks.chosen()


def test_a_damaged_card_is_named(networks):
    folder = networks.ship("a", 0.9)
    (folder / "card.json").write_text('{"task": "localise"}')
    with pytest.raises(InputError, match=r"a/card\.json is damaged"):
        networks.chosen()


@pytest.mark.parametrize("use", USES)
def test_a_network_ships_for_each_use(tmp_path, use):
    chosen = choose(CONFIG, use, results=tmp_path)
    assert Path(chosen.folder).parent == SHIPPED


@pytest.mark.parametrize("card", sorted(SHIPPED.glob("*/card.json")), ids=lambda path: path.parent.name)
def test_a_card_that_ships_holds_what_networks_are_ranked_by(card):
    told = json.loads(card.read_text())
    assert told["metric"] == MEASURES[told["task"]]
    assert told["ranked_on"] == "general"
    assert told["score"] > {"f1": 0.6, "psnr_free_db": 16}[told["metric"]]


def test_a_network_ranked_on_other_images_is_left_out(networks):
    networks.add("a", 0.7)
    networks.add("b", 0.9, ranked_on="physical")
    assert networks.chosen().architecture == "a"


def test_a_network_ranked_by_another_measure_is_left_out(networks):
    networks.add("a", 0.7)
    networks.add("b", 0.9, metric="mutualnn_f1")
    assert networks.chosen().architecture == "a"


@pytest.fixture
def ship(monkeypatch, repository):
    monkeypatch.syspath_prepend(repository / "workflow_scripts")
    import ship_network

    yield ship_network.ship
    sys.modules.pop("ship_network")


RECORD = {
    **{"network": "a", "architecture": "a", "dataset": "physical", "seed": 0, "scale": "demo", "width": 0.25},
    **{"parameters": 7, "source": "a paper", "pixel_size_A": [0.1, 0.2], "weights_sha256": "0"},
    "training": {"samples_seen": 8000},
}


def test_a_network_that_was_trained_here_competes_with_its_rank_where_it_ships(networks, ship):
    folder = networks.add("a", 0.9, images=100)
    (folder / "model.json").write_text(json.dumps(RECORD))
    (trained,) = candidates("localise", networks.shipped, networks.results)
    ship(folder, networks.shipped / "a")
    assert {path.name for path in (networks.shipped / "a").iterdir()} == {
        *("card.json", "characterisation.json", "model.json", "weights.safetensors")
    }
    (shipped,) = candidates("localise", networks.shipped, networks.results / "none")
    assert (shipped.score, shipped.dataset) == (trained.score, trained.dataset)


def test_a_network_that_was_not_ranked_cannot_ship(networks, ship):
    folder = networks.add("a", 0.9)
    (folder / "ranking.json").unlink()
    with pytest.raises(InputError, match=r"`snakemake .*ranking\.json --cores all`"):
        ship(folder, networks.shipped / "a")
