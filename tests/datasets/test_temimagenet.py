import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.spatial.distance import pdist, squareform
from stembench.config import ImportedDataset
from stembench.datasets.labels import LABELS, TEXT_LABELS, label
from stembench.datasets.sample import Sample
from stembench.datasets.store import read_samples, write_shard
from stembench.datasets.temimagenet import export_temimagenet, list_temimagenet, read_temimagenet
from stembench.errors import InputError


@pytest.fixture(scope="module")
def samples(small_factory):
    return [small_factory.sample(split, i) for split in ("train", "test") for i in range(4)]


@pytest.fixture(scope="module")
def exported(samples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    assert export_temimagenet(samples, folder) == len(samples)
    return folder


@pytest.fixture
def published(tmp_path):
    """A folder as others publish it: 30 images of 16 px, nine a structure, and no table beside them."""
    folder, rng = tmp_path / "published", np.random.default_rng(0)
    for name in ("image", "noNoise", "position", "radius"):
        (folder / name).mkdir(parents=True)
    for number in range(1, 31):
        for name in ("image", "noNoise"):
            pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:05d}.png")
        (folder / "position" / f"{number:05d}.txt").write_text(f" {number % 16 + 0.5} 3.25 \n 5 7 \n")
        (folder / "radius" / f"{number:05d}.txt").write_text(" 2 \n")
    return folder


def imported(folder, **keys):
    return list(read_temimagenet(ImportedDataset(folder=str(folder), **keys)))


def test_every_folder_holds_the_same_numbers_without_gaps(exported, samples):
    expected = [f"{number:05d}" for number in range(1, len(samples) + 1)]
    for name in ("image", *LABELS):
        suffix = ".txt" if name in TEXT_LABELS else ".png"
        assert sorted(path.name for path in (exported / name).iterdir()) == [stem + suffix for stem in expected]
    assert len([path for path in exported.iterdir() if path.is_dir()]) == 13


def test_a_loader_that_pairs_files_by_their_listing_sees_each_image_with_its_label(exported, samples):
    pairs = zip(*(sorted(path for path in (exported / name).iterdir()) for name in ("image", "circularMask")))
    for sample, (image, mask) in zip(samples, pairs):
        with Image.open(image) as seen, Image.open(mask) as target:
            assert seen.mode == target.mode == "L"
            assert np.abs(np.asarray(seen.convert("L")) / 255 - sample.images["image"]).max() <= 0.5 / 255 + 1e-6
            assert np.array_equal(np.asarray(target.convert("L")), 255 * label(sample, "circularMask"))


def test_interpolated_labels_are_twice_as_large(exported):
    with Image.open(exported / "noNoiseUpinterpolation2x" / "00001.png") as opened:
        assert opened.size == (128, 128)


def test_numbers_are_written_as_in_the_published_files(samples, tmp_path):
    columns = pd.DataFrame({"y_A": [167.76602366863758675], "x_A": [125.36139757986799736]})
    columns = pd.concat([columns, columns + 1]).assign(strength=1.0, asked=[True, False], hidden=False)
    drawn = {"sample": 0, "pixel_size_A": 1.0, "column_radius_A": 11.327048159668372307}
    drawn |= {"gaussian_mask_fwhm_A": 0.4, "superresolution_fwhm_A": 0.2}
    export_temimagenet([Sample(samples[0].images, columns, drawn)], tmp_path)
    read = {name: (tmp_path / name / "00001.txt").read_text() for name in TEXT_LABELS}
    assert read["position"] == " 168.76602366863758675 126.36139757986799736 \n"
    assert read["positionRadius"] == " 168.76602366863758675 126.36139757986799736 11.327048159668372307 \n"
    assert read["radius"] == " 11.327048159668372307 \n"
    assert float(read["smallradius"]) == pytest.approx(0.7 * 11.327048159668372307)


