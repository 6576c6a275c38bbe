"""The user's own images: dropped into a folder, and what comes out."""

import json
import shutil

import ase.io
import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml
from copies import TINY
from described import check_columns
from stembench.crystals.cif import read_crystal
from stembench.crystals.projection import project_structure
from stembench.errors import InputError
from stembench.lab.store import open_lab_image
from stembench.planning import Layout
from stembench.planning.lab import APPLIED
from stembench.products import read_json

LAYOUT = Layout("tiny")
PIXEL_SIZE_A = 0.1
#: What the table beside the images says, which is too much.
STATED_A = 0.103


def strontium_titanate(repository, rng, *, shape=(160, 192), turn_deg=8.0):
    """Counts of Gaussian columns of SrTiO3 [001], turned; positions [px] and whether each is of strontium."""
    crystal = project_structure(read_crystal(repository / "structures" / "SrTiO3.cif"), (0, 0, 1))
    heavy = [column for column in crystal.columns if {atom["element"] for atom in column["atoms"]} & {"Sr", "Ti"}]
    cells = np.mgrid[-30:31, -30:31].reshape(2, -1).T @ crystal.lattice
    cosine, sine = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    y, x = np.indices(shape)
    image, places, strontium = np.full(shape, 4.0), [], []
    for column in heavy:
        is_strontium = "Sr" in {atom["element"] for atom in column["atoms"]}
        at = (cells + np.array([column["x_A"], column["y_A"]])) @ np.array([[cosine, sine], [-sine, cosine]])
        at = at / PIXEL_SIZE_A
        for centre in at[np.all((at > -10) & (at < np.array(shape[::-1]) + 10), axis=1)]:
            height = 60 if is_strontium else 25
            image += height * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * 5.0**2))
            places.append(centre)
            strontium.append(is_strontium)
    places = np.array(places)
    inside = np.all((places > 12) & (places < np.array(shape[::-1]) - 13), axis=1)
    return rng.poisson(image), places[inside], np.array(strontium)[inside]


@pytest.fixture(scope="module")
def applied(finished, repository, tmp_path_factory):
    """A folder of images, what was put into them, and the finished run that `apply` was called in."""
    folder, rng = tmp_path_factory.mktemp("mine"), np.random.default_rng(0)
    image, places, strontium = strontium_titanate(repository, rng)
    tifffile.imwrite(folder / "my sample (1).tif", image.astype(np.uint16))
    frames = np.stack([strontium_titanate(repository, rng, shape=(64, 96))[0] for _ in range(2)])
    np.save(folder / "series.npy", frames.astype(np.float32))
    (folder / "images.csv").write_text(
        "image,pixel_size_A,mode,material,zone,frames\n"
        f"my sample (1).tif,{STATED_A},HAADF,SrTiO3,001,\n"
        f"series.npy,{PIXEL_SIZE_A},HAADF,,,each\n"
    )
    done = apply(finished, folder)
    assert done.returncode == 0, done.stdout[-8000:]
    return folder, places, strontium


def apply(copy, folder, *more):
    return copy.run("apply", *more, "--config", f"lab={{folder: '{folder}'}}")


def pending(copy, folder, *more, config=TINY):
    return copy.pending("apply", *more, "--config", f"lab={{folder: '{folder}'}}", config=config)


def results(copy, image="my_sample__1"):
    return copy.folder / LAYOUT.applied.path(image=image, product="")


def test_an_image_dropped_in_gives_everything_and_a_second_call_has_nothing_to_do(finished, applied):
    for image in ("my_sample__1", "series"):
        assert all((results(finished, image) / name).stat().st_size for name in APPLIED)
    assert (finished.folder / LAYOUT.applied_report).exists()
    assert "Nothing to be done" in apply(finished, applied[0]).stdout


def test_the_networks_that_were_taken_are_recorded_with_the_reason(finished, applied):
    record = read_json(finished.folder / LAYOUT.networks)
    for use in ("localise", "denoise"):
        assert "best of" in record[use]["reason"]
        assert "common validation images" in record[use]["reason"]
    summary = read_json(results(finished) / "summary.json")
    assert summary["network"] == record["localise"]["folder"]
    assert summary["denoiser"] == record["denoise"]["folder"]


@pytest.mark.parametrize(
    "heading",
    [
        "Chosen networks",
        "Refused images",
        "All images",
        "Columns of your images",
        "Found columns",
        "Summary of your images",
    ],
)
def test_the_page_on_products_names_the_columns_of_an_applied_image(finished, applied, heading):
    check_columns(heading, finished.folder, "tiny")


def test_no_image_is_read_anew_or_trained_for_at_another_scale_or_after_a_new_cif(finished, applied, tiny_with):
    scales = yaml.safe_load(TINY.read_text())["scales"]
    other = tiny_with({"scale": "other", "scales": scales | {"other": {"parent": "tiny", "train_images": 50}}})
    assert not set(pending(finished, applied[0], config=other).values()) - {"apply"}
    dropped = finished.folder / "structures" / "Dropped-1.cif"
    shutil.copy(finished.folder / "structures" / "Au.cif", dropped)
    try:
        assert not set(pending(finished, applied[0]).values()) - {"apply"}
    finally:
        dropped.unlink()


