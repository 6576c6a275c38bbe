from typing import get_args

import numpy as np
import pandas as pd
import pytest
from stembench.baselines.filters import FILTERS
from stembench.config import Config
from stembench.config.evaluation import PublishedSet
from stembench.networks import NETWORKS
from stembench.reporting.published import PUBLISHED, beside_published
from stembench.reporting.tabulation import write_table


@pytest.fixture
def published(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text(
        "table,method,paper_method,testset,trained_on,row,metric,value,source\n"
        "enhancement,sfin,SFIN,theirs,theirs,,psnr_db,31.5,a paper\n"
        "lattice_precision,sfin,SFIN,theirs,theirs,axis=a,sd_pm,7.25,a paper\n"
    )
    return path


@pytest.fixture
def table():
    rows = [
        ("sfin", "ours", 1.0, "ours", "all", 20.0),
        ("sfin", "ours", 1.0, "ours", "material=Pt", 21.0),
        ("sfin", "ours", 1.0, "other", "all", 22.0),
        ("sfin", "other", 1.0, "ours", "all", 22.0),  # trained on other images
        ("sfin", "ours", 0.25, "ours", "all", 22.0),  # narrower
        ("fcn", "ours", 1.0, "ours", "all", 23.0),
    ]
    named = pd.DataFrame(rows, columns=["method", "train_dataset", "width", "testset", "subset", "psnr_db"])
    named.insert(1, "kind", "network")
    return named.assign(psnr_db_low=19.0, psnr_db_high=24.0, ssim=0.5)


def test_a_printed_number_stands_in_its_row_and_no_other(table, published):
    joined = beside_published(table, "enhancement", {"ours": ["theirs"]}, published)
    assert joined.paper_psnr_db[0] == 31.5
    assert joined.paper_psnr_db[1:].isna().all()
    assert joined.drop(columns="paper_psnr_db").equals(table)


def test_a_network_that_is_told_the_structure_is_trained_as_the_paper_did(table, published):
    joined = beside_published(table.assign(kind="oracle"), "enhancement", {"ours": ["theirs"]}, published)
    assert joined.paper_psnr_db[0] == 31.5
    assert joined.paper_psnr_db[1:].isna().all()


def test_it_stands_after_our_metric(table, published):
    joined = beside_published(table, "enhancement", {"ours": ["theirs"]}, published)
    assert list(joined)[6:] == ["psnr_db", "psnr_db_low", "psnr_db_high", "paper_psnr_db", "ssim"]


def test_where_none_is_printed_the_column_is_empty(table, published, tmp_path):
    joined = beside_published(table, "enhancement", {}, published)
    write_table(joined, [str(tmp_path / "table.csv"), str(tmp_path / "table.md")])
    assert pd.read_csv(tmp_path / "table.csv").paper_psnr_db.isna().all()
    assert "31.5" not in (tmp_path / "table.md").read_text()


def test_a_row_is_told_by_more_than_its_method(published):
    axes = pd.DataFrame({"method": "sfin", "testset": "ours", "subset": "all", "axis": ["a", "b"], "sd_pm": 6.0})
    axes = axes.assign(kind="network", train_dataset="ours", width=1.0)
    joined = beside_published(axes, "lattice_precision", {"ours": ["theirs"]}, published)
    assert joined.paper_sd_pm[0] == 7.25
    assert np.isnan(joined.paper_sd_pm[1])


def test_a_table_without_rows_has_the_columns(published):
    empty = pd.DataFrame(columns=["method", "kind", "train_dataset", "width", "testset", "subset"])
    assert "paper_psnr_db" in beside_published(empty, "enhancement", {"ours": ["theirs"]}, published)


def test_methods_of_papers_are_ours_but_those_that_are_named_as_missing():
    numbers = pd.read_csv(PUBLISHED)
    ours = {*Config().networks, *NETWORKS, *FILTERS, *Config().evaluation.detection_baselines}
    variants = set(numbers.method[numbers.table.isin(["frequency_branch", "ablation_comparison"])])
    assert set(numbers.method) - ours - variants == {"scgn"}
    assert numbers.drop(columns=["row", "value"]).notna().all().all()
    assert not numbers.duplicated(["table", "method", "testset", "row", "metric"]).any()


def test_a_metric_without_an_absolute_value_has_an_empty_column():
    row = {"method": "structural_prior", "testset": "physical", "subset": "all", "mutualnn_f1": 0.9}
    row |= {"kind": "network", "train_dataset": "physical", "width": 1.0}
    joined = beside_published(pd.DataFrame([row]), "detection", {"physical": ["prior_simulated"]})
    assert joined.paper_mutualnn_f1.isna().all()


def test_filters_are_trained_on_nothing(published):
    published.write_text(published.read_text().replace("sfin,SFIN", "gaussian,Gaussian"))
    row = {"method": "gaussian", "kind": "baseline", "train_dataset": "", "width": np.nan, "testset": "ours"}
    joined = beside_published(
        pd.DataFrame([row | {"subset": "all", "psnr_db": 20.0}]), "enhancement", {"ours": ["theirs"]}, published
    )
    assert joined.paper_psnr_db[0] == 31.5


def test_published_test_sets_have_numbers():
    assert set(get_args(PublishedSet)) <= set(pd.read_csv(PUBLISHED).testset)
