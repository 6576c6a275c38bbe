import re
import shutil

import pandas as pd
import pytest
import yaml
from copies import Copy
from stembench.products import read_json

NAME = "plain_cnn"


@pytest.fixture(scope="module")
def example(repository):
    """The README's example: the file, and the entry."""
    section = (repository / "README.md").read_text().split("## Add a network")[1].split("\n## ")[0]
    return [re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)[1] for language in ("python", "yaml")]


def test_the_network_of_the_readme_is_ten_lines_beside_its_imports(example):
    lines = [line for line in example[0].splitlines() if line.strip() and not line.startswith(("import", "from"))]
    assert len(lines) <= 10


def test_a_network_is_one_file_and_one_entry_and_nothing_else_is_made_again(finished, tiny_with, example):
    code, entry = example
    assert set(yaml.safe_load(entry)["networks"]) == {NAME}
    file = finished.folder / "workflow_scripts" / "stembench" / "networks" / f"{NAME}.py"
    config = tiny_with(yaml.safe_load(entry))
    trained = f"results/models/{NAME}/localise/physical/seed0/model.json"
    try:
        file.write_text(code)
        planned = finished.run("-n", config=config).stdout
        done = finished.run(trained, config=config)
    finally:
        file.unlink()
    assert done.returncode == 0, done.stdout[-4000:]
    assert read_json(finished.folder / trained)["architecture"] == NAME
    rules = set(re.findall(r"^(\w+) +\d+$", planned, re.MULTILINE))
    assert {"train_network", "tune_detection", "evaluate_network", "tabulate_detection"} <= rules
    assert not rules & {"project_structure", "generate_shard", "calibrate_noise", "tune_enhancement"}
    assert len(re.findall(r"Train (\w+) to", planned)) == 1


def test_a_network_that_cannot_be_had_says_so_in_its_rows_and_the_rest_goes_on(finished, tiny_with, tmp_path):
    copy = Copy(shutil.copytree(finished.folder, tmp_path / "copy"))
    tables = [f"results/tables/{name}.csv" for name in ("detection", "cost")]
    done = copy.run(*tables, config=tiny_with({"networks": {"faster_rcnn": {"tasks": ["localise"]}}}))
    assert done.returncode == 0, done.stdout[-4000:]
    detection, cost = (pd.read_csv(copy.folder / path) for path in tables)
    by_maxima = detection[(detection.localiser == "maxima") & (detection.subset == "all")]
    rows = by_maxima.set_index(["method", "testset"])
    assert rows.note["faster_rcnn", "physical"].startswith("torchvision does not load here")
    assert pd.isna(rows.f1["faster_rcnn", "physical"])
    assert rows.f1["smoothed_maxima", "physical"] > 0
    assert "faster_rcnn" in set(cost.method)
