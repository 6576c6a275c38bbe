import time

import numpy as np
import pytest
import tifffile
import yaml
from copies import TINY, Copy
from PIL import Image


def refused(done, *parts):
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    for part in parts:
        assert part in done.stdout, done.stdout[-4000:]


def test_an_unknown_key_is_named(copy):
    refused(copy.run("-n", "--config", "scael=demo"), "scael", "unknown key", "config/config.yaml")


def test_zone_axis_000_is_named(copy):
    config = copy.folder / "mine.yaml"
    config.write_text('structures: {zones: {Pt: ["000"]}}\n')
    refused(copy.run("-n", config=config), "structures.zones", "[000]", "no direction")


def test_a_material_without_a_cif_is_named(copy):
    config = copy.folder / "mine.yaml"
    config.write_text('structures: {zones: {Unobtainium: ["001"]}}\n')
    refused(copy.run("-n", config=config), "structures.zones.Unobtainium", "structures/Unobtainium.cif")


def test_a_broken_cif_is_named_and_the_other_materials_finish(copy):
    (copy.folder / "structures" / "Broken.cif").write_text("data_broken\nloop_\n_atom_site_label\n")
    materials = {"Broken": "001", "Pt": "001", "MoS2": "001"}
    wanted = [f"results/structures/{m}/{z}/projection.json" for m, z in materials.items()]
    done = copy.run("--keep-going", *wanted)
    refused(done, "structures/Broken.cif", "remove the file")
    assert [(copy.folder / path).exists() for path in wanted] == [False, True, True]


def test_a_lab_image_without_pixel_size_is_named(copy):
    tifffile.imwrite(copy.folder / "images" / "mine.tif", [[1.0, 2.0], [3.0, 4.0]])
    config = copy.folder / "mine.yaml"
    config.write_text("lab: {images: {mine: {file: mine.tif}}}\n")
    refused(copy.run("results/lab/mine", config=config), "mine.tif", "lab.images.mine.pixel_size_A")


def test_a_missing_image_and_its_columns_are_named(copy):
    config = copy.folder / "mine.yaml"
    config.write_text("lab: {images: {mine: {file: mine.tif, pixel_size_A: 0.1, columns: mine.csv}}}\n")
    refused(
        copy.run("-n", config=config), "lab.images.mine.file", "images/mine.tif", "lab.images.mine.columns", "put it"
    )


def test_an_instrument_without_images_is_named(copy):
    config = copy.folder / "mine.yaml"
    config.write_text("instrument: {from: images/, materials: [SrTiO3]}\n")
    refused(copy.run("-n", config=config), "instrument.from", "no image lies in images/")


def test_ones_own_annotated_image_is_scored_by_one_entry(copy, tiny_with):
    tifffile.imwrite(copy.folder / "images" / "mine.tif", [[1.0, 2.0], [3.0, 4.0]])
    (copy.folder / "images" / "mine.csv").write_text("x_px,y_px\n0,0\n1,two\n")
    config = tiny_with({"lab": {"images": {"mine": {"file": "mine.tif", "pixel_size_A": 0.1, "columns": "mine.csv"}}}})
    done = copy.run("-n", "results/tables/detection.csv", config=config)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "results/evaluation/mine/smoothed_maxima/columns.parquet" in done.stdout
    assert "pbtio3" not in done.stdout
    refused(copy.run("results/lab/mine", config=config), "mine.csv", "line 3", "'two'")


def test_ones_own_structures_alone_need_no_change_of_the_default(copy):
    folder = copy.folder / "structures"
    (folder / "Pt.cif").rename(folder / "Mine.cif.kept")
    for path in folder.glob("*.cif"):
        path.unlink()
    (folder / "Mine.cif.kept").rename(folder / "Mine.cif")
    config = copy.folder / "mine.yaml"
    config.write_text('structures: {zones: {Mine: ["001"]}}\n')
    done = copy.run("-n", config=config)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "results/structures/Mine/001/structure.png" in done.stdout
    assert "thickness" not in done.stdout


def test_an_impossible_file_name_fails_at_once(copy):
    refused(copy.run("-n", "results/structures/Pt/999/projection.json"), "results/structures/Pt/999")


LAUGHS = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else 'ha'] * 9)}]\n" for i in range(12))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (LAUGHS, ["a11", "unknown key"]),
        (LAUGHS + "structures: {zones: {Pt: *a11}}\n", ["structures.zones", "quoted key"]),
        ('lab: !!python/object/apply:os.mkdir ["executed"]\n', ["not valid JSON or YAML"]),
        ("lab: {images: {mine: {file: ../secret.tif}}}\n", ["lab.images.mine.file", "`..`"]),
    ],
    ids=["unknown keys that repeat themselves", "zones that do", "a Python object", "a way out"],
)
def test_a_hostile_configuration_is_refused_soon(copy, text, parts):
    config = copy.folder / "mine.yaml"
    config.write_text(text)
    start = time.monotonic()
    done = copy.run("-n", config=config)
    refused(done, *parts)
    assert time.monotonic() - start < 30
    assert len(done.stdout) < 5000
    assert not (copy.folder / "executed").exists()


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
    tifffile.imwrite(work / "images" / image, np.arange(256, dtype=np.uint8).reshape(16, 16))
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
    wanted = ["results/lab/mine", "results/datasets/theirs/train/00000"]
    done = copy.run(*wanted, config=work / "mine.yaml")
    assert done.returncode == 0, done.stdout[-4000:]
    assert all((work / path).is_dir() for path in wanted)
    assert [path.name for path in tmp_path.iterdir() if path != work] == ["beside"]
    assert [path.read_text() for path in beside.iterdir()] == ["alive"]
    assert not list(tmp_path.rglob("executed*"))
