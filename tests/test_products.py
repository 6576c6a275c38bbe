import errno
import json
import os
import time

import pandas as pd
import pytest
from stembench.errors import InputError
from stembench.products import date_now, read_json, read_parquet, verify, whole, write_checksums, write_json, writing


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


@pytest.mark.parametrize(
    ("code", "remedy"),
    [(errno.ENOSPC, "free space"), (errno.EROFS, "make it writable"), (errno.EPERM, "make it writable")],
)
def test_a_disk_that_takes_nothing_is_told_with_its_remedy(tmp_path, code, remedy):
    with pytest.raises(InputError, match=f"product.txt: cannot be written .* {remedy} and run again"):
        with writing(tmp_path / "product.txt"):
            raise OSError(code, os.strerror(code))


def test_another_error_of_the_system_is_a_defect(tmp_path):
    with pytest.raises(FileNotFoundError), writing(tmp_path):
        (tmp_path / "none").read_text()


@pytest.fixture
def summed(tmp_path):
    for name in ("one.txt", "below/two.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    write_checksums(tmp_path)
    return tmp_path


def test_a_folder_as_it_was_written_passes(summed):
    verify(summed, "*")


@pytest.mark.parametrize("harm", [lambda path: path.write_text("two"), lambda path: path.unlink()])
def test_a_changed_or_missing_file_of_a_folder_is_named(summed, harm):
    harm(summed / "below" / "two.txt")
    verify(summed, "one.txt")
    with pytest.raises(InputError, match=rf"below/two.txt is damaged.*delete {summed} and run again"):
        verify(summed, "below/*")


def test_a_folder_without_checksums_is_not_whole(tmp_path):
    with pytest.raises(InputError, match=f"delete {tmp_path} and run again"):
        verify(tmp_path, "*")


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "record.json").write_text('{"value": 1')
    with pytest.raises(InputError, match=r"record.json is damaged.*delete"):
        read_json(tmp_path / "record.json")


def test_a_truncated_table_is_named(tmp_path):
    path = tmp_path / "table.parquet"
    pd.DataFrame({"value": range(100)}).to_parquet(path)
    assert len(read_parquet(path)) == 100
    os.truncate(path, 200)
    with pytest.raises(InputError, match=r"table.parquet is damaged.*delete"):
        read_parquet(path)
    with pytest.raises(FileNotFoundError):
        read_parquet(tmp_path / "none.parquet")


def test_files_of_the_future_get_the_present_date_and_others_keep_theirs(tmp_path):
    now = time.time()
    dates = {
        "old": now - 100,
        "future": now + 5000,
        "folder/.snakemake_timestamp": now - 100,
        "folder/part": now + 5000,
    }
    for name, date in dates.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (date, date))
    assert date_now(tmp_path, tmp_path / "none") == [tmp_path / "future"]
    assert now <= (tmp_path / "future").stat().st_mtime <= time.time()
    assert (tmp_path / "old").stat().st_mtime == pytest.approx(now - 100)
    assert date_now(tmp_path) == []
