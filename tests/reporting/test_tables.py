import pandas as pd
import pytest
from stembench.evaluation.metrics import PUBLISHED_SCORES
from stembench.networks.registry import save_untrained
from stembench.products import write_json
from stembench.reporting.published import beside_published
from stembench.reporting.tables.cost import cost_table
from stembench.reporting.tables.detection_comparison import detection_comparison
from stembench.reporting.tables.enhancement_comparison import enhancement_comparison
from stembench.reporting.tables.lattice_precision import lattice_precision_table
from stembench.reporting.tables.localisation_after_denoising import localisation_after_denoising_table
from stembench.reporting.tables.loss import loss_table
from stembench.reporting.tables.precision_after_denoising import precision_after_denoising_table
from stembench.reporting.tables.precision_vs_dose import precision_table
from stembench.reporting.tables.study_comparison import study_comparison
from stembench.reporting.tabulation import IDENTITY, detection_table, enhancement_table, read_detection, write_table

NUMBERS = ("x_A", "y_A", "true_y_A", "error_x_pm", "error_y_pm", "error_to_neighbour_pm", "radius_A", "crlb_pm")


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
        "psnr_free_db": psnr,
        "ssim_free": 0.5,
        "psnr_db": psnr - 5,
        "ssim": 0.5,
    }


@pytest.fixture
def results() -> pd.DataFrame:
    rows = [result("net", "network", 20.0 + s + seed, s, seed) for s in range(6) for seed in range(2)]
    return pd.DataFrame(rows + [result("filter", "baseline", 18.0 + s, s) for s in range(6)])


def test_a_row_is_the_mean_over_images_and_seeds_with_their_spread(results):
    table = enhancement_table(results, 100).set_index("method")
    assert list(enhancement_table(results, 100).columns[:9]) == list(IDENTITY)
    assert table.psnr_free_db["net"] == pytest.approx(20 + 2.5 + 0.5)
    assert table.psnr_db["net"] == pytest.approx(15 + 2.5 + 0.5)
    assert table.psnr_free_db_seed_sd["net"] == pytest.approx(2**-0.5)
    assert table.n_seeds["net"] == 2
    assert table.n_images["net"] == 6
    assert table.psnr_free_db["filter"] == pytest.approx(20.5)


def test_each_imaging_mode_of_a_test_set_has_rows_of_its_own(results):
    modes = results.assign(mode=results.structure.map(lambda s: "BF" if s < 3 else "HAADF"))
    table = enhancement_table(modes, 100).query("subset == 'all'").set_index(["method", "mode"])
    assert table.psnr_free_db["filter", "BF"] == pytest.approx(19)
    assert table.psnr_free_db["filter", "HAADF"] == pytest.approx(22)


def test_subsets_too_small_for_an_interval_are_left_out_where_that_is_asked_for():
    found = pd.DataFrame([detected("net", 5.0, s) | {"material": "Pt" if s < 4 else "Si"} for s in range(10)])
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
        "visibility": [40.0, 10.0, 6.0],
    }
    columns |= {"true_x_A": [1.0, 2.0, 3.0]} | dict.fromkeys(NUMBERS, 0.0)
    pd.DataFrame(columns | {"strength": 1.0, "sample": 0}).to_parquet(tmp_path / "columns.parquet")
    image = {"sample": 0, "structure": 0, "pixel_size_A": 0.04} | dict.fromkeys(PUBLISHED_SCORES, 1.0)
    pd.DataFrame([image]).to_parquet(tmp_path / "images.parquet")
    return {"method": "net", "kind": "network", "localiser": "maxima", "testset": "physical", "folder": tmp_path}


def test_columns_at_the_rim_inside_and_hidden_are_parts_of_their_own(evaluated):
    parts = read_detection([evaluated], weak_strength=0.5, rim=3.0).set_index("part")
    assert parts.loc[["all", "rim=edge", "rim=inside", "hidden=true"], ["tp", "fn"]].to_numpy().tolist() == [
        [1, 1],
        [1, 0],
        [0, 1],
        [0, 1],
    ]


def test_columns_are_divided_by_how_far_they_stand_out_from_the_noise(evaluated):
    parts = read_detection([evaluated], weak_strength=0.5, rim=3.0).set_index("part")
    found = {name: parts.loc[name, ["tp", "fn"]].tolist() for name in parts.index if name.startswith("visibility")}
    assert found == {"visibility=10-30": [0, 1], "visibility=30-inf": [1, 0]}  # the third is hidden