def test_what_is_exported_is_imported_again(exported, samples):
    assert any(made.columns.asked.any() for made in samples)
    for number, (made, read) in enumerate(zip(samples, imported(exported)), 1):
        pixel_size = made.parameters["pixel_size_A"]
        asked = made.columns[made.columns.asked].reset_index(drop=True)
        assert len(read.columns) == len(asked)
        if asked.empty:
            continue
        assert np.abs(read.columns[["x_A", "y_A"]] - asked[["x_A", "y_A"]]).to_numpy().max() < 1e-9 * pixel_size
        apart = squareform(pdist(asked[["x_A", "y_A"]])) + np.diag(np.full(len(asked), np.inf))
        assert read.columns.neighbour_A.to_numpy() == pytest.approx(apart.min(axis=1))
        assert list(made.images) == list(read.images)
        for name, image in made.images.items():
            assert np.abs(read.images[name] - image).max() <= 0.5 / 255 + 1e-6
        assert np.array_equal(label(read, "circularMask"), label(made, "circularMask"))
        renewed = {name: read.parameters[name] for name in ("sample", "split")}
        assert read.parameters == pytest.approx(made.parameters | renewed)
        assert read.parameters["sample"] == number


def test_without_a_table_pixel_size_and_structures_come_from_the_configuration(published):
    read = imported(published, pixel_size_A=0.1)
    assert [sample.parameters["structure"] for sample in read] == [0] * 9 + [1] * 9 + [2] * 9 + [3] * 3
    first = read[0]
    assert list(first.images) == ["image", "noNoise"]
    assert first.columns.y_A.to_numpy() == pytest.approx([0.05, 0.4])
    assert first.columns.x_A.to_numpy() == pytest.approx([0.225, 0.6])
    assert first.parameters["column_radius_A"] == pytest.approx(0.2)
    assert first.columns.strength.max() == 1


def test_a_column_s_strength_is_the_brightness_of_the_cleanest_image(published):
    pixels = np.zeros((16, 16), np.uint8)
    pixels[4, 6], pixels[0:2, 2] = 200, 100
    Image.fromarray(pixels).save(published / "noNoise" / "00001.png")
    columns = imported(published, pixel_size_A=0.1)[0].columns
    assert columns.strength.to_numpy() == pytest.approx([0.75 * 100 / 200, 1])  # the first lies 0.25 px off its pixels


def test_no_structure_is_in_two_splits_and_a_quarter_is_for_test(published):
    for number in range(31, 361):
        for name, suffix in (("image", "png"), ("noNoise", "png"), ("position", "txt"), ("radius", "txt")):
            (published / name / f"{number:05d}.{suffix}").hardlink_to(published / name / f"00001.{suffix}")
    recipe = ImportedDataset(folder=str(published), pixel_size_A=0.1)
    listed = list_temimagenet(recipe)
    assert (listed.groupby("structure").split.nunique() == 1).all()
    assert listed.groupby("split").structure.nunique().to_dict() == {"test": 10, "train": 26, "validation": 4}
    assert list_temimagenet(recipe).equals(listed)
    assert not list_temimagenet(recipe.model_copy(update={"seed": 1})).equals(listed)


def test_a_split_is_read_in_parts(published):
    recipe = ImportedDataset(folder=str(published), pixel_size_A=0.1)
    numbers = list_temimagenet(recipe).query("split == 'train'").index.to_list()
    assert len(numbers) > 9
    parts = [read_temimagenet(recipe, "train", first, last) for first, last in ((0, 5), (5, None))]
    assert [sample.parameters["sample"] for part in parts for sample in part] == numbers


def test_an_imported_dataset_is_stored_like_a_simulated_one(published, tmp_path):
    recipe = ImportedDataset(folder=str(published), pixel_size_A=0.1)
    write_shard(tmp_path, read_temimagenet(recipe), recipe.model_dump(mode="json"))
    for stored, read in zip(read_samples([tmp_path]), read_temimagenet(recipe), strict=True):
        assert stored.parameters == read.parameters
        assert stored.columns.reset_index(drop=True).equals(read.columns)
        assert all(np.array_equal(stored.images[name], image) for name, image in read.images.items())


