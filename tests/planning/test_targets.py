"""Targets that the wildcards allow: each is made from something, or ends in a message."""

import random
import re
from itertools import product

import pytest
from loaded_rules import Rules
from snakemake.io import apply_wildcards
from snakemake.rules import Rule
from stembench.datasets.labels import TASK_LABELS
from stembench.errors import InputError
from stembench.planning import SPLITS, Method
from stembench.planning.evaluations import ENHANCED

pytestmark = pytest.mark.slow

#: Configurations that leave out much of what the wildcards name.
CONFIGS = {
    "demo": {},
    "full, on the fly": {"scale": "full", "training": {"data": "on_the_fly"}},
    "own": {
        "scale": "mine",
        "scales": {"mine": {"parent": "demo", "held_out_images": 0, "shard_images": 100}},
        "structures": {"held_out": ["SrTiO3", "Si"]},
        "networks": {"sffn": {"tasks": []}, "sfin": {"datasets": ["srtio3_multislice"]}},
        "evaluation": {"testsets": ["calibrated"], "localisers": ["otsu", "maxima"]},
        "instrument": {"from": ["se_mos2"], "materials": ["MoS2"]},
    },
}
TARGETS = 200
#: What has been named in a message before, and now is known to be refused.
REFUSED = "results/demo/cost/sffn_spatial_only/denoise_background.json"


@pytest.fixture(scope="module", params=CONFIGS)
def rules(request, rules_of):
    return rules_of(CONFIGS[request.param])


def values_of(rules: Rules, random_numbers: random.Random) -> dict[str, list[str]]:
    """Values of each wildcard, those that no product has among them."""
    plan = rules.plan
    evaluations, datasets = plan.evaluations, list(plan.datasets.recipes)
    testsets = [*datasets, *plan.config.lab_testsets]
    networks = [
        Method(network, dataset, seed, prior, localiser)
        for network in plan.config.networks
        for dataset in datasets
        for seed in (0, 9)
        for prior in ("right", "wrong", "none")
        for localiser in ("", *plan.config.evaluation.localisers)
    ]
    methods = [*random_numbers.sample(networks, 40), *map(Method, [*evaluations.finders, *evaluations.filters])]
    return {
        "material": list(plan.crystals.zones),
        "zone": sorted({zone for _, zone in plan.crystals.views}),
        "condition": list(plan.config.imaging.conditions),
        "image": list(plan.lab.images),
        "product": [],
        "distribution": list(plan.config.lab.distributions),
        "instrument": list(plan.lab.instruments),
        "dataset": datasets,
        "split": list(SPLITS),
        "shard": ["00000", "00003", "99999"],
        "network": list(plan.config.networks),
        "task": list(TASK_LABELS),
        "seed": ["0", "9"],
        "testset": testsets,
        "method": [str(method.trained) if random_numbers.random() < 0.3 else str(method) for method in methods],
        "table": list(plan.report.tables),
        "figure": list(plan.report.figures),
    }


def targets(rules: Rules, number: int) -> list[tuple[Rule, str]]:
    """Some paths of each rule that its wildcards allow, as many of each, and the rule that makes each."""
    draw = random.Random(0)
    values, found = values_of(rules, draw), []
    able = [rule for rule in rules.rules.values() if rule.output and rule.wildcard_names]
    for rule in able:
        allowed: set[str] = set()
        for _ in range(20 * number):
            chosen = {name: draw.choice(values[name]) for name in rule.wildcard_names}
            path = apply_wildcards(str(rule.output[0]), chosen)
            if len(allowed) < number // len(able) + 1 and rule.is_producer(path):
                allowed.add(path)
        found += [(rule, path) for path in sorted(allowed)]
    return found


def test_every_target_is_made_from_something_or_ends_in_a_message(rules, caplog):
    asked = targets(rules, TARGETS)
    assert len(asked) > TARGETS / 2
    made = refused = 0
    for rule, path in asked:
        assert rules.producers(path) == [rule], path
        caplog.clear()
        try:
            rules.closure([path])
            made += 1
        except SystemExit:
            assert caplog.records[-1].levelname == "ERROR", path
            assert " and not on " in caplog.messages[-1] or re.search(r"; \w+|: there is no", caplog.messages[-1]), path
            refused += 1
    assert made > refused > 0


def test_a_network_whose_dataset_no_structure_makes_has_no_cost(plan_of, tmp_path):
    """No material, no image: the target ended in a StopIteration."""
    plan = plan_of({}, structures=tmp_path)
    with pytest.raises(InputError, match=r"no network can be trained on .*structures/"):
        plan.trainings.first_files("sffn_spatial_only", "denoise_background")


def test_a_test_set_is_not_said_to_lack_structures_where_no_network_may_be_trained_on_it(demo):
    with pytest.raises(InputError, match=r"networks are trained on physical, .* and not on halo"):
        demo.trainings.shards("halo", "validation")


def test_what_a_network_without_trainings_costs_is_measured_on_one_that_is_trained_for_it(demo_rules):
    assert demo_rules.plan.config.networks["sffn_spatial_only"].tasks == ()
    jobs = demo_rules.closure([REFUSED])
    assert {job.rule for job in jobs.values()} >= {"measure_cost", "train_network"}


METHODS = {
    "images": lambda plan, testset, method: plan.evaluations.images(testset),
    "tuning images": lambda plan, testset, method: plan.evaluations.tuning_images(testset),
    "lab image": lambda plan, testset, method: plan.evaluations.lab_image(testset),
    "doses": lambda plan, testset, method: plan.evaluations.doses(testset),
    "files": lambda plan, testset, method: plan.trainings.files(method, "localise"),
    "tuning": lambda plan, testset, method: plan.evaluations.detection_tuning(method, testset),
    "filter": lambda plan, testset, method: plan.evaluations.enhancement_tuning(method, ENHANCED, testset),
    "modules": lambda plan, testset, method: plan.evaluations.modules(method, ["own"]),
    "environment": lambda plan, testset, method: plan.evaluations.environment(method),
}


@pytest.mark.parametrize("question", METHODS)
def test_the_plan_answers_or_says_why_not(demo, question):
    testsets = [*demo.datasets.recipes, *demo.config.lab_testsets]
    methods = [
        *demo.evaluations.detecting,
        *demo.evaluations.enhancers,
        *(Method(network, "halo", 3) for network in demo.config.networks),
        Method("another", "physical"),
        Method("another"),
    ]
    answered, refusals = 0, []
    for testset, method in product(testsets, methods):
        try:
            METHODS[question](demo, testset, method)
            answered += 1
        except InputError as error:
            refusals.append(str(error))
    assert answered
    assert all(len(refusal) > 20 for refusal in refusals)
