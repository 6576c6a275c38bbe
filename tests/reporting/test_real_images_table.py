import pandas as pd
from stembench.reporting.tables.real_images import tabulate


def test_methods_stand_image_after_image_and_what_could_not_be_had_is_left_out(tmp_path):
    scored = {
        "net": pd.DataFrame({"image": ["a", "b"], "f1": [0.9, 0.8], "note": ""}),
        "lost": pd.DataFrame(columns=["image"]).assign(note="it is not there"),
        "maxima": pd.DataFrame({"image": ["a", "b"], "f1": [0.7, 0.6], "note": ""}),
    }
    paths = []
    for name, table in scored.items():
        paths.append(tmp_path / f"{name}.csv")
        table.to_csv(paths[-1], index=False)
    methods = [{"method": name, "kind": "network", "train_dataset": "", "seed": 0} for name in scored]
    table = tabulate({"scores": paths}, {"methods": methods})
    assert list(zip(table.image, table.method)) == [("a", "net"), ("a", "maxima"), ("b", "net"), ("b", "maxima")]
    assert list(table)[:6] == ["image", "method", "kind", "train_dataset", "seed", "f1"]