def test_images_without_columns_are_imported(published):
    (published / "position" / "00001.txt").write_text("")
    first = imported(published, pixel_size_A=0.1)[0]
    assert not len(first.columns)
    assert not label(first, "gaussianMask").any()


def spoil(folder, mistake):
    grey = Image.fromarray(np.zeros((16, 16), np.uint8))
    match mistake:
        case "no image folder":
            shutil.rmtree(folder / "image")
        case "no positions":
            shutil.rmtree(folder / "position")
        case "image without position":
            (folder / "position" / "00007.txt").unlink()
        case "label without image":
            grey.save(folder / "noNoise" / "00031.png")
        case "other name":
            grey.save(folder / "image" / "first.png")
        case "outside":
            (folder / "position" / "00002.txt").write_text(" 3 17.5 \n")
        case "not a number":
            (folder / "position" / "00002.txt").write_text(" 3 four \n")
        case "nan":
            (folder / "position" / "00002.txt").write_text(" 3 nan \n")
        case "one number":
            (folder / "position" / "00002.txt").write_text(" 3 4 \n 5 \n")
        case "binary":
            (folder / "position" / "00002.txt").write_bytes(b"\xff\xfe\x00")
        case "radius":
            (folder / "radius" / "00002.txt").write_text(" -2 \n")
        case "truncated":
            path = folder / "image" / "00003.png"
            path.write_bytes(path.read_bytes()[:100])
        case "colour":
            grey.convert("RGB").save(folder / "image" / "00003.png")
        case "16 bit":
            Image.fromarray(np.zeros((16, 16), np.uint16)).save(folder / "image" / "00003.png")
        case "not square":
            Image.fromarray(np.zeros((16, 20), np.uint8)).save(folder / "image" / "00001.png")
        case "other size":
            Image.fromarray(np.zeros((32, 32), np.uint8)).save(folder / "noNoise" / "00003.png")
        case "few structures":
            for path in folder.glob("*/000[123]?.*"):
                path.unlink()
        case "no pixel size in the table":
            rows = [f"{number},0,{0.1 if number > 1 else ''}\n" for number in range(1, 31)]
            (folder / "metadata.csv").write_text("number,structure,pixel_size_A\n" + "".join(rows))
        case "table":
            (folder / "metadata.csv").write_text("number,structure\n1,0\n")


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        ("no image folder", "no folder image/"),
        ("no positions", "no folder position/"),
        ("image without position", "position holds no file for image/00007.png"),
        ("label without image", "noNoise holds 00031"),
        ("other name", "image/first.png"),
        ("outside", "position/00002.txt: position 3, 17.5 lies outside"),
        ("not a number", "position/00002.txt"),
        ("nan", "position/00002.txt"),
        ("one number", "position/00002.txt"),
        ("binary", "position/00002.txt"),
        ("radius", "radius/00002.txt"),
        ("truncated", "image/00003.png"),
        ("colour", "image/00003.png.*RGB"),
        ("16 bit", "image/00003.png.*I;16"),
        ("not square", "image/00001.png: is 20 x 16 px"),
        ("other size", "noNoise/00003.png: is 32 x 32 px where 16 x 16"),
        ("few structures", "1 structures"),
        ("no pixel size in the table", "metadata.csv"),
        ("table", "metadata.csv"),
    ],
)
def test_what_cannot_be_used_is_named(published, mistake, named):
    spoil(published, mistake)
    with pytest.raises(InputError, match=named):
        imported(published, pixel_size_A=0.1)


def test_a_missing_pixel_size_is_asked_for(published):
    with pytest.raises(InputError, match="pixel_size_A"):
        imported(published)
