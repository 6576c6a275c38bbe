import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from stembench.config import load_config
from stembench.errors import InputError
from stembench.planning import Plan, make_plan
from stembench.planning.timing import (
    ASSUMED_CORES_PER_GPU,
    SHIPPED_RATES,
    Estimator,
    Rate,
    estimate,
    finish,
    read_rates,
    rule_of,
    table,
    write_rates,
)

START_S = 2.0
NOTHING = Rate("plot_training", "", 1, START_S, 1, 0, 1)  # of all jobs the quickest
SHARD = {"dataset": "physical", "split": "train", "shard": "00000"}
TRAINING = {"network": "sfin", "task": "denoise_background", "dataset": "physical", "seed": "0"}


@pytest.fixture
def plan_here(repository, tmp_path, monkeypatch):
    """The plan of a scale, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def made(**config) -> Plan:
        return make_plan(load_config(config), repository / "structures", repository)

    return made


def job(plan: Plan, rule: str, wildcards: dict[str, str], seconds: float | None = None, gpu: int = 0):
    """A job as Snakemake has it; one that took seconds has a benchmark file and an output of one megabyte."""
    benchmark = Path(plan.layout.benchmark(rule, "_".join(wildcards.values())))
    output = Path(plan.layout.folder) / f"{rule}_{'_'.join(wildcards.values())}"
    if seconds is not None:
        benchmark.parent.mkdir(parents=True, exist_ok=True)
        benchmark.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:00\tNA\n")
        output.write_bytes(bytes(1_000_000))
    return SimpleNamespace(
        benchmark=str(benchmark), output=[str(output)], resources={"gpu": gpu}, wildcards_dict=wildcards
    )


def core_s(plan: Plan, rule: str, wildcards: dict[str, str]) -> float:
    return Estimator(plan)(job(plan, rule, wildcards)).seconds


def test_a_shard_of_four_times_the_pixels_takes_four_times_as_long_beyond_its_start(plan_here):
    small, large = ({"image_px": px, "shard_images": 50, "train_images": 50, "parent": "demo"} for px in (64, 128))
    run, planned = (plan_here(scale="own", scales={"own": sizes}) for sizes in (small, large))
    finish(run, [job(run, "generate_shard", SHARD, 5.0), job(run, "plot_training", TRAINING, START_S)], 0)
    estimated = Estimator(planned, [run.layout.rates])(job(planned, "generate_shard", SHARD))
    assert estimated.seconds == pytest.approx(START_S + 4 * (5.0 - START_S))
    assert estimated.megabytes == pytest.approx(4.0)


def test_a_training_goes_with_its_crops_their_pixels_and_the_width(plan_here):
    demo, full = plan_here(), plan_here(scale="full")
    finish(demo, [job(demo, "train_network", TRAINING, 52.0), job(demo, "plot_training", TRAINING, START_S)], 0)
    ours, theirs = (plan.config.recipe("sfin") for plan in (demo, full))
    more = full.config.sizes.samples_seen["denoise_background"] / demo.config.sizes.samples_seen["denoise_background"]
    more *= (theirs.crop_px / ours.crop_px) ** 2 * (theirs.width / ours.width)
    estimated = Estimator(full, [demo.layout.rates])(job(full, "train_network", TRAINING))
    assert estimated.seconds == pytest.approx(START_S + 50.0 * more, rel=1e-3)


def test_a_run_of_another_scale_here_goes_before_what_ships_and_one_of_the_same_scale_before_both(plan_here):
    demo, full = plan_here(), plan_here(scale="full")
    shipped = core_s(demo, "measure_cost", {"network": "sfin"})
    for plan, seconds in ((full, 1000.0), (demo, 3000.0)):
        finish(plan, [job(plan, "measure_cost", {"network": "sfin"}, seconds)], 0)
        assert core_s(demo, "measure_cost", {"network": "sfin"}) == pytest.approx(seconds)
    assert shipped < 1000.0


def test_a_network_that_was_not_run_is_taken_for_the_mean_of_those_that_were(plan_here, tmp_path):
    rates = [NOTHING, Rate("measure_cost", "sfin", 1, 4, 1, 0, 1), Rate("measure_cost", "fcn", 1, 8, 1, 0, 1)]
    write_rates(tmp_path / "rates.csv", rates)
    plan = plan_here()
    estimated = Estimator(plan, [tmp_path / "rates.csv"])(job(plan, "measure_cost", {"network": "sffn"}))
    assert estimated.seconds == pytest.approx(6.0)


def test_a_training_on_a_gpu_replaces_the_assumption_and_tells_nothing_of_cores(plan_here):
    plan = plan_here()
    before = Estimator(plan)(job(plan, "train_network", TRAINING))
    assert before.gpu_s == pytest.approx(before.seconds / ASSUMED_CORES_PER_GPU)
    assert "an assumption" in estimate(plan, [job(plan, "train_network", TRAINING)], 2)
    finish(plan, [job(plan, "train_network", TRAINING, 77.0, gpu=1)], 0)
    after = Estimator(plan)(job(plan, "train_network", TRAINING))
    assert (after.gpu_s, after.seconds) == (pytest.approx(77.0), pytest.approx(before.seconds))
    assert "as measured here" in estimate(plan, [job(plan, "train_network", TRAINING)], 2)


def test_a_run_is_at_least_as_long_as_its_longest_job(plan_here):
    plan = plan_here()
    finish(plan, [job(plan, "measure_cost", {"network": "sfin"}, 300.0), job(plan, "report", {}, 100.0)], 0)
    jobs = [job(plan, "measure_cost", {"network": "sfin"}), job(plan, "report", {})]
    assert "About 300 s on 4 cores" in estimate(plan, jobs, 4)
    assert "About 400 s on 1 cores" in estimate(plan, jobs, 1)


def test_a_run_ends_with_the_time_of_its_own_jobs_by_rule(plan_here):
    plan = plan_here()
    jobs = [job(plan, "generate_shard", SHARD | {"shard": f"{i:05d}"}, 20.0) for i in range(2)]
    jobs += [job(plan, "measure_cost", {"network": name}, 1.0) for name in ("sfin", "sffn", "fcn", "atomid_net")]
    jobs += [job(plan, "make_table", {"table": name}, 2.0) for name in "abcdef"]
    jobs += [job(plan, "report", {})]  # which has not run
    assert finish(plan, jobs[:8], 0) == ""
    told = finish(plan, jobs, 0).split("\n\n")[-1].strip().splitlines()
    assert [line.split()[:3] for line in told[1:]] == [
        ["generate_shard", "2", "40"],
        ["make_table", "6", "12"],
        ["measure_cost", "4", "4"],
        ["all", "12", "56"],
    ]
    for earlier in jobs[:2]:
        os.utime(earlier.benchmark, (1, 1))
    assert finish(plan, jobs, 2) == ""


def test_a_table_of_many_rules_is_short_and_its_rows_add_up():
    lines = table((f"rule{i}", float(i), 1000.0) for i in range(1, 41)).splitlines()
    cells = [line.split() for line in lines[1:]]
    assert len(lines) <= 17
    assert [row[0] for row in cells[-2:]] == ["others", "all"]
    assert sum(int(row[1]) for row in cells[:-1]) == int(cells[-1][1]) == 40
    assert sum(float(row[2]) for row in cells[:-1]) == pytest.approx(sum(range(1, 41)), abs=60)


def test_a_run_keeps_what_was_measured_of_other_rules(tmp_path):
    path = tmp_path / "rates.csv"
    write_rates(path, [NOTHING, Rate("report", "", 1, 5, 1, 1, 1)])
    write_rates(path, [Rate("report", "", 1, 6, 1, 1, 1), Rate("report", "", 1, 8, 1, 1, 1)])
    assert read_rates(path) == [NOTHING, Rate("report", "", 2, 14, 2, 2, 2)]


def test_damaged_rates_are_named(tmp_path):
    (tmp_path / "rates.csv").write_text("rule,of\nreport,\n")
    with pytest.raises(InputError, match=r"rates\.csv is damaged"):
        read_rates(tmp_path / "rates.csv")


def test_what_ships_knows_the_rules_that_take_longest():
    rules = {rate.rule for rate in read_rates(SHIPPED_RATES)}
    assert {"generate_shard", "train_network", "simulate_tile", "tune_detection", "evaluate_finder"} <= rules


def test_every_rule_that_runs_a_script_keeps_what_its_jobs_took(demo_rules):
    scripts = {name: rule for name, rule in demo_rules.rules.items() if not rule.norun}
    kept = {name: rule_of(SimpleNamespace(benchmark=rule.benchmark)) for name, rule in scripts.items()}
    assert kept["train_network"] == "train_network"
    assert set(kept.values()) <= set(scripts)  # none is empty
