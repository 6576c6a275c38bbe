"""What a change of the configuration makes anew: the inputs and parameters of every job, before and after it."""

import pytest
from loaded_rules import Rules, folder_of
from stembench.config import load_config

#: Of everything a part: what is left is of each kind.
KEPT = {
    *("sfin", "atomsegnet_unet", "atomsegnet_unet_mse", "structural_prior", "loss_comparison"),
    *("held_out", "multislice", "halo"),
}
DEFAULT = load_config({})
BASE = {
    "networks": dict.fromkeys(DEFAULT.networks.keys() - KEPT),
    "studies": dict.fromkeys(DEFAULT.studies.keys() - KEPT),
    "generalisation": {
        "testsets": {name: {"share": 0} for name in DEFAULT.generalisation.testsets.keys() - KEPT},
        "baselines": ["smoothed_maxima"],
    },
    "evaluation": {
        "detection_baselines": ["smoothed_maxima", "gaussian_fit", "random_points"],
        "enhancement_baselines": ["gaussian"],
        "localisers": ["maxima"],
    },
    "structures": {"default_zones": ["001"]},
}
SCORED = {
    *("tune_detection", "evaluate_finder", "evaluate_network_by_maxima", "evaluate_generalisation"),
    *("evaluate_network_generalisation", "evaluate_precision_after_denoising", "validate_network"),
    *("characterise_network", "measure_reliability"),
}
SHOWN = {"make_table", "plot_figure"}


def laid_over(base: dict, *layers: dict) -> dict:
    for layer in layers:
        base = base | {
            key: laid_over(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
            for key, value in layer.items()
        }
    return base


def recipe(network: str, **settings) -> dict:
    return {"networks": {network: {"recipes": {"demo": settings}}}}


#: A setting; the rules of which some jobs have other inputs or parameters for it, and a part of all their paths.
CASES = {
    "learning rate": (recipe("sfin", learning_rate=0.0123), {"train_network"}, "/models/sfin/"),
    "learning rate, which a variant inherits": (
        recipe("atomsegnet_unet", learning_rate=0.0123),
        {"train_network"},
        "/models/atomsegnet_unet",
    ),
    "loss, which a variant does not inherit": (
        recipe("atomsegnet_unet", loss="rmse"),
        {"train_network", "plot_training"},
        "/models/atomsegnet_unet/",
    ),
    "nothing that a job of this run depends on": (
        laid_over(
            recipe("sfin", source="another paper"),
            {"networks": {"sfin": {"recipes": {"full": {"learning_rate": 0.1}}}}},
            {"training": {"devices": 2, "compile": True, "retrain": True}},
            {"apply": {"refine": False}},
            {"scales": {"full": {"epochs": 7}}},
        ),
        set(),
        "",
    ),
    "precision": ({"training": {"precision": "tf32"}}, {"train_network"}, "/models/"),
    "seeds": ({"scales": {"demo": {"seeds": 2}}}, {"make_table"}, "/tables/"),
    "border": (
        {"evaluation": {"border_A": 1.5}},
        {
            *SCORED,
            "make_table",
            *("evaluate_lattice_precision", "evaluate_localisation_after_denoising", "plot_reliability"),
        },
        "/",
    ),
    "match radius": ({"evaluation": {"match_radius_A": 0.4}}, SCORED | {"make_table"}, "/"),
    "how tables divide columns": ({"evaluation": {"weak_strength": 0.4}}, {"make_table"}, "/tables/"),
    "resamplings": ({"scales": {"demo": {"bootstrap": 777}}}, {"make_table"}, "/tables/"),
    "crystals of a dataset": (
        {"datasets": {"bright_field": {"materials": ["Si"]}}},
        {"generate_shard", "describe_dataset"},
        "bright_field",
    ),
    "tiles": ({"multislice": {"slice_A": 1.1}}, {"simulate_tile", "generate_shard"}, "/"),
    "reading of a lab image": (
        {"lab": {"images": {"perovskite_adf": {"pixel_size_A": 0.123}}}},
        {"import_lab_image"},
        "results/lab/perovskite_adf",
    ),
    "a finder less": (
        {"evaluation": {"detection_baselines": ["smoothed_maxima", "random_points"]}},
        SHOWN,
        "/",
    ),
}
COSTLY = {"train_network", "generate_shard", "simulate_tile", "calibrate_noise"}


@pytest.fixture(scope="module")
def jobs_at(tmp_path_factory):
    """A function that returns every job of a run of three crystals, with its studies, at some settings."""
    folder = folder_of(tmp_path_factory.mktemp("reruns") / "workflow", ("Au", "Si", "SrTiO3"))

    asked: dict[str, dict] = {}

    def ask(*layers: dict) -> dict:
        settings = laid_over(BASE, *layers)
        if repr(settings) not in asked:
            rules = Rules(folder, settings)
            asked[repr(settings)] = rules.closure(rules.everything)
        return asked[repr(settings)]

    return ask


@pytest.fixture(scope="module")
def before(jobs_at):
    return jobs_at()


def changed(before: dict, after: dict) -> set[str]:
    """Paths that are made before and after, from something else; the report names every setting."""
    return {path for path in before.keys() & after.keys() if before[path] != after[path]} - {
        path for path in before if before[path].rule == "report"
    }


@pytest.mark.parametrize("case", CASES)
def test_a_setting_remakes_what_depends_on_it_and_nothing_else(before, jobs_at, case):
    settings, rules, part = CASES[case]
    remade = changed(before, jobs_at(settings))
    assert {before[path].rule for path in remade} == rules
    assert [path for path in remade if part not in path] == []


def test_a_variant_that_inherits_a_recipe_is_trained_anew_with_it(before, jobs_at):
    remade = changed(before, jobs_at(CASES["learning rate, which a variant inherits"][0]))
    assert {path.split("/")[3] for path in remade} == {"atomsegnet_unet", "atomsegnet_unet_mse"}


def test_every_network_is_trained_anew_at_another_precision(before, jobs_at):
    remade = changed(before, jobs_at(CASES["precision"][0]))
    assert remade == {path for path in before if before[path].rule == "train_network"}


def test_more_seeds_keep_the_trainings_that_are_there(before, jobs_at):
    after = jobs_at(CASES["seeds"][0])
    trained = [{path for path in jobs if jobs[path].rule == "train_network"} for jobs in (before, after)]
    assert trained[0] < trained[1]
    assert len(trained[1]) == 2 * len(trained[0])


def test_a_network_that_is_added_keeps_what_is_costly(before, jobs_at):
    after = jobs_at({"networks": {"mine": {"variant_of": "sfin", "tasks": ["denoise_background"]}}})
    added = {path for path in after.keys() - before.keys() if after[path].rule in COSTLY}
    assert added
    assert all("/models/mine/" in path for path in added)
    assert {before[path].rule for path in changed(before, after)} & COSTLY == set()


def test_samples_that_are_drawn_on_the_fly_retrain_what_draws_them(jobs_at):
    drawn = {"training": {"data": "on_the_fly"}}
    before, after = jobs_at(drawn), jobs_at(drawn, {"datasets": {"physical": {"images_per_structure": 10}}})
    remade = changed(before, after)
    assert {before[path].rule for path in remade} == {"train_network", "generate_shard"}
    assert [path for path in remade if "/physical" not in path] == []
