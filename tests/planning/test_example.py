from contextlib import chdir
from dataclasses import replace

import pytest
from stembench.errors import InputError
from stembench.planning.lab import EXAMPLES


@pytest.fixture(scope="module")
def jobs(demo_rules):
    """The jobs of `snakemake example`, in a folder without images and trained networks."""
    with chdir(demo_rules.folder):
        targets, *_ = demo_rules.rules["example"].expand_input({}, groupid=None)
    return demo_rules.closure(map(str, targets))


def test_the_example_gives_an_overlay_and_a_table_of_columns_of_each_image(jobs):
    for image in EXAMPLES:
        assert {f"results/applied/{image}/{name}" for name in ("overlay.png", "columns.csv")} <= set(jobs)


def test_the_example_trains_and_simulates_nothing(jobs):
    assert {job.rule for job in jobs.values()} == {
        *("fetch_lab_images", "import_lab_image", "choose_networks"),
        *("find_columns", "denoise_image", "analyse_columns", "draw_columns"),
    }


def test_the_example_applies_the_networks_that_ship(jobs):
    chosen = jobs["results/applied/networks.json"].params["networks"]
    for use in ("localise", "denoise"):
        assert "stembench/weights/" in chosen[use]["folder"]


def test_the_example_does_not_fetch_the_large_archive(jobs):
    fetched = {path for path in jobs if path.endswith(".archive")}
    assert fetched == {f"results/lab/distributions/{name}.archive" for name in ("atomap", "temul")}


def test_a_configuration_that_removes_every_example_image_is_named(demo):
    with pytest.raises(InputError, match=r"lab\.images: no example image is left; remove `null`"):
        print(replace(demo.lab, images={}).example_products)
