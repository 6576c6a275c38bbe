import numpy as np
import pandas as pd
import pytest
from stembench.application.corrections import corrected, read_corrections
from stembench.errors import InputError

SHAPE = (40, 60)  # 60 px wide
HEAD = "action,x_px,y_px,to_x_px,to_y_px\n"
FOUND = pd.DataFrame(  # a row of columns 3 A apart, and two that are 0.4 A apart
    {"x_A": [1.0, 4.0, 7.0, 10.0, 10.4], "y_A": 1.0, "confidence": 0.7, "uncertainty_pm": 4.0, "intensity": 5.0},
    index=[7, 3, 1, 9, 2],
)


def read(path, text, pixel_sizes=(0.2, 0.2), frames=1):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_corrections(path, path.name, shape=SHAPE, pixel_sizes=pixel_sizes, frames=frames)


def after(path, lines, columns=FOUND):
    return corrected(columns, read(path, HEAD + lines))


def test_a_removed_column_is_gone_and_the_others_are_as_they_were(tmp_path):
    result = after(tmp_path / "my.csv", "remove,21,6,,\n")  # 4.2, 1.2 A
    assert result.x_A.tolist() == [1.0, 7.0, 10.0, 10.4]
    assert (result.origin == "network").all()
    pd.testing.assert_frame_equal(result[FOUND.columns], FOUND.drop(index=3).reset_index(drop=True))


def test_of_two_columns_within_reach_the_nearer_one_is_meant(tmp_path):
    assert after(tmp_path / "my.csv", "remove,51.5,5,,\n").x_A.tolist() == [1.0, 4.0, 7.0, 10.0]


def test_a_moved_column_keeps_what_was_measured_but_its_error(tmp_path):
    result = after(tmp_path / "my.csv", "move,5,6,6,7.5\n")
    assert result.loc[0, ["x_A", "y_A"]].tolist() == pytest.approx([1.2, 1.5])
    assert result.loc[0, ["origin", "confidence", "intensity"]].tolist() == ["moved", 1.0, 5.0]
    assert np.isnan(result.uncertainty_pm[0])
    assert result.origin[1:].tolist() == 4 * ["network"]
    assert result.uncertainty_pm[1:].tolist() == 4 * [4.0]


def test_an_added_column_stands_last_with_its_place_alone(tmp_path):
    result = after(tmp_path / "my.csv", "add,30,30,,\n")
    assert len(result) == 6
    added = result.iloc[-1]
    assert added[["x_A", "y_A", "confidence"]].tolist() == pytest.approx([6.0, 6.0, 1.0])
    assert added.origin == "added"
    assert added[["uncertainty_pm", "intensity"]].isna().all()


def test_an_added_column_takes_the_place_of_one_that_a_later_network_finds(tmp_path):
    result = after(tmp_path / "my.csv", "add,21,5,,\n")  # 0.2 A beside a column
    assert result.x_A.tolist() == pytest.approx([1.0, 7.0, 10.0, 10.4, 4.2])


def test_corrections_of_one_run_are_not_made_twice(tmp_path):
    corrections = read(tmp_path / "my.csv", HEAD + "remove,50,5,,\nmove,5,5,6,5\nadd,30,30,,\n")
    once = corrected(FOUND, corrections)
    pd.testing.assert_frame_equal(corrected(once, corrections), once)
    pd.testing.assert_frame_equal(corrected(FOUND, corrections), once)


def test_a_column_can_be_added_where_none_was_found(tmp_path):
    result = after(tmp_path / "my.csv", "add,1,2,,\n", FOUND.iloc[:0])
    assert result[["x_A", "y_A"]].to_numpy() == pytest.approx(np.array([[0.2, 0.4]]))
    assert result.columns.tolist() == [*FOUND.columns, "origin"]


