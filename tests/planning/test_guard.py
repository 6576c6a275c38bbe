import json

import pytest
from stembench.errors import InputError
from stembench.planning.guard import COSTLY_H, hours, retraining_refused

REASON = "Params have changed since last execution: learning_rate"


@pytest.fixture
def trained(tmp_path):
    """A function that writes what a training leaves, which took some seconds in each epoch, and returns its history."""

    def write(name: str, *seconds: float) -> str:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "weights.safetensors").touch()
        (folder / "model.json").write_text(json.dumps({}))
        lines = [f"{epoch},0.5,{each}" for epoch, each in enumerate(seconds)]
        (folder / "history.csv").write_text("\n".join(["epoch,loss,seconds", *lines, ""]))
        return str(folder / "history.csv")

    return write


def test_a_training_of_more_than_an_hour_is_not_trained_anew_unasked(trained):
    history = trained("a", 3600, 1800)
    message = retraining_refused([(history, REASON)], allowed=False)
    assert "took 1.5 hours" in message
    assert REASON in message
    assert f"snakemake --cores all {history.replace('history.csv', 'weights.safetensors')}" in message


def test_the_message_names_every_costly_training_and_no_other(trained):
    histories = [trained("a", 7200), trained("b", 60), trained("c", 7200)]
    message = retraining_refused([(history, REASON) for history in histories], allowed=False)
    assert [f"/{name}:" in message for name in "abc"] == [True, False, True]


@pytest.mark.parametrize("seconds", [(), (60,), (1800, 1800)])
def test_what_took_up_to_an_hour_or_was_never_trained_may_be_trained_anew(trained, seconds):
    assert retraining_refused([(trained("a", *seconds), REASON)], allowed=False) == ""


def test_what_is_trained_for_the_first_time_is_not_refused(tmp_path):
    assert retraining_refused([(str(tmp_path / "history.csv"), "Missing output files")], allowed=False) == ""


def test_weights_that_are_gone_are_trained_again(trained, tmp_path):
    history = trained("a", 7200)
    (tmp_path / "a" / "weights.safetensors").unlink()
    assert retraining_refused([(history, REASON)], allowed=False) == ""


def test_a_setting_allows_all(trained):
    assert retraining_refused([(trained("a", 7200), REASON)], allowed=True) == ""


def test_a_training_counts_as_long_as_its_epochs_took_together(trained):
    assert hours(trained("a", 900, 900)) == pytest.approx(0.5)
    assert COSTLY_H == 1


def test_a_damaged_history_is_named(trained, tmp_path):
    history = trained("a", 7200)
    (tmp_path / "a" / "history.csv").write_text("epoch,loss,seconds\n0,0.5,long\n")
    with pytest.raises(InputError, match=r"history\.csv is damaged"):
        hours(history)
