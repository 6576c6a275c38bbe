import re


def test_the_demo_is_estimated_within_a_factor_of_two_of_what_it_took(copy):
    done = copy.run("estimate", config=None)
    assert done.returncode == 0, done.stdout[-4000:]
    jobs, core_hours, gigabytes = re.search(r"^all +(\d+) +([\d.]+) +([\d.]+)$", done.stdout, re.M).groups()
    planned = copy.run("-n", config=None)
    assert int(jobs) == int(re.search(r"^total +(\d+)", planned.stdout, re.M)[1]) - 1  # the target itself
    # A demo on two cores: 281 jobs of 2433 s in all, in 1221 s; `results/` then held 0.99 GB.
    assert 2433 / 2 < 3600 * float(core_hours) < 2433 * 2
    assert 0.5 < float(gigabytes) < 2


def test_a_finished_run_is_estimated_at_nothing(finished):
    assert "Nothing is to be done." in finished.run("estimate").stdout
