import pandas as pd
import pytest
from stembench.networks.registry import save_untrained
from stembench.products import write_json
from stembench.reporting.tables import (
    IDENTITY,
    cost_table,
    detection_table,
    enhancement_comparison,
    enhancement_table,
    precision_table,
    read_detection,
    write_table,
)


def result(method, kind, psnr, structure, seed=0):
    return {
        "method": method,
        "kind": kind,
        "task": "denoise_background",
        "train_dataset": "physical" if kind == "network" else "",
        "scale": "demo",
        "width": 0.25 if kind == "network" else None,
        "seed": seed,
        "testset": "physical",
        "sample": structure,
        "structure": structure,
        "material": "Pt",
        "condition": "200keV_24mrad",
        "counts_per_px": 3.0,
        "shot_noise_alone": True,
        "mode": "HAADF",
        "dose_e_per_A2": 1.0,
        "pixel_size_A": "0.08-0.16",
        "note": "",
        "images": 1.0,
        "psnr_db": psnr,
        "ssim": 0.5,
    }


@pytest.fixture
def results() -> pd.DataFrame:
    rows = [result("net", "network", 20.0 + s + seed, s, seed) for s in range(6) for seed in range(2)]
    return pd.DataFrame(rows + [result("filter", "baseline", 18.0 + s, s) for s in range(6)])


def test_a_row_is_the_mean_over_images_and_seeds_with_their_spread(results):
    table = enhancement_table(results, 100).set_index("method")
    assert list(enhancement_table(results, 100).columns[:9]) == list(IDENTITY)
    assert table.psnr_db["net"] == pytest.approx(20 + 2.5 + 0.5)
    assert table.psnr_db_seed_sd["net"] == pytest.approx(2**-0.5)
    assert table.n_seeds["net"] == 2
    assert table.n_images["net"] == 6
    assert table.psnr_db["filter"] == pytest.approx(20.5)


def test_subsets_too_small_for_an_interval_are_left_out_where_that_is_asked_for(results):
    results = results.assign(material=["Pt" if s < 4 else "Si" for s in results.structure])
    found = results.assign(part="all", tp=1.0, fp=0.0, fn=0.0)
    sums = ("x_pm", "y_pm", "x2_pm2", "y2_pm2", "bounded", "bounded_x2_y2_pm2", "crlb2_pm2", "mutual", "chamfer_A")
    found = found.assign(**dict.fromkeys((*sums, "chamfers"), 0.0))
    assert set(detection_table(found, 100).subset) == {"all", "material=Pt", "material=Si"}
    assert set(detection_table(found, 100, 5).subset) == {"all"}


@pytest.fixture
def evaluated(tmp_path) -> dict:
    """One image of a method that found one column of three: on a particle's rim, inside of it, and hidden."""
    columns = {
        "outcome": ["tp", "fn", "fn"],
        "resolved": True,
        "hidden": [False, False, True],
        "rim_A": [2.0, 4.0, 9.0],
    }
    numbers = ("x_A", "y_A", "true_x_A", "true_y_A", "error_x_pm", "error_y_pm", "crlb_pm")
    columns |= {"strength": 1.0, "sample": 0} | dict.fromkeys(numbers, 0.0)
    pd.DataFrame(columns).to_parquet(tmp_path / "columns.parquet")
    pd.DataFrame([{"sample": 0, "structure": 0, "pixel_size_A": 0.04}]).to_parquet(tmp_path / "images.parquet")
    return {"method": "net", "folder": tmp_path}


def test_columns_at_the_rim_inside_and_hidden_are_parts_of_their_own(evaluated):
    parts = read_detection([evaluated], 0.5, 0.5, 3.0).set_index("part")
    assert parts.loc[["all", "rim=edge", "rim=inside", "hidden=true"], ["tp", "fn"]].to_numpy().tolist() == [
        [1, 1],
        [1, 0],
        [0, 1],
        [0, 1],
    ]


def test_an_image_lies_in_the_band_of_its_pixel_size(evaluated):
    assert set(read_detection([evaluated], 0.5, 0.5, 3.0).pixel_size_A) == {"0-0.05"}


def test_a_constant_gain_has_no_width(results):
    (row,) = enhancement_comparison(results, 100).itertuples()
    assert (row.difference, row.low, row.high) == pytest.approx((2.5, 2.5, 2.5))


def test_no_network_gives_an_empty_comparison_that_is_still_written(results, tmp_path):
    empty = enhancement_comparison(results[results.kind == "baseline"], 100)
    paths = [str(tmp_path / f"empty.{suffix}") for suffix in ("csv", "md", "tex")]
    write_table(empty, paths)
    assert list(pd.read_csv(paths[0]).columns) == list(IDENTITY)


def test_no_poisson_images_give_an_empty_precision_table(results):
    none = results.assign(part="all", shot_noise_alone=False)
    assert {"rmse_pm", "crlb_pm"} <= set(precision_table(none, 100).columns)


def test_costs_are_means_over_seeds_and_a_network_that_was_not_trained_says_why(tmp_path):
    rows = []
    for name, seed, seconds in (("net", 0, [4.0, 6.0]), ("net", 1, [7.0, 7.0])):
        rows.append({"method": name, "seed": seed, "folder": tmp_path / f"{name}{seed}"})
        training = {"samples_seen": 240, "crop_px": 64, "batch_images": 8, "precision": "auto"}
        write_json(tmp_path / f"{name}{seed}" / "model.json", {"parameters": 9, "training": training, "note": ""})
        pd.DataFrame({"seconds": seconds}).to_csv(tmp_path / f"{name}{seed}" / "history.csv")
    save_untrained(tmp_path / "lost", {"network": "lost"}, "does not load")
    rows.append({"method": "lost", "seed": 0, "folder": tmp_path / "lost"})
    beginning = {"kind": "network", "task": "localise", "train_dataset": "physical", "scale": "demo", "width": 0.25}
    table = cost_table([beginning | row for row in rows]).set_index("method")
    assert table.training_s.net == pytest.approx(12.0)
    assert table.samples_per_s.net == pytest.approx(20.0)
    assert table.n_seeds.net == 2
    assert table.note.to_dict() == {"net": "", "lost": "does not load"}