def test_columns_are_where_they_are_in_pixels_of_the_file_and_are_named_by_the_crystal(finished, applied):
    _, places, strontium = applied
    columns = pd.read_csv(results(finished) / "columns.csv")
    found = columns[["x_px", "y_px"]].to_numpy()
    distances = np.linalg.norm(places[:, None] - found, axis=2)
    near = distances.min(axis=1) < 2
    assert near.mean() > 0.97
    assert np.sqrt((distances.min(axis=1)[near] ** 2).mean()) * PIXEL_SIZE_A < 0.08
    species = columns.species.to_numpy()[distances.argmin(axis=1)][near]
    assert np.mean(species == np.where(strontium[near], "Sr", "Ti + O")) > 0.97
    np.testing.assert_allclose(columns.x_A, columns.x_px * STATED_A)
    assert columns.confidence.between(0, 1).all()
    assert (columns.uncertainty_pm > 0).all()


def test_the_crystal_says_how_far_the_pixel_size_is_off(finished, applied):
    structure = json.loads((results(finished) / "summary.json").read_text())["structure"]
    assert structure["fits"]
    assert structure["pixel_size_error_percent"] == pytest.approx(3, abs=0.4)
    assert "too large" in (results(finished) / "summary.html").read_text()


def test_exports_hold_the_columns_and_the_images_scale(finished, applied):
    columns = pd.read_csv(results(finished) / "columns.csv")
    atoms = ase.io.read(results(finished) / "columns.xyz")
    np.testing.assert_allclose(atoms.positions[:, :2], columns[["x_A", "y_A"]], atol=1e-4)
    denoised, raw = (
        tifffile.imread(results(finished) / "denoised.tif"),
        tifffile.imread(applied[0] / "my sample (1).tif"),
    )
    assert denoised.dtype == raw.dtype
    assert denoised.shape == raw.shape
    assert np.corrcoef(denoised.ravel(), raw.ravel())[0, 1] > 0.9
    assert abs(denoised.mean() / raw.mean() - 1) < 0.05


def test_each_frame_of_a_series_has_its_columns(finished, applied):
    columns = pd.read_csv(results(finished, "series") / "columns.csv")
    counts = columns.frame.value_counts()
    assert sorted(counts.index) == [0, 1]
    assert abs(counts[0] - counts[1]) <= 2


