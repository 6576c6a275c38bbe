import pandas as pd
from stembench.reporting.figures.precision_vs_dose import draw_precision


def row(method, kind, localiser, rmse):
    values = {"rmse_pm": rmse, "f1": 0.9}
    bars = {f"{name}_{end}": value for name, value in values.items() for end in ("low", "high")}
    named = {"method": method, "kind": kind, "localiser": localiser, "train_dataset": None, "testset": "physical"}
    return [named | values | bars | {"counts_per_px_peak": counts, "crlb_pm": 2.0} for counts in (3, 30)]


def test_a_network_is_drawn_by_its_default_localiser_alone():
    table = row("net", "network", "otsu", 8.0) + row("net", "network", "maxima", 5.0)
    table += row("fit", "baseline", "gaussian_fit", 6.0) + row("template", "baseline", None, 7.0)
    upper, _ = draw_precision(pd.DataFrame(table)).axes
    shown = {series.get_label(): series.lines[0].get_ydata().tolist() for series in upper.containers}
    assert shown == {"net": [5.0, 5.0], "fit": [6.0, 6.0], "template": [7.0, 7.0]}
