"""A user's mistake ends in a message that names the file or the key and what to do; no plan is made with it."""

import time

import numpy as np
import pytest
import tifffile
import yaml
from copies import TINY, Copy
from PIL import Image
from stembench.errors import InputError
from stembench.lab.store import open_lab_image
from stembench.planning import Layout

LAYOUT = Layout("tiny")


def refused(done, *parts):
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    for part in parts:
        assert part in done.stdout, done.stdout[-4000:]


def refused_image(copy, config, message):
    """Import `mine`; whatever opens it then ends in the message."""
    folder = LAYOUT.lab_image.path(image="mine")
    assert copy.run(folder, config=config).returncode == 0
    with pytest.raises(InputError, match=message):
        open_lab_image(copy.folder / folder)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory, repository) -> Copy:
    """A copy in which nothing has been made, for plans."""
    return Copy(tmp_path_factory.mktemp("untouched"), repository)


def test_snakemake_says_what_is_wrong_in_the_configuration_without_a_traceback(untouched):
    refused(untouched.look("-n", "--config", "scael=demo"), "scael", "unknown key", "config/config.yaml")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('structures: {zones: {Au: ["000"]}}', ["structures.zones", "[000]", "no direction"]),
        (
            'structures: {zones: {Unobtainium: ["001"]}}',
            ["structures.zones.Unobtainium", "structures/Unobtainium.cif"],
        ),
        (
            "lab: {images: {mine: {file: mine.tif, pixel_size_A: 0.1, columns: mine.csv}}}",
            ["lab.images.mine.file", "images/mine.tif", "lab.images.mine.columns", "put it"],
        ),
        ("instrument: {from: images/, materials: [SrTiO3]}", ["instrument.from", "there is no image in images/"]),
        ("datasets: {theirs: {folder: nowhere}}", ["datasets.theirs.folder", "nowhere"]),
        ("lab: {images: {mine: {file: ../secret.tif}}}", ["lab.images.mine.file", "`..`"]),
    ],
    ids=["zone axis 000", "no CIF", "no image", "no image of the instrument", "no folder of others", "a way out"],
)
def test_what_is_not_there_or_cannot_be_is_named(untouched, tmp_path, text, parts):
    config = tmp_path / "mine.yaml"
    config.write_text(text)
    with pytest.raises(InputError) as told:
        untouched.plan(config).report.products  # noqa: B018
    for part in parts:
        assert part in str(told.value)


def test_weights_to_start_from_that_are_not_there_are_named_before_anything_runs(untouched):
    weights = Layout("demo").weights.path(network="tuned", task="denoise", dataset="physical", seed=0)
    settings = "networks={tuned: {variant_of: sffn, starts_from: nowhere}}"
    planned = untouched.look("-n", weights, "--config", settings, config=None)
    refused(planned, "networks.tuned.starts_from: there is no file nowhere/weights.safetensors", "name a network")


def test_a_broken_cif_is_named_and_the_other_materials_finish(copy):
    (copy.folder / "structures" / "Broken.cif").write_text("data_broken\nloop_\n_atom_site_label\n")
    wanted = [LAYOUT.projection.path(material=material, zone="001") for material in ("Broken", "Au")]
    done = copy.run("--keep-going", *wanted)
    refused(done, "structures/Broken.cif", "remove the file")
    assert [(copy.folder / path).exists() for path in wanted] == [False, True]


def test_a_lab_image_without_pixel_size_is_named(copy):
    tifffile.imwrite(copy.folder / "images" / "mine.tif", np.eye(64))
    config = copy.folder / "mine.yaml"
    config.write_text("lab: {images: {mine: {file: mine.tif}}}\n")
    refused_image(copy, config, r"mine\.tif.*lab\.images\.mine\.pixel_size_A")


