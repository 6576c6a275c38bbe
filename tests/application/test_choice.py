import json

from stembench.application.choice import best_network, shipped_networks, trained_networks

DETECTION = """method,train_dataset,localiser,subset,testset,f1
unet,physical,maxima,all,lab,0.6
unet,physical,maxima,all,physical,0.7
unet,physical,otsu,all,physical,0.99
unet,physical,maxima,material=Si,physical,0.1
unetpp,physical,maxima,all,physical,0.9
unetpp,physical,maxima,all,lab,1.0
"""
FOLDERS = {f"models/{name}/seed0": (name, "physical") for name in ("unet", "unetpp", "unknown", "untrained")}


def in_(folder):
    for path in list(FOLDERS)[:3]:
        (folder / path).mkdir(parents=True)
        (folder / path / "weights.safetensors").touch()
    (folder / "tables").mkdir()
    (folder / "tables" / "detection.csv").write_text(DETECTION)
    return {str(folder / path): of for path, of in FOLDERS.items()}


def test_a_network_counts_by_what_it_was_trained_on_as_networks_are_compared(tmp_path):
    scores = trained_networks(in_(tmp_path), tmp_path / "tables", "localise")
    assert {path.split("/")[-2]: round(score, 3) for path, score in scores.items()} == {
        "unet": 0.7,
        "unetpp": 0.9,
        "unknown": float("-inf"),
    }


def test_without_tables_the_first_that_has_been_trained_is_taken(tmp_path):
    folders = in_(tmp_path)
    (tmp_path / "tables" / "detection.csv").unlink()
    assert best_network([trained_networks(folders, tmp_path / "tables", "localise")]) == next(iter(folders))


def test_the_best_of_what_ships_and_what_was_trained_is_taken(tmp_path):
    here = trained_networks(in_(tmp_path), tmp_path / "tables", "localise")
    for name, task, score in (("theirs", "localise", 0.95), ("weak", "localise", 0.5), ("other", "denoise", 1.0)):
        (tmp_path / "weights" / name).mkdir(parents=True)
        card = {"task": task, "score": {"f1": score}}
        (tmp_path / "weights" / name / "card.json").write_text(json.dumps(card))
    shipped = shipped_networks(tmp_path / "weights", "localise")
    assert set(shipped.values()) == {0.95, 0.5}
    assert best_network([here, shipped]) == str(tmp_path / "weights" / "theirs")
    assert best_network([here]).endswith("unetpp/seed0")


def test_there_may_be_none(tmp_path):
    assert best_network([shipped_networks(tmp_path, "denoise"), trained_networks({}, tmp_path, "denoise")]) is None
