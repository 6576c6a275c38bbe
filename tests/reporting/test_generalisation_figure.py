import pandas as pd
import pytest
from PIL import Image
from stembench.reporting.figures.generalisation import draw_generalisation
from stembench.reporting.style import write_figure


@pytest.fixture
def table() -> pd.DataFrame:
    rows = []
    for testset, score in (("wedge", 0.9), ("halo", 0.6)):
        for method, kind in (("net", "network"), ("maxima", "baseline"), ("points", "floor")):
            row = {"method": method, "kind": kind, "train_dataset": "physical" if kind == "network" else None}
            f1 = {"f1": score, "f1_low": score - 0.1, "f1_high": score + 0.05}
            rows.append(row | {"testset": testset, "subset": "all", "note": None} | f1)
    return pd.DataFrame(rows)


def test_it_is_drawn_as_picture_and_as_page(table, tmp_path):
    paths = [str(tmp_path / f"figure.{ending}") for ending in ("png", "pdf")]
    write_figure(draw_generalisation(table), paths)
    with Image.open(paths[0]) as drawn:
        assert len(set(drawn.convert("RGB").resize((200, 200)).getdata())) > 20
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")


def test_an_empty_series_is_refused(table):
    table.loc[(table.method == "net") & (table.testset == "halo"), "f1"] = None
    with pytest.raises(ValueError, match="'net', 'halo'"):
        draw_generalisation(table)


def test_a_table_without_methods_is_refused(table):
    with pytest.raises(ValueError, match="any method"):
        draw_generalisation(table[table.kind == "floor"])


def test_a_network_that_could_not_be_had_is_left_out(table):
    lost = table.assign(note=table.note.where(table.method != "net", "does not load"))
    figure = draw_generalisation(lost.assign(f1=lost.f1.where(lost.note.isna())))
    assert [series.get_label() for series in figure.axes[0].containers] == ["maxima"]