def found_by(folder, outcomes, errors, **known):
    """Return the evaluation of a method on one image of columns 1 A apart, with errors along x [pm]."""
    folder.mkdir()
    columns = {"outcome": outcomes, "true_x_A": [float(n) for n in range(len(outcomes))], "rim_A": float("nan")}
    columns |= dict.fromkeys(NUMBERS, 0.0) | {"resolved": True, "hidden": False, "strength": 1.0, "sample": 0}
    columns["visibility"] = 9.0
    pd.DataFrame(columns).assign(error_x_pm=errors).to_parquet(folder / "columns.parquet")
    image = {"sample": 0, "structure": 0, "pixel_size_A": 0.1} | dict.fromkeys(PUBLISHED_SCORES, 1.0)
    pd.DataFrame([image]).to_parquet(folder / "images.parquet")
    keys = ("method", "kind", "task", "train_dataset", "scale", "width", "seed", "testset")
    row = {key: result(folder.name, "network", 0.0, 0)[key] for key in keys}
    return row | {"localiser": "maxima", "folder": folder} | known


def test_what_finds_less_does_not_look_sharper(tmp_path):
    none = float("nan")
    good = found_by(tmp_path / "good", ["tp", "tp", "tp", "tp"], [1.0, 2.0, 3.0, 4.0])
    shy = found_by(tmp_path / "shy", ["tp", "tp", "fn", "fn"], [1.0, 2.0, none, none])  # less its worst half
    floor = found_by(tmp_path / "points", ["fn"] * 4, [none] * 4, kind="floor")
    lost = found_by(tmp_path / "lost", ["fn"] * 4, [none] * 4)  # could not be had
    other = found_by(tmp_path / "good_otsu", ["fn", "tp", "tp", "tp"], [none, 2.0, 3.0, 4.0], localiser="otsu")
    results = read_detection([good, shy, floor, lost, other], weak_strength=0.5, rim=3.0)
    table = detection_table(results[results.part == "all"], 100).query("subset == 'all'").set_index("method")
    own = {"good": (30 / 8) ** 0.5, "shy": (5 / 4) ** 0.5}
    assert table.rmse_pm[list(own)].to_dict() == pytest.approx(own)
    common = table.rmse_common_pm
    assert common.good == common.shy == pytest.approx((5 / 4) ** 0.5)
    assert (table.n_common.good, table.n_common.shy) == (2, 2)
    assert common[["points", "lost", "good_otsu"]].isna().all()


def test_an_image_lies_in_the_band_of_its_pixel_size(evaluated):
    assert set(read_detection([evaluated], weak_strength=0.5, rim=3.0).pixel_size_A) == {"0-0.05"}


def test_a_constant_gain_is_as_wide_as_training_seeds_differ(results):
    table = enhancement_comparison(results, 100).set_index("metric")
    row = table.loc["psnr_free_db"]
    assert (row.difference, row.low, row.high) == pytest.approx((2.5, 2.0, 3.0))
    assert table.significant.to_dict() == {"psnr_free_db": True, "ssim_free": False, "psnr_db": True, "ssim": False}
    one = enhancement_comparison(results[results.seed == 0], 100).set_index("metric").loc["psnr_free_db"]
    assert (one.difference, one.low, one.high) == pytest.approx((2.0, 2.0, 2.0))


def test_networks_are_compared_with_each_other(results):
    other = results[results.kind == "network"].assign(method="other", psnr_free_db=lambda rows: rows.psnr_free_db - 1)
    table = enhancement_comparison(pd.concat([results, other]), 100)
    pairs = table[table.metric == "psnr_free_db"].set_index(["method", "baseline"]).difference
    expected = {("net", "filter"): 2.5, ("other", "filter"): 1.5, ("net", "other"): 1.0, ("other", "net"): -1.0}
    assert pairs.to_dict() == pytest.approx(expected)


def test_what_is_not_significant_is_marked_where_it_is_read(results, tmp_path):
    write_table(enhancement_comparison(results, 100), [str(tmp_path / "table.md"), str(tmp_path / "table.tex")])
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert ["n.s." in line for line in lines if "psnr_free_db" in line] == [False]
    assert ["n.s." in line for line in lines if "ssim_free" in line] == [True]
    assert (tmp_path / "table.tex").read_text().count("n.s.") == 2


