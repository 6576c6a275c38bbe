from typing import get_args

import numpy as np
import pandas as pd
import pytest
from stembench.config import Config
from stembench.evaluation.rows import Kind
from stembench.planning import make_plan
from stembench.reporting.tables import TABLES
from stembench.reporting.tables import summary as module
from stembench.reporting.tables.summary import summary
from stembench.reporting.tabulation import IDENTITY, write_table

NETWORK = {"kind": "network", "train_dataset": "physical"}
BASELINE = {"kind": "baseline", "train_dataset": np.nan}  # as pandas reads a blank


def row(method: str, task: str, known: dict) -> dict:
    beginning = {"method": method, "task": task, "scale": "demo", "width": None, "n_seeds": 1} | known
    beginning["train_dataset"] = beginning["train_dataset"] if known is NETWORK else ""
    return beginning | {"testset": "physical", "subset": "all"}


@pytest.fixture
def rows() -> list[dict]:
    asked = [("net", "localise", NETWORK), ("fit", "localise", BASELINE), ("net", "denoise_background", NETWORK)]
    asked += [(name, "denoise_background", BASELINE) for name in ("wiener", "gaussian")]
    return [row(*each) for each in (*asked, ("lost", "localise", NETWORK))]


@pytest.fixture
def tables() -> dict[str, pd.DataFrame]:
    found = []
    for method, known, localisers in (("net", NETWORK, ("otsu", "maxima")), ("fit", BASELINE, ("gaussian_fit",))):
        for localiser in localisers:
            for testset, worse in (("physical", 0.0), ("calibrated", 0.3)):
                for subset, f1 in (("all", 0.9), ("counts_per_px=3", 0.8), ("counts_per_px=10", 0.95)):
                    f1 -= worse + 0.1 * (localiser == "otsu") + 0.05 * (method == "fit")
                    values = {"f1": f1, "f1_low": f1 - 0.02, "f1_high": f1 + 0.02, "f1_seed_sd": 0.01}
                    bound = {f"rmse_over_crlb{end}": 1.5 for end in ("", "_low", "_high", "_seed_sd")}
                    named = {"method": method, "task": "localise", "testset": testset, "subset": subset}
                    found.append(known | named | {"localiser": localiser, "note": np.nan} | values | bound)
    images = []
    for method, known, bright, dark in (
        ("net", NETWORK, 30.0, 30.0),
        ("wiener", BASELINE, 24.0, 27.0),  # with 30 images in bright field and 10 in dark field 24.75 dB
        ("gaussian", BASELINE, 25.0, 25.0),
    ):
        for mode, number, psnr in (("BF", 30, bright), ("HAADF", 10, dark)):
            named = {"method": method, "task": "denoise_background", "testset": "physical", "subset": "all"}
            images.append(known | named | {"mode": mode, "n_images": number, "psnr_free_db": psnr, "note": np.nan})
    compared = []
    for baseline, difference in (("wiener", 5.25), ("gaussian", 5.0)):
        for metric in ("psnr_free_db", "ssim_free"):
            named = {"method": "net", "task": "denoise_background", "testset": "physical", "subset": "all"}
            value = {"difference": difference, "low": difference - 1, "high": difference + 1}
            compared.append(NETWORK | named | {"baseline": baseline, "metric": metric} | value)
    cost = [
        NETWORK | {"method": "net", "task": task, "parameters": size, "training_s": size, "note": np.nan}
        for task, size in (("localise", 100), ("denoise_background", 200))
    ]
    lost = {"method": "lost", "task": "localise", "parameters": np.nan, "training_s": np.nan, "note": "diverged"}
    made = {
        "detection": found,
        "enhancement": images,
        "enhancement_comparison": compared,
        "cost": [*cost, NETWORK | lost],
    }
    return {name: pd.DataFrame(each) for name, each in made.items()}


def test_f1_is_of_each_dose_and_of_the_default_localiser_with_its_interval(rows, tables):
    table = summary(rows, tables)
    net, fit = table.iloc[0], table.iloc[1]
    assert (net.f1_at_3_counts, net.f1_at_10_counts, net.rmse_over_crlb) == pytest.approx((0.8, 0.95, 1.5))
    assert (fit.f1_at_3_counts, fit.f1_at_10_counts) == pytest.approx((0.75, 0.9))
    assert (net.f1_at_3_counts_low, net.f1_at_3_counts_high) == pytest.approx((0.78, 0.82))
    assert net.f1_at_3_counts_seed_sd == pytest.approx(0.01)
    assert table.f1_at_3_counts[2:].isna().all()


def test_the_gain_is_over_the_filter_that_is_best_over_all_images(rows, tables):
    table = summary(rows, tables)
    net, wiener, gaussian = (table.iloc[number] for number in (2, 3, 4))
    assert (net.gain_db, net.gain_db_low, net.gain_db_high) == pytest.approx((5, 4, 6))
    assert (wiener.gain_db, gaussian.gain_db) == pytest.approx((-0.25, 0))
    assert np.isnan(wiener.gain_db_low)
    assert table.gain_db[:2].isna().all()


def test_costs_are_of_the_training_for_the_task_and_a_lost_network_says_why(rows, tables):
    table = summary(rows, tables)
    assert table.parameters[[0, 2]].tolist() == [100, 200]
    assert table.training_s[[0, 2]].tolist() == [100, 200]
    assert table.parameters[[1, 3, 4, 5]].isna().all()
    assert table.note.tolist() == ["", "", "", "", "", "diverged"]


def test_it_is_written_where_a_table_is_missing(rows, tables, tmp_path):
    del tables["cost"], tables["enhancement"], tables["enhancement_comparison"]
    write_table(summary(rows, tables), [str(tmp_path / f"summary.{ending}") for ending in ("csv", "md", "tex")])
    assert "0.8 [0.78, 0.82]" in (tmp_path / "summary.md").read_text()


def test_it_begins_as_every_table(rows, repository):
    known = module.candidates(make_plan(Config(), repository / "structures"))
    assert list(summary(known, {}).columns[: len(IDENTITY)]) == list(IDENTITY)


def test_it_has_thirty_rows_at_most_and_says_how_many_are_left_out(repository, monkeypatch):
    plan = make_plan(Config(), repository / "structures")
    known, table = module.candidates(plan), TABLES.load("summary")
    assert table.parameters(plan, "")["rows"] == known[: module.MOST]
    assert "Left out" not in table.caption(plan, "")
    monkeypatch.setattr(module, "MOST", len(known) - 3)
    assert len(table.parameters(plan, "")["rows"]) == len(known) - 3
    assert "Left out here are 3 more" in table.caption(plan, "")


def test_networks_and_finders_that_localise_come_first(repository):
    known = module.candidates(make_plan(Config(), repository / "structures"))
    assert [row["task"] for row in known] == sorted((row["task"] for row in known), key="localise".__ne__)
    kinds = [row["kind"] for row in known if row["task"] == "localise"]
    assert kinds == sorted(kinds, key=get_args(Kind).index)
    assert len({(row["method"], row["task"], row["train_dataset"]) for row in known}) == len(known)