def test_each_frame_of_a_stack_is_corrected_by_its_own_lines(tmp_path):
    stack = pd.concat([FOUND.assign(frame=0), FOUND.assign(frame=1)])
    text = "action,x_px,y_px,frame\nremove,5,5,1\nremove,20,5,\nadd,9,30,1\n"
    result = corrected(stack, read(tmp_path / "my.csv", text, frames=2))
    assert result.x_A[result.frame == 0].tolist() == [1.0, 7.0, 10.0, 10.4]
    assert result.x_A[result.frame == 1].tolist() == pytest.approx([4.0, 7.0, 10.0, 10.4, 1.8])
    assert result.frame.dtype.kind == "i"


def test_pixels_that_are_not_square_are_those_of_the_file(tmp_path):
    corrections = read(tmp_path / "my.csv", HEAD + "move,10,20,30,4\n", pixel_sizes=(0.1, 0.3))
    assert corrections.loc[0, ["x_A", "y_A", "to_x_A", "to_y_A"]].tolist() == pytest.approx([1.0, 6.0, 3.0, 1.2])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_a_spreadsheet_writes_is_read(tmp_path, encoding):
    text = "action;x_px;y_px;to_x_px;to_y_px;frame\r\nMove;1,5;2;3;4,25;\r\n;;;;;\r\nadd; 9;9;;;\r\n"
    corrections = read(tmp_path / "my.csv", text.encode(encoding))
    assert corrections.action.tolist() == ["move", "add"]
    assert corrections.loc[0, ["x_A", "y_A", "to_x_A", "to_y_A"]].tolist() == pytest.approx([0.3, 0.4, 0.6, 0.85])


def test_a_file_with_a_first_line_alone_changes_nothing(tmp_path):
    pd.testing.assert_frame_equal(after(tmp_path / "my.csv", "")[FOUND.columns], FOUND.reset_index(drop=True))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["line 1", "action,x_px,y_px", "empty"]),
        ("x_px,y_px\n1,2\n", ["line 1", "it names x_px, y_px"]),
        ("action,x_px,y_px,to_x,to_y\n", ["line 1", "to_x_px", "it names action, x_px, y_px, to_x, to_y"]),
        (HEAD + "add,1,2\n\ndelete,1,2\n", ["line 4", "'delete'", "add, remove, move"]),
        (HEAD + "add,1,two\n", ["line 2", "y_px", "'two'", "no number"]),
        (HEAD + "move,1,2,3,\n", ["line 2", "to_y_px", "''", "no number"]),
        (HEAD + "add,60,20\n", ["line 2", "x_px = 60, y_px = 20", "outside", "60 x 40 px"]),
        (HEAD + "move,6,20,5,45\n", ["line 2", "to_x_px = 5, to_y_px = 45", "outside"]),
        (HEAD + "add,1,2,,,,,\n", ["line 2", "more fields"]),
        ("action,x_px,y_px,frame\nadd,1,2,3\n", ["line 2", "frame is 3", "0 to 0"]),
        (HEAD + "add,5,5\nremove,40,20\nadd,6,5\n", ["line 2", "line 4", "one column"]),
        ((HEAD + "\u00e9").encode("latin-1"), ["no CSV text", "UTF-8"]),
    ],
)
def test_a_mistake_is_answered_with_file_line_and_remedy(tmp_path, text, parts):
    with pytest.raises(InputError) as refused:
        read(tmp_path / "my.csv", text)
    for part in ("my.csv", *parts):
        assert part in str(refused.value)


@pytest.mark.parametrize("action", ["remove", "move"])
def test_a_line_that_meets_no_column_says_how_far_one_was_looked_for(tmp_path, action):
    with pytest.raises(InputError, match=rf"my\.csv, line 2 \({action} at x = 30, y = 30 px\): no column .* 1\.50 A"):
        after(tmp_path / "my.csv", f"{action},30,30,5,5\n")


def test_two_lines_that_meet_one_column_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"line 2 .* and my\.csv, line 3 .* one column"):
        after(tmp_path / "my.csv", "remove,17,5,,\nmove,22,5,30,30\n")