def test_a_difference_without_an_interval_is_not_marked(results, tmp_path):
    write_table(enhancement_comparison(results[results.structure < 3], 100), [str(tmp_path / "table.md")])
    assert "n.s." not in (tmp_path / "table.md").read_text()


def test_a_value_without_an_interval_stands_alone(results, tmp_path):
    write_table(enhancement_table(results[results.structure < 3], 100), [str(tmp_path / "table.md")])
    shown = (tmp_path / "table.md").read_text()
    assert "[, ]" not in shown
    assert "|           19   |" in shown


def detected(method, tp, structure):
    published = dict.fromkeys(PUBLISHED_SCORES, tp / 10) | {"mutualnn_chamfer_px": 12.0 - tp}
    published |= {f"{name}_images": 1.0 for name in PUBLISHED_SCORES}
    sums = published | {"tp": tp, "fp": 10 - tp, "fn": 10 - tp, "chamfers": 1.0}
    names = ("located", "x_pm", "y_pm", "x2_pm2", "y2_pm2", "bounded", "bounded_x2_y2_pm2", "crlb2_pm2", "chamfer_A")
    names += ("true_bounds", "true_crlb2_pm2", "neighboured", "to_neighbour_pm", "common", "common_x2_y2_pm2")
    known = result(method, "network", 0.0, structure)
    return {k: known[k] for k in list(known)[:-5]} | {"part": "all"} | dict.fromkeys(names, 0.0) | sums


def test_variants_of_a_study_are_compared_with_its_first():
    rows = [detected(method, tp, s) for method, tp in (("first", 6.0), ("second", 8.0)) for s in range(6)]
    table = study_comparison(pd.DataFrame(rows), 100).set_index("metric")
    assert set(table.method) == {"second"}
    assert set(table.baseline) == {"first"}
    assert table.difference.f1 == pytest.approx(0.2)
    assert table.gain_percent.mutualnn_chamfer_px == pytest.approx(50)
    assert "rmse_common_pm" not in table.index  # no position is known


def test_rows_of_a_study_are_compared_with_those_it_names_at_each_dose_and_under_an_overlayer():
    tp = {"first": 6.0, "second": 8.0, "third": 9.0}
    rows = [
        detected(method, n, s) | {"counts_per_px": d} for method, n in tp.items() for s in range(6) for d in (1.0, 3.0)
    ]
    hidden = [row | {"part": "hidden=true", "tp": row["tp"] - 5} for row in rows]
    table = study_comparison(pd.DataFrame(rows + hidden), 100, ["second", "third", "absent"])
    assert set(table.baseline) == {"second", "third"}
    assert set(table.subset) == {"all", "counts_per_px=1", "counts_per_px=3", "hidden=true"}
    assert set(table[table.subset == "hidden=true"].metric) == {"f1", "precision"}
    f1 = table[table.metric == "f1"].set_index(["subset", "method", "baseline"]).difference
    assert f1["counts_per_px=3", "first", "second"] == pytest.approx(-0.2)
    assert f1["counts_per_px=1", "third", "second"] == pytest.approx(0.1)
    assert f1["hidden=true", "first", "third"] == pytest.approx(2 / 10 - 8 / 10)  # 2 tp / (2 tp + fp + fn)


def test_variants_of_a_study_of_images_are_compared_with_its_first_on_each_test_set(results):
    table = study_comparison(pd.concat([results, results.assign(testset="other")]), 100)
    rows = table[table.metric == "psnr_free_db"].set_index("testset")
    assert list(rows.method) == list(rows.index.map({"physical": "filter", "other": "filter"}))
    assert rows.difference.tolist() == pytest.approx([-2.5, -2.5])


def lattice_rows(folder, spacings, injected=(), found=()):
    folder.mkdir()
    axes = {"axis": "a", "block": [i % 8 for i in range(len(spacings))], "spacing_pm": spacings}
    pd.DataFrame(axes).to_parquet(folder / "spacings.parquet")
    seen = {"axis": "a", "column": range(len(found)), "injected_pm": injected, "found_pm": found}
    pd.DataFrame(seen).to_parquet(folder / "responses.parquet")
    known = result(folder.name, "network", 0.0, 0)
    beginning = {k: known[k] for k in ("method", "kind", "task", "train_dataset", "scale", "width", "seed", "testset")}
    return beginning | {"image": "a_crystal", "folder": str(folder)}


