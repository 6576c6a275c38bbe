import csv

import pytest
from stembench.errors import InputError
from stembench.lab.refusals import check_refusals, refusal_of, write_refusal
from stembench.lab.store import open_lab_image


def test_a_refused_image_says_why_wherever_it_is_opened(tmp_path):
    write_refusal(tmp_path / "mine", "mine.dm3", "mine.dm3: cannot be read; give another")
    assert refusal_of(tmp_path / "mine") == "mine.dm3: cannot be read; give another"
    with pytest.raises(InputError, match=r"^mine\.dm3: cannot be read; give another$"):
        open_lab_image(tmp_path / "mine")


def test_a_folder_of_an_image_holds_no_refusal(tmp_path):
    assert refusal_of(tmp_path) is None


def table(path, *refusals):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["image", "refusal"], *([f"image_{i}", text] for i, text in enumerate(refusals))])
    return path


def test_each_refusal_is_told_and_none_lets_a_call_succeed(tmp_path):
    check_refusals(table(tmp_path / "whole.csv", "", ""))
    with pytest.raises(InputError) as refused:
        check_refusals(table(tmp_path / "refused.csv", "a.tif: one", "", 'b.tif: "two", three'))
    lines = str(refused.value).splitlines()
    assert lines == [
        "refused: 2 of 3 images, or their corrections; all others are finished",
        "a.tif: one",
        'b.tif: "two", three',
    ]