def test_ones_own_annotated_image_is_scored_by_one_entry(copy, tiny_with):
    tifffile.imwrite(copy.folder / "images" / "mine.tif", np.eye(64))
    (copy.folder / "images" / "mine.csv").write_text("x_px,y_px\n0,0\n1,two\n")
    config = tiny_with({"lab": {"images": {"mine": {"file": "mine.tif", "pixel_size_A": 0.1, "columns": "mine.csv"}}}})
    rows = copy.plan(config).evaluations.detection
    assert {row.testset for row in rows} >= {"mine", "physical"}
    assert "pbtio3" not in {row.testset for row in rows}
    refused_image(copy, config, r"mine\.csv.*line 3.*'two'")


def test_ones_own_structures_alone_need_no_change_of_the_default(copy):
    folder = copy.folder / "structures"
    (folder / "Au.cif").rename(folder / "Mine.cif.kept")
    for path in folder.glob("*.cif"):
        path.unlink()
    (folder / "Mine.cif.kept").rename(folder / "Mine.cif")
    config = copy.folder / "mine.yaml"
    config.write_text('structures: {zones: {Mine: ["001"]}}\n')
    planned = copy.pending(config=config)
    assert LAYOUT.structure_figure.path(material="Mine", zone="001") in planned
    assert not [path for path in planned if "thickness" in path]


def test_an_impossible_file_name_fails_at_once(untouched):
    impossible = LAYOUT.projection.path(material="Au", zone="999")
    refused(untouched.look("-n", impossible), impossible)


LAUGHS = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else 'ha'] * 9)}]\n" for i in range(12))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (LAUGHS + "structures: {zones: {Au: *a11}}\n", ["a11", "unknown key", "structures.zones", "quoted key"]),
        ('lab: !!python/object/apply:os.mkdir ["executed"]\n', ["not valid JSON or YAML"]),
    ],
    ids=["keys that repeat themselves", "a Python object"],
)
def test_a_hostile_configuration_is_refused_soon(untouched, tmp_path, text, parts):
    config = tmp_path / "mine.yaml"
    config.write_text(text)
    start = time.monotonic()
    done = untouched.look("-n", config=config)
    refused(done, *parts)
    assert time.monotonic() - start < 30
    assert len(done.stdout) < 5000
    assert not (untouched.folder / "executed").exists()


def test_files_of_any_name_are_taken_and_nothing_is_written_outside_of_the_working_folder(tmp_path, repository):
    work = tmp_path / "work 'é' \"1\""
    work.mkdir()
    copy, beside = Copy(work, repository), tmp_path / "beside"
    beside.mkdir()
    (beside / "canary").write_text("alive")
    image, columns, folder = (
        "my \"image\" 'é' $(touch executed) 1.tif",
        "*?[my] columns; touch executed.csv",
        "their 'é' \"1\"",
    )
    tifffile.imwrite(work / "images" / image, np.tile(np.arange(64, dtype=np.uint8), (64, 1)))
    (work / "images" / columns).write_text("x_px,y_px\n1,1\n9,2\n3,12\n")
    for label in ("image", "position", "radius"):
        (work / folder / label).mkdir(parents=True)
    for number in range(1, 28):
        Image.fromarray(np.full((16, 16), number, np.uint8)).save(work / folder / "image" / f"{number}.png")
        (work / folder / "position" / f"{number}.txt").write_text("5 7\n")
        (work / folder / "radius" / f"{number}.txt").write_text("2\n")
    settings = yaml.safe_load(TINY.read_text())
    settings["lab"] = {"images": {"mine": {"file": image, "columns": columns, "pixel_size_A": 0.1}}}
    settings["datasets"] |= {"theirs": {"folder": folder, "pixel_size_A": 0.1}}
    (work / "mine.yaml").write_text(yaml.safe_dump(settings))
    wanted = [
        LAYOUT.lab_image.path(image="mine"),
        LAYOUT.shard.path(dataset="theirs", split="train", shard="00000"),
    ]
    done = copy.run(*wanted, config=work / "mine.yaml")
    assert done.returncode == 0, done.stdout[-4000:]
    assert all((work / path).is_dir() for path in wanted)
    assert [path.name for path in tmp_path.iterdir() if path != work] == ["beside"]
    assert [path.read_text() for path in beside.iterdir()] == ["alive"]
    assert not list(tmp_path.rglob("executed*"))
