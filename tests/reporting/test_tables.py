import pandas as pd
import pytest
from stembench.evaluation.metrics import detection_sums
from stembench.networks.registry import save_untrained
from stembench.products import write_json
from stembench.reporting.tables import (
    IDENTITY,
    cost_table,
    detection_comparison,
    detection_table,
    enhancement_comparison,
    enhancement_table,
    precision_table,
    write_table,
)

OUTCOMES = ["outcome", "x_A", "y_A", "true_x_A", "true_y_A", "error_x_pm", "error_y_pm", "crlb_pm"]


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


def test_a_constant_gain_has_no_width(results):
    (row,) = enhancement_comparison(results, 100).itertuples()
    assert (row.difference, row.low, row.high) == pytest.approx((2.5, 2.5, 2.5))


def detected(method, kind, localiser, tp, structure):
    sums = detection_sums(pd.DataFrame(columns=OUTCOMES).astype({"crlb_pm": float}), 0.5) | {"tp": tp, "fn": 10.0 - tp}
    row = result(method, kind, 0.0, structure) | {"localiser": localiser, "part": "all"} | sums
    return {key: value for key, value in row.items() if key not in ("psnr_db", "ssim")}


@pytest.fixture
def detections() -> pd.DataFrame:
    methods = [
        ("net", "network", "maxima", 9.0),
        ("net", "network", "otsu", 5.0),
        ("smoothed", "baseline", "maxima", 8.0),
        ("template", "baseline", "", 7.0),
    ]
    return pd.DataFrame([detected(*method, structure) for method in methods for structure in range(6)])


def test_each_localiser_has_a_row_that_names_it_after_what_every_row_begins_with(detections):
    table = detection_table(detections, 100)
    assert list(table.columns[:10]) == [*IDENTITY, "localiser"]
    recall = table.set_index(["method", "localiser"]).recall
    assert recall.to_dict() == pytest.approx(
        {("net", "maxima"): 0.9, ("net", "otsu"): 0.5, ("smoothed", "maxima"): 0.8, ("template", ""): 0.7}
    )
    assert list(precision_table(detections, 100).columns[:10]) == [*IDENTITY, "localiser"]


def test_networks_are_compared_by_maxima_with_every_baseline(detections):
    table = detection_comparison(detections, 100)
    assert set(zip(table.localiser, table.baseline)) == {("maxima", "smoothed"), ("maxima", "template")}
    assert len(table) == 2


def test_tables_without_localisers_do_not_name_them(results):
    assert "localiser" not in enhancement_table(results, 100)


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
