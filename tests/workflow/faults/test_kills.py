"""Jobs of every script, and Snakemake with them, are killed at random moments; what comes out is what would have."""

import random
import re
from collections import Counter

import pytest
from comparison import differences
from copies import Copy
from jobs import Killer, kill_with_jobs

CALLS = 40  # of Snakemake, more than it can take
GOES_DOWN_BEFORE = (1, 4, 7)  # calls; Snakemake is killed with its jobs, and unlocked


def kinds_that_failed(printed: str, kinds: dict[str, str]) -> Counter:
    return Counter(kinds[rule] for rule in re.findall(r"^Error in rule (\w+):", printed, re.MULTILINE))


def go_down(copy: Copy, targets: list[str], moment: float) -> None:
    """Kill Snakemake with its jobs, and do what the next call says."""
    kill_with_jobs(copy.start(*targets), copy.folder, moment)
    refused = copy.run(*targets)
    assert refused.returncode != 0
    assert "Directory cannot be locked" in refused.stdout
    assert "--unlock" in refused.stdout
    assert copy.run("--unlock").returncode == 0


@pytest.fixture(scope="module")
def killed(undisturbed, targets, quick, tmp_path_factory, repository):
    """A run whose jobs were killed until each kind had been often enough, its killer, and which trainings went on."""
    _, usual = undisturbed
    copy = Copy(tmp_path_factory.mktemp("killed"), repository)
    killer = Killer(copy.folder, usual=usual, wanted=1 if quick else 2)
    moments, complete, forced, went_on = random.Random(1), False, [], set()
    for call in range(CALLS):
        if call in GOES_DOWN_BEFORE[: 1 if quick else None] and not complete:
            go_down(copy, targets, moments.uniform(0, 5))
        before = killer.hits.copy()
        # A kind all of whose jobs were over before their moments came is carried out again, until it has succeeded:
        # Snakemake misses no product that a killed job took away if all that is made from it is there.
        if complete:
            forced = [rule for rule, kind in killer.kinds.items() if kind in killer.missing()]
        again = ["--forcerun", *forced] if forced else []
        with killer.watching():
            done = copy.run(*targets, "--keep-going", *again)
        complete = done.returncode == 0
        assert complete == (killer.hits == before), done.stdout[-8000:]
        assert kinds_that_failed(done.stdout, killer.kinds) == killer.hits - before, done.stdout[-8000:]
        went_on |= {log for log in killer.interrupted if "going on from" in (copy.folder / log).read_text()}
        if complete and not killer.missing():
            return copy, killer, went_on
    pytest.fail(f"after {CALLS} calls these were not killed often enough: {killer.missing()}")


def test_jobs_of_every_script_were_killed_alive(killed, quick):
    _, killer, _ = killed
    print(f"{killer.hits.total()} kills: {dict(killer.hits)}")
    assert set(killer.hits) == set(killer.usual)
    assert min(killer.hits.values()) >= killer.wanted
    assert killer.hits.total() >= (10 if quick else 30)


def test_a_training_that_was_killed_in_its_epochs_went_on_from_its_checkpoint(killed):
    _, killer, went_on = killed
    assert killer.interrupted == went_on


def test_every_product_is_what_an_undisturbed_run_makes(killed, undisturbed):
    copy, *_ = killed
    whole, _ = undisturbed
    assert differences(whole.folder / "results", copy.folder / "results") == []


def test_nothing_is_left_to_do(killed, targets):
    copy, *_ = killed
    assert "Nothing to be done" in copy.run(*targets).stdout