def test_lattice_precision_is_the_spread_of_spacings_and_the_response_to_displacements(tmp_path):
    injected = [-20.0, -10.0, 0.0, 5.0, 10.0, 20.0]
    method = lattice_rows(tmp_path / "net", [270.0, 280.0] * 8, injected, [0.9 * x + 3 for x in injected])
    table = lattice_precision_table([method], 100).set_index("axis")
    assert list(table.columns[:9]) == list(IDENTITY)
    assert table.image.a == "a_crystal"
    assert (table.mean_pm.a, table.sd_pm.a) == pytest.approx((275, pd.Series([270.0, 280.0] * 8).std()))
    assert (table.n.a, table.response_n.a) == (16, 6)
    row = table.loc["a"]
    assert (row.response_slope, row.response_slope_low, row.response_slope_high) == pytest.approx((0.9, 0.9, 0.9))


def test_a_method_that_finds_nothing_has_blank_lattice_rows(tmp_path):
    table = lattice_precision_table([lattice_rows(tmp_path / "net", [])], 100)
    assert list(table.n) == [0, 0]
    assert table[["mean_pm", "sd_pm", "response_slope"]].isna().all().all()


@pytest.fixture
def denoised(tmp_path) -> pd.DataFrame:
    """Of a method that found spacings of an SD of 3.2 pm in an image; once denoised, of 0.5 pm and no response."""
    named = [{"denoiser": name, "denoiser_task": "", "denoiser_dataset": ""} for name in ("none", "drawing")]
    row = lattice_rows(tmp_path / "net", []) | {"images": str(tmp_path)}
    pd.DataFrame(named).loc[[0, 0, 1, 1]].to_parquet(tmp_path / "samples.parquet")
    pattern = pd.Series([-1.0, 1.0] * 8) / pd.Series([-1.0, 1.0] * 8).std()
    injected = pd.Series([-20.0, -10.0, 0.0, 5.0, 10.0, 20.0])
    parts = {"spacings": [], "responses": []}
    for name, sd, slope in zip(named, (3.2, 0.5), (1.0, 0.0)):
        spaced = pd.DataFrame({"axis": "a", "block": [i % 8 for i in range(16)], "spacing_pm": 270 + sd * pattern})
        seen = {"axis": "a", "column": range(6), "injected_pm": injected, "found_pm": slope * injected}
        parts["spacings"].append(spaced.assign(**name))
        parts["responses"].append(pd.DataFrame(seen).assign(**name))
    for part, tables in parts.items():
        pd.concat(tables).to_parquet(tmp_path / "net" / f"{part}.parquet")
    return localisation_after_denoising_table([row], 100)


def test_before_and_after_denoising_each_have_their_spread_and_response(denoised):
    table = denoised[denoised.axis == "a"].set_index("denoiser")
    assert table.sd_pm.to_dict() == pytest.approx({"none": 3.2, "drawing": 0.5})
    assert table.response_slope.to_dict() == pytest.approx({"none": 1.0, "drawing": 0.0})
    assert list(table.n) == [16, 16]


def test_the_frames_for_1_pm_are_the_square_of_the_sd_in_pm_rounded_up(denoised):
    table = denoised[denoised.axis == "a"].set_index("denoiser")
    assert table.frames_for_1pm.to_dict() == {"none": 11, "drawing": 1}  # 3.2^2 = 10.24
    assert (table.frames_for_1pm_low <= table.frames_for_1pm).all()
    assert denoised[denoised.axis == "b"].frames_for_1pm.isna().all()  # nothing was found


def test_each_denoiser_has_a_row_a_dose_with_the_error_of_its_images(tmp_path):
    rows = []
    for denoiser, error in (("none", 4.0), ("net", 3.0)):
        for structure in range(6):
            sums = {"tp": 3.0, "fp": 0.0, "fn": 1.0, "bounded": 3.0, "bounded_x2_y2_pm2": 2 * 3 * error**2}
            sums |= {"true_bounds": 4.0, "true_crlb2_pm2": 4 * 2.0**2}
            named = {"denoiser": denoiser, "denoiser_task": "", "denoiser_dataset": ""}
            rows.append({"sample": structure, "structure": structure, "counts_per_px": 10.0} | named | sums)
    pd.DataFrame(rows).to_parquet(tmp_path / "images.parquet")
    keys = ("method", "kind", "task", "train_dataset", "scale", "width", "seed", "testset")
    method = {key: result("fit", "baseline", 0.0, 0)[key] for key in keys} | {"images": tmp_path / "images.parquet"}
    table = precision_after_denoising_table([method], 100)
    assert list(table.columns[:10]) == [*IDENTITY, "denoiser"]
    table = table.set_index("denoiser")
    assert table.rmse_pm.to_dict() == pytest.approx({"none": 4.0, "net": 3.0})
    assert table.rmse_pm_high.to_dict() == pytest.approx({"none": 4.0, "net": 3.0})
    assert list(table.crlb_pm) == [2.0, 2.0]
    assert list(table.n_images) == [6, 6]
    assert list(table.counts_per_px_peak) == [10, 10]