def test_corrections_survive_a_rerun_and_need_no_network(finished, applied):
    folder, *_ = applied
    before = pd.read_csv(results(finished) / "columns.csv")
    gone, moved = before.iloc[len(before) // 2], before.iloc[len(before) // 3]
    corrections = folder / "my sample (1).corrections.csv"
    corrections.write_text(
        "action,x_px,y_px,to_x_px,to_y_px\n"
        f"remove,{gone.x_px:.1f},{gone.y_px:.1f},,\n"
        f"move,{moved.x_px:.1f},{moved.y_px:.1f},{moved.x_px + 3:.2f},{moved.y_px:.2f}\n"
        "add,3,4,,\n"
    )
    done = apply(finished, folder)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Find the columns" not in done.stdout
    after = pd.read_csv(results(finished) / "columns.csv")
    assert len(after) == len(before)
    assert after.origin.value_counts().to_dict() == {"network": len(after) - 2, "moved": 1, "added": 1}
    assert after.intensity.notna().all()
    row = after[after.origin == "moved"].iloc[0]
    assert row.x_px == pytest.approx(moved.x_px + 3, abs=0.01)
    assert row.confidence == 1
    assert row.intensity < moved.intensity


def images_of(copy):
    return pd.read_csv(copy.folder / LAYOUT.applied_summary, index_col="image")


def test_all_images_stand_in_one_table(finished, applied):
    table = images_of(finished)
    assert list(table.index) == ["my_sample__1", "series"]
    assert table.refusal.isna().all()
    for image, row in table.iterrows():
        assert row["columns"] == len(pd.read_csv(results(finished, image) / "columns.csv"))
    assert table.loc["my_sample__1", "pixel_size_factor"] == pytest.approx(PIXEL_SIZE_A / STATED_A, abs=0.004)
    assert table.loc["series", "frames"] == 2


def test_a_refused_file_costs_the_others_nothing_and_every_call_fails_while_it_stands(finished, applied):
    folder, bad = applied[0], applied[0] / "bad.dm3"
    bad.write_bytes(b"no image")
    try:
        done = apply(finished, folder)
        assert done.returncode != 0
        assert "refused: 1 of 3 images" in done.stdout
        assert "bad.dm3: cannot be read" in done.stdout
        assert "Traceback" not in done.stdout
        assert "Find the columns" not in done.stdout
        table = images_of(finished)
        assert list(table.refusal.notna()) == [True, False, False]
        assert "bad.dm3: cannot be read" in (finished.folder / LAYOUT.applied_run).read_text()
        again = apply(finished, folder)
        assert again.returncode != 0
        assert "bad.dm3: cannot be read" in again.stdout
        assert "Import lab image" not in again.stdout

        image = LAYOUT.lab_image.path(image="bad")
        assert image not in pending(finished, folder)
        bad.write_bytes(b"no image either")
        assert image in pending(finished, folder)
    finally:
        bad.unlink()
    assert apply(finished, folder).returncode == 0
    assert list(images_of(finished).index) == ["my_sample__1", "series"]


def test_a_line_of_the_table_that_cannot_be_refuses_its_image_until_it_is_mended(finished, applied, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(applied[0], folder)
    lines = (folder / "images.csv").read_text()
    (folder / "images.csv").write_text(lines.replace("HAADF,,,each", "DF,,,each"))
    image = LAYOUT.lab_image.path(image="series")
    assert finished.run(image, "--config", f"lab={{folder: '{folder}'}}").returncode == 0
    with pytest.raises(InputError, match=r"images\.csv, line 3: mode is 'DF'; write 'HAADF'"):
        open_lab_image(finished.folder / image)
    assert image not in pending(finished, folder)
    (folder / "images.csv").write_text(lines)
    assert image in pending(finished, folder)
    assert apply(finished, applied[0]).returncode == 0


def test_corrections_that_cannot_be_are_told_and_the_image_is_finished_without_them(finished, applied):
    folder, corrections = applied[0], applied[0] / "series.corrections.csv"
    corrections.write_text("action,x_px,y_px\nremoove,3,4\n")
    try:
        done = apply(finished, folder)
    finally:
        corrections.unlink()
    assert done.returncode != 0
    assert "series.corrections.csv, line 2: action is 'remoove'" in done.stdout
    table = images_of(finished)
    assert "series.corrections.csv, line 2" in table.loc["series", "refusal"]
    assert table.loc["series", "columns"] > 0
    assert "were not used" in (results(finished, "series") / "summary.html").read_text()
    assert apply(finished, folder).returncode == 0


def test_an_image_without_a_pixel_size_is_told_the_line_to_write(finished, tmp_path):
    np.save(tmp_path / "mine.npy", np.ones((64, 64)))
    done = apply(finished, tmp_path)
    assert done.returncode != 0
    assert "images.csv" in done.stdout
    assert "mine.npy," in done.stdout
    assert "Traceback" not in done.stdout


def test_an_empty_folder_is_told_where_images_go(finished, tmp_path):
    done = apply(finished, tmp_path)
    assert done.returncode != 0
    assert "holds no image" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_network_that_is_not_there_is_named(finished, applied):
    done = finished.look("apply", "-n", "--config", f"lab={{folder: '{applied[0]}'}}", "apply={localise: weights/none}")
    assert done.returncode != 0
    assert "apply.localise: there is no file weights/none/weights.safetensors" in done.stdout
    assert "Traceback" not in done.stdout


def test_without_any_network_nothing_is_trained_or_deleted_and_the_command_that_trains_is_named(copy, applied):
    shutil.rmtree(copy.folder / "workflow_scripts" / "stembench" / "weights")
    kept = copy.folder / LAYOUT.weights.path(network="atomid_net", task="localise", dataset="physical", seed=0)
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"weights without a ranking")
    done = apply(copy, applied[0])
    assert done.returncode != 0
    assert "apply.localise: there is no trained network in" in done.stdout
    assert "ranking.json --cores all`" in done.stdout
    assert "Traceback" not in done.stdout
    assert kept.read_bytes() == b"weights without a ranking"
    assert [path for path in (copy.folder / "results").rglob("*") if path.is_file()] == [kept]


def test_a_network_that_knows_structures_is_told_that_of_the_table(finished, applied):
    training = {"network": "structural_prior", "task": "localise", "dataset": "physical", "seed": 0}
    named = f"apply={{localise: '{finished.folder / LAYOUT.model.path(**training)}'}}"
    known = LAYOUT.characterisation.path(**training)
    assert finished.run(known).returncode == 0
    told, untold = (LAYOUT.applied.path(image=image, product="summary.json") for image in ("my_sample__1", "series"))
    done = finished.run(told, untold, "--config", f"lab={{folder: '{applied[0]}'}}", named)
    assert done.returncode == 0, done.stdout[-8000:]
    summary = read_json(finished.folder / told)
    columns = pd.read_csv(results(finished) / "columns.csv")
    assert summary["columns_only_with_structure"] == columns.only_with_structure.sum()
    assert any("only_with_structure in columns.csv" in remark for remark in summary["remarks"])
    assert "columns_only_with_structure" not in read_json(finished.folder / untold)
