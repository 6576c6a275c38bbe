import re
import shutil

import pandas as pd
import pytest
import yaml
from copies import TINY, Copy

TABLES = ("priors", "enlarged", "detection", "cost")


@pytest.fixture(scope="module")
def tables(finished, tmp_path_factory) -> dict[str, pd.DataFrame]:
    """Tables that a finished run makes in addition, in a copy, and those that one more network changes."""
    copy = Copy(shutil.copytree(finished.folder, tmp_path_factory.mktemp("studies") / "copy"))
    settings = yaml.safe_load(TINY.read_text())
    settings["networks"]["faster_rcnn"] = {"tasks": ["localise"]}
    config = copy.folder / "mine.yaml"
    config.write_text(yaml.safe_dump(settings, sort_keys=False))
    done = copy.run(*(f"results/tables/{name}.csv" for name in TABLES), config=config)
    assert done.returncode == 0, done.stdout[-4000:]
    return {path.stem: pd.read_csv(path) for path in (copy.folder / "results" / "tables").glob("*.csv")}


def test_a_study_of_columns_comes_from_one_target(tables):
    table = tables["priors"]
    rows = table[table.subset == "all"].set_index("method")
    assert list(rows.index) == ["right", "wrong", "template_matching", "gaussian_fit_atomap"]
    assert (rows.kind == ["network"] * 2 + ["baseline"] * 2).all()
    assert list(rows.localiser.dropna()) == ["maxima"] * 2 + ["gaussian_fit_atomap"]
    assert (rows.f1[["template_matching", "gaussian_fit_atomap"]] > 0.3).all()  # which no training of seconds makes


def test_a_study_of_images_has_their_quality_and_its_differences(tables):
    table = tables["enlarged"]
    rows = table[table.subset == "all"].set_index("method")
    assert list(rows.index) == ["atomsegnet_unet", "gaussian"]
    assert (rows.psnr_db > 5).all()  # of images of the label's own size
    assert set(tables["enlarged_comparison"].baseline) == {"atomsegnet_unet"}


def test_every_study_can_be_asked_for(finished):
    done = finished.run("studies", "--dry-run")
    assert done.returncode == 0, done.stdout[-4000:]
    trained = re.findall(r"Train (\S+) to (\S+) on (\S+),", done.stdout)
    assert set(trained) >= {
        ("structural_prior_unet", "localise", "physical"),
        ("structural_prior_self_attention", "localise", "physical"),
        ("structural_prior_cross_attention", "localise", "physical"),
        ("atomsegnet_unetpp", "superresolve_2x", "physical"),
        ("sfin", "denoise_background", "bright_field"),
    }
    assert len(trained) == len(set(trained))


def test_a_network_that_cannot_be_had_says_so_in_its_rows_and_the_rest_goes_on(tables):
    table = tables["detection"]
    by_maxima = table.localiser == "maxima"
    rows = table[(table.subset == "all") & by_maxima].set_index(["method", "testset"])
    assert rows.note["faster_rcnn", "physical"].startswith("torchvision does not load here")
    assert pd.isna(rows.f1["faster_rcnn", "physical"])
    assert rows.f1["smoothed_maxima", "physical"] > 0
    assert "faster_rcnn" in set(tables["cost"].method)
