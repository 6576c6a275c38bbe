"""Runs that are planned and not made."""

import re


def test_the_full_benchmark_has_less_than_10_000_jobs(copy):
    planned = copy.run("--dry-run", "--quiet", "rules", "--config", "scale=full", config=None)
    assert planned.returncode == 0, planned.stdout[-4000:]
    assert 500 < int(re.search(r"^total +(\d+)$", planned.stdout, re.MULTILINE)[1]) < 10_000