def by_localiser(method, kind, localiser, tp, structure):
    return detected(method, tp, structure) | {"kind": kind, "localiser": localiser}


@pytest.fixture
def detections() -> pd.DataFrame:
    methods = [
        ("net", "network", "maxima", 9.0),
        ("net", "network", "otsu", 5.0),
        ("smoothed", "baseline", "maxima", 8.0),
        ("template", "baseline", "", 7.0),
    ]
    return pd.DataFrame([by_localiser(*method, structure) for method in methods for structure in range(6)])


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
    assert not table.duplicated(["baseline", "metric"]).any()


def test_tables_without_localisers_do_not_name_them(results):
    assert "localiser" not in enhancement_table(results, 100)


def test_no_network_gives_an_empty_comparison_that_is_still_written(results, tmp_path):
    empty = enhancement_comparison(results[results.kind == "baseline"], 100)
    empty = beside_published(empty, "detection_comparison", {"physical": ["prior_simulated"]})
    paths = [str(tmp_path / f"empty.{suffix}") for suffix in ("csv", "md", "tex")]
    write_table(empty, paths)
    assert list(pd.read_csv(paths[0]).columns)[:11] == [*IDENTITY, "baseline", "metric"]


def test_no_poisson_images_give_an_empty_precision_table(results):
    none = results.assign(part="all", shot_noise_alone=False)
    assert {"rmse_pm", "crlb_pm"} <= set(precision_table(none, 100).columns)


APPLIED = {"macs_per_px": 500.0, "inference_ms_per_megapixel": 70.0, "peak_memory_mib": 30.0, "device": "CPU"}


@pytest.fixture
def trainings(tmp_path) -> list[dict]:
    """Two seeds of a network, and one that could not be trained."""
    rows = []
    for name, seed, seconds in (("net", 0, [4.0, 6.0]), ("net", 1, [7.0, 7.0])):
        rows.append({"method": name, "seed": seed, "folder": tmp_path / f"{name}{seed}", "cost": tmp_path / "net.json"})
        training = {"samples_seen": 240, "crop_px": 64, "batch_images": 8, "precision": "auto", "loss": "mse"}
        write_json(tmp_path / f"{name}{seed}" / "model.json", {"parameters": 9, "training": training, "note": ""})
        losses = {"train_loss": [9.0, 1.0 + seed], "validation_loss": [9.0, 3.0]}
        pd.DataFrame({"seconds": seconds} | losses).to_csv(tmp_path / f"{name}{seed}" / "history.csv")
    write_json(tmp_path / "net.json", APPLIED | {"image_px": 512, "threads": 1, "passes": 5})
    save_untrained(tmp_path / "lost", {"network": "lost"}, "does not load")
    write_json(tmp_path / "lost.json", {})
    rows.append({"method": "lost", "seed": 0, "folder": tmp_path / "lost", "cost": tmp_path / "lost.json"})
    beginning = {"kind": "network", "task": "localise", "train_dataset": "physical", "scale": "demo", "width": 0.25}
    return [beginning | row for row in rows]


def test_costs_are_means_over_seeds_and_a_network_that_was_not_trained_says_why_and_is_blank(trainings):
    table = cost_table(trainings).set_index("method")
    assert table.training_s.net == pytest.approx(12.0)
    assert table.samples_per_s.net == pytest.approx(20.0)
    assert table.n_seeds.net == 2
    assert table.loc["net", list(APPLIED)].to_dict() == APPLIED
    assert table.loc["lost", list(APPLIED)].isna().all()
    assert table.note.to_dict() == {"net": "", "lost": "does not load"}


def test_the_loss_of_a_training_is_that_of_its_last_epoch(trainings):
    table = loss_table(trainings).set_index("method")
    assert table.train_loss.net == pytest.approx(1.5)
    assert table.train_loss_seed_sd.net == pytest.approx(2**-0.5)
    assert table.validation_loss.net == pytest.approx(3.0)
    assert table.train_loss.isna().lost
