from collections import Counter

import pytest
import readers
from worker import Worker

pytestmark = pytest.mark.slow

INPUTS = -(-2000 // len(readers.READERS))
MAX_SECONDS, MAX_BYTES = 10, 2 * 2**30


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.close()


@pytest.mark.parametrize("name", readers.READERS)
def test_valid_files_are_read(tmp_path, name):
    readers.READERS[name].make(tmp_path)
    readers.READERS[name].read(tmp_path)


@pytest.mark.parametrize("name", readers.READERS)
def test_whatever_files_hold_they_are_read_or_refused_in_time_and_memory(worker, name):
    outcomes = {number: worker.outcome(name, number, MAX_SECONDS, MAX_BYTES) for number in range(INPUTS)}
    wrong = {number: outcome for number, outcome in outcomes.items() if outcome not in ("read", "refused")}
    assert not wrong, "\n".join(f"readers.write_input(folder, {name!r}, {n}): {what}" for n, what in wrong.items())
    assert Counter(outcomes.values())["refused"] > INPUTS / 4
