import json

import pytest
from stembench.products import whole, write_json


def test_a_failed_product_leaves_nothing(tmp_path):
    def fail():
        with whole(tmp_path / "product.txt") as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_replaces_an_older_one(tmp_path):
    (tmp_path / "product").mkdir()
    (tmp_path / "product" / "old").write_text("")
    with whole(tmp_path / "product") as partial:
        partial.mkdir()
        (partial / "new").write_text("")
    assert [path.name for path in (tmp_path / "product").iterdir()] == ["new"]


def test_json_products_say_what_made_them(tmp_path):
    write_json(tmp_path / "a.json", {"value": 1})
    stored = json.loads((tmp_path / "a.json").read_text())
    assert stored["value"] == 1
    assert stored["provenance"]["stembench"]
