import json
import os
import re
import subprocess
import sys
import time

import jsonschema
import pytest
import yaml
from stembench.config import CalibratedNoise, Config, Dataset, ImportedDataset, LabImage, PhysicalNoise, load_config
from stembench.config.documents import EXAMPLES, GENERATED, reference, schema_json
from stembench.config.instrument import Instrument, instrument_images
from stembench.config.layers import is_tag, sections_of
from stembench.errors import InputError
from stembench.imaging.conditions import detector_of

INSTRUMENT = {"from": "images/", "materials": ["SrTiO3"]}
LAB = {name: image.model_dump() for name, image in Config().lab.images.items()}
DISTRIBUTION = Config().lab.distributions["atomap"].model_dump()
SCHEMA = jsonschema.Draft202012Validator(json.loads(schema_json()))
CONDITION = {"energy_keV": 200, "semiangle_mrad": 24, "source_size_A": 0.9}


@pytest.mark.parametrize("file", GENERATED)
def test_generated_files_are_those_of_the_models(repository, file):
    written = (repository / file).read_text()
    assert written == GENERATED[file](), f"{file} has drifted from the models: run `make config`"


def test_make_config_writes_the_generated_files_and_no_other(tmp_path, repository):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text("scale: full\n")
    library = repository / "workflow_scripts"
    subprocess.run([sys.executable, "-m", "stembench.config", tmp_path], cwd=library, check=True)
    assert (tmp_path / "config" / "config.yaml").read_text() == "scale: full\n"
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"config/config.yaml", *GENERATED}


@pytest.mark.skipif("STEMBENCH_CI" not in os.environ, reason="config/config.yaml may be edited; CI reads what ships")
def test_the_users_file_ships_short_and_changes_nothing_until_an_example_is_taken(repository):
    written = (repository / "config" / "config.yaml").read_text()
    assert len(written.splitlines()) <= 40
    assert load_config(yaml.safe_load(written)) == Config()
    examples = yaml.safe_load(re.sub(r"^#(?! \S)", "", written, flags=re.M))
    assert set(examples) == {"scale", "scales", "lab", "structures", "instrument", "training", "datasets", "networks"}
    SCHEMA.validate(examples)
    assert load_config(examples, {"scale": "mine"}).recipe("sfin").loss == "l1"


def test_the_reference_shows_the_defaults():
    shipped = re.findall("<details>.*?```yaml\n(.*?)```", reference(), flags=re.S)
    assert len(shipped) > 8
    assert load_config(*map(yaml.safe_load, shipped)) == Config()


def test_each_section_of_the_reference_begins_with_an_example_that_changes_it():
    headings, *_ = zip(*re.findall("^## (.*)\n([^|]*?)```yaml", reference(), flags=re.M))
    assert list(headings) == list(Config.model_fields) == list(EXAMPLES)
    for name, example in EXAMPLES.items():
        content = yaml.safe_load(example)
        SCHEMA.validate(content)
        assert getattr(load_config(content), name) != getattr(Config(), name), name


def test_every_key_has_a_row_in_the_reference():
    rows = {
        (heading, key)
        for heading, text in re.findall(r"^##+ (.*)\n((?:(?!^##).*\n)*)", reference(), flags=re.M)
        for key in re.findall(r"^\| `(\w+)` \|", text, flags=re.M)
    }
    for where in (
        ("evaluation", "border_A"),
        ("lab.images.{name}", "pixel_size_A"),
        ("datasets.{name}.noise", "drift_A"),
        ("datasets.{name}.noise", "instrument"),
        ("studies.{name}.variants.{name}", "prior"),
        ("networks.{name}.recipes.{name}", "loss"),
        ("instrument", "from"),
    ):
        assert where in rows
    keys = {key for _, key in rows}
    for model in models():
        for name, field in model.model_fields.items():
            assert (field.alias or name) in keys or is_tag(field) or model is Config, (model, name)


def test_the_schema_takes_what_is_laid_over_the_defaults_and_no_unknown_key():
    content = {
        "scales": {"mine": {"parent": "demo"}},
        "imaging": {"conditions": {"200keV_24mrad": {"defocus_A": 10}, "60keV_30mrad": None}},
        "arrangements": {"particle": {"facet_spread": 0.1}, "wedge": None},
        "datasets": {"physical": {"noise": {"drift_A": [0, 1]}}, "theirs": {"folder": "theirs"}, "bright_field": None},
        "structures": {"zones": {"Si": None}},
    }
    SCHEMA.validate(content)
    for mistake in ({"scael": "demo"}, {"scales": {"mine": {"epoch": 1}}}, {"scale": 3}, {"lab": {"folder": None}}):
        with pytest.raises(jsonschema.ValidationError):
            SCHEMA.validate(mistake)


def models():
    seen, waiting = set(), [Config]
    while waiting:
        model = waiting.pop()
        seen.add(model)
        waiting += [s for f in model.model_fields.values() for s in sections_of(f.annotation) if s not in seen]
    assert len(seen) > 10
    return seen


def test_every_key_has_a_first_sentence_that_fits_a_cell_of_a_table():
    for model in models():
        for name, field in model.model_fields.items():
            first = field.description.partition(". ")[0]
            assert 1 <= len(first.split()) <= 13, (model, name, first)


def test_what_is_set_is_laid_over_the_defaults():
    config = load_config({"imaging": {"conditions": {"200keV_24mrad": {"defocus_A": 10}}}, "evaluation": {"rim_A": 2}})
    condition = config.imaging.conditions["200keV_24mrad"]
    assert (condition.energy_keV, condition.defocus_A) == (200, 10)
    assert config.imaging.conditions.keys() == Config().imaging.conditions.keys()
    assert config.evaluation == Config().evaluation.model_copy(update={"rim_A": 2})
    assert load_config({"structures": {"held_out": ["Pt"]}}).structures.held_out == ("Pt",)
    own = load_config({"generalisation": {"testsets": {"x": {"noise": {"drift_A": [0, 1]}}}}})
    assert own.generalisation.testsets["x"].noise.test_counts_per_px == (10,)


def test_later_layers_win():
    layers = {"evaluation": {"rim_A": 2, "border_A": 3}}, {"evaluation": {"rim_A": 4}}, {"scale": "full"}
    config = load_config(*layers)
    assert (config.scale, config.evaluation.rim_A, config.evaluation.border_A) == ("full", 4, 3)


PHYSICAL = {"datasets": {"calibrated": {"noise": {"recipe": "physical"}}}}
CALIBRATED = {"datasets": {"srtio3_linear": {"noise": {"recipe": "calibrated", "instrument": "au_particle"}}}}


@pytest.mark.parametrize(
    "layers",
    [
        [PHYSICAL],
        [{"datasets": {"calibrated": {"noise": {"instrument": "au_particle"}}}}, PHYSICAL],
        [{"datasets": {"calibrated": {"noise": {"recipe": "calibrated", "instrument": "se_mos2"}}}}, PHYSICAL],
        [PHYSICAL, PHYSICAL],
    ],
)
def test_a_recipe_of_noise_that_changes_takes_its_keys_along(layers):
    dataset = load_config(*layers).datasets["calibrated"]
    assert dataset.noise == PhysicalNoise()
    assert (dataset.share, dataset.images_per_structure) == (0.1, 5)


def test_a_recipe_of_noise_changes_either_way_between_layers():
    with_drift = {"datasets": {"srtio3_linear": {"noise": {"drift_A": [0, 1]}}}}
    calibrated = load_config(with_drift, CALIBRATED).datasets["srtio3_linear"]
    assert calibrated.noise == CalibratedNoise(instrument="au_particle")
    assert calibrated.images_per_structure == 1
    back = load_config(CALIBRATED, {"datasets": {"srtio3_linear": {"noise": {"recipe": "physical", "gain": 3}}}})
    assert back.datasets["srtio3_linear"].noise == PhysicalNoise(gain=3)


def test_the_same_recipe_of_noise_keeps_its_other_keys():
    same = {"datasets": {"calibrated": {"noise": {"recipe": "calibrated"}}}}
    assert load_config(same).datasets["calibrated"].noise.instrument == "se_mos2"


def test_the_kind_of_an_arrangement_and_of_a_dataset_can_change():
    config = load_config({"arrangements": {"particle": {"kind": "wedge"}, "wedge": {"thin_end": [0, 0.1]}}})
    assert config.arrangements["particle"] == Config().arrangements["wedge"]
    assert config.arrangements["wedge"].thin_end == (0, 0.1)
    theirs = load_config({"datasets": {"bright_field": {"folder": "theirs"}}}).datasets["bright_field"]
    assert theirs == ImportedDataset(folder="theirs")
    twice = {"datasets": {"x": {"folder": "a", "seed": 3}}}, {"datasets": {"x": {"seed": 4}}}
    assert load_config(*twice).datasets["x"] == ImportedDataset(folder="a", seed=4)
    assert load_config(*twice, {"datasets": {"x": {"folder": "b"}}}).datasets["x"] == ImportedDataset(folder="b")


def test_a_schedule_that_changes_takes_its_milestones_along():
    config = load_config({"scale": "full", "networks": {"sfin": {"recipes": {"full": {"schedule": "one_cycle"}}}}})
    assert (config.recipe("sfin").milestones, config.recipe("sfin").loss) == ((), "l1")


def test_null_removes_a_named_entry():
    content = {
        "networks": {"faster_rcnn": None},
        "structures": {"zones": {"Si": None}},
        "lab": {"images": {"au_crop": None}},
        "studies": {"training_sets": None},
        "generalisation": {"testsets": {"wedge": None}},
        "calibration": {"instruments": {"au_particle": None}},
        "evaluation": {"lab_testsets": {"pbtio3": None}},
    }
    config = load_config(content, content)
    for section, names in (
        (config.networks, "faster_rcnn"),
        (config.structures.zones, "Si"),
        (config.lab.images, "au_crop"),
        (config.studies, "training_sets"),
        (config.generalisation.testsets, "wedge"),
        (config.calibration.instruments, "au_particle"),
        (config.evaluation.lab_testsets, "pbtio3"),
    ):
        assert names not in section
        assert section


def test_null_on_the_command_line_is_a_string():
    content = {"networks": {"faster_rcnn": "null"}, "instrument": "null"}
    assert "faster_rcnn" not in load_config({"instrument": INSTRUMENT}, content).networks
    assert load_config({"instrument": INSTRUMENT}, content).instrument is None


def test_an_entry_that_was_removed_begins_anew():
    removed = {"datasets": {"bright_field": None}}
    assert load_config(removed, {"datasets": {"bright_field": {"share": 0.5}}}).datasets["bright_field"] == Dataset(
        share=0.5
    )


def test_null_is_a_value_where_a_key_may_be_null():
    config = load_config({"datasets": {"calibrated": {"pixel_size_A": None}}, "multislice": {"cell_A": None}})
    assert config.datasets["calibrated"].pixel_size_A is None


def test_everything_that_names_a_removed_entry_is_told_at_once():
    with pytest.raises(InputError) as refused:
        load_config({"networks": {"sfin": None}, "datasets": {"calibrated": None}})
    for key in (
        "studies.calibrated_noise.variants.calibrated.network",
        "studies.super_resolution.variants.sfin.network",
        "'sfin', which networks does not hold",
        "evaluation.testsets",
        "studies.frequency_branch.dataset",
        "'calibrated', which datasets does not hold",
    ):
        assert key in str(refused.value)


# Loss, learning rate, schedule, width, crop and batch by network and scale, as the publications and the demo have them.
UNET = {
    "demo": ("modified_chi_square", 4e-3, "one_cycle", 0.25, 64, 8),
    "full": ("modified_chi_square", 1e-3, "one_cycle", 1, 256, 4),
}
PRIOR = {"demo": ("bce", 2e-3, "one_cycle", 0.25, 64, 16), "full": ("bce", 1e-3, "one_cycle", 1, 256, 16)}
SFIN = {"demo": ("rmse", 4e-3, "one_cycle", 0.25, 48, 8), "full": ("l1", 2e-4, "steps", 1, 256, 8)}
RECIPES = {
    "atomsegnet_unet": UNET,
    "atomsegnet_unet_mse": {scale: ("mse", *recipe[1:]) for scale, recipe in UNET.items()},
    "atomsegnet_unet_sfin_recipe": SFIN,
    "atomsegnet_unet_sfin_time": SFIN,
    "atomsegnet_unetpp": UNET,
    "atomai_segmentor": {"demo": ("bce", *UNET["demo"][1:]), "full": ("bce", 1e-3, "steps", 1, 256, 32)},
    "column_finder": dict.fromkeys(("demo", "full"), ("bce", 2e-3, "one_cycle", 0.5, 96, 16)),
    "instrument_column_finder": dict.fromkeys(("demo", "full"), ("bce", 5e-4, "one_cycle", 0.5, 96, 16)),
    "image_denoiser": dict.fromkeys(("demo", "full"), ("log_rmse", 1e-3, "one_cycle", 0.5, 96, 16)),
    "instrument_denoiser": dict.fromkeys(("demo", "full"), ("log_rmse", 1e-4, "one_cycle", 0.5, 96, 16)),
    "atomid_net": {"demo": ("own", *UNET["demo"][1:]), "full": ("own", 1e-4, "steps", 1, 256, 32)},
    "structural_prior": PRIOR,
    "structural_prior_unet": PRIOR,
    "structural_prior_self_attention": PRIOR,
    "structural_prior_cross_attention": PRIOR,
    "fcn": SFIN,
    "fcn_sfin_time": SFIN,
    "sfin": SFIN,
    "sffn": SFIN,
    "sffn_sfin_time": SFIN,
    "sffn_spatial_only": SFIN,
    "sffn_frequency_only": SFIN,
    "sffn_without_exchange": SFIN,
    "faster_rcnn": {"demo": ("own", *UNET["demo"][1:]), "full": ("own", *PRIOR["full"][1:])},
}


def recipe_of(config, network):
    recipe = config.recipe(network)
    sizes = recipe.width, recipe.crop_px, recipe.batch_images
    return recipe.loss, recipe.learning_rate, recipe.schedule, *sizes


@pytest.mark.parametrize("scale", ["demo", "full"])
def test_networks_and_their_variants_have_these_recipes(scale):
    config = load_config({"scale": scale})
    assert {name: recipe_of(config, name) for name in config.networks} == {
        name: recipes[scale] for name, recipes in RECIPES.items()
    }


@pytest.mark.parametrize("scale", ["demo", "full"])
@pytest.mark.parametrize(("study", "alike"), [("denoisers", True), ("denoisers_equal_time", False)])
def test_denoisers_are_compared_under_one_recipe(scale, study, alike):
    config = load_config({"scale": scale})
    compared = [variant.network for variant in config.studies[study].variants.values()]
    assert {config.networks[name].architecture for name in compared} == {"atomsegnet_unet", "fcn", "sffn", "sfin"}
    recipes = [config.recipe(name) for name in compared]
    told = [recipe.model_dump(exclude={"source", "samples"}) for recipe in recipes]
    assert all(one == told[0] for one in told)
    of_all = config.sizes.samples_seen["denoise_background"]
    seen = {name: config.samples_seen(name, "denoise_background") for name in compared}
    assert seen["sfin"] == of_all
    assert (set(seen.values()) == {of_all}) == alike
    if not alike:  # the faster, the more
        assert seen["atomsegnet_unet_sfin_time"] > seen["fcn_sfin_time"] > 2 * of_all > of_all > seen["sffn_sfin_time"]


@pytest.mark.parametrize("parent", ["demo", "full"])
def test_a_scale_of_ones_own_trains_as_its_parent_but_for_the_sizes_that_it_sets(parent):
    grandparent = {"parent": parent, "epochs": 7}
    own = {"parent": "middle", "batch_images": 2, "samples_seen": {"localise": 5}}
    config = load_config({"scale": "mine", "scales": {"mine": own, "middle": grandparent}})
    assert {name: recipe_of(config, name) for name in config.networks} == {
        name: (*recipes[parent][:5], 2) for name, recipes in RECIPES.items()
    }
    kept = Config().scales[parent]
    assert config.sizes.samples_seen == kept.samples_seen | {"localise": 5}
    assert (config.sizes.epochs, config.sizes.image_px, config.sizes.studies) == (7, kept.image_px, kept.studies)


def test_a_scale_can_leave_out_a_task_of_its_parent():
    config = load_config({"scale": "mine", "scales": {"mine": {"parent": "demo", "samples_seen": {"segment": None}}}})
    assert config.sizes.samples_seen.keys() == Config().sizes.samples_seen.keys() - {"segment"}


def test_recipes_of_a_scale_are_laid_over_its_parents_and_those_of_a_variant_over_what_it_varies():
    networks = {
        "sffn": {"recipes": {"mine": {"learning_rate": 0.1, "loss": "mse"}}, "datasets": ["calibrated"]},
        "slow": {"variant_of": "sffn_spatial_only", "recipes": {"full": {"learning_rate": 0.01}}},
    }
    content = {"scale": "mine", "scales": {"mine": {"parent": "full"}}, "networks": networks}
    config = load_config(content)
    assert recipe_of(config, "sffn") == ("mse", 0.1, "steps", 1, 256, 8)
    assert recipe_of(config, "sffn_spatial_only") == recipe_of(config, "sffn")
    assert recipe_of(config, "slow") == ("mse", 0.01, "steps", 1, 256, 8)
    slow = config.networks["slow"]
    assert (slow.architecture, slow.options, slow.datasets) == ("sffn", {"frequency": False}, ("calibrated",))
    assert slow.tasks == ()


def test_a_variant_starts_from_the_weights_that_what_it_varies_starts_from_unless_it_sets_its_own():
    networks = {
        "sffn": {"starts_from": "weights"},
        "other": {"variant_of": "sffn", "starts_from": "others"},
        "random": {"variant_of": "sffn", "starts_from": None},
    }
    config = load_config({"networks": networks})
    started = {
        name: config.networks[name].starts_from for name in (*networks, "sffn_spatial_only", "sffn_sfin_time", "fcn")
    }
    assert started == {
        **{"sffn": "weights", "other": "others", "random": None},
        **{"sffn_spatial_only": "weights", "sffn_sfin_time": "weights", "fcn": None},
    }
    assert load_config(json.loads(config.model_dump_json(by_alias=True))) == config


def test_a_configuration_survives_being_written_and_read():
    config = load_config({"scales": {"mine": {"parent": "full", "width": 0.5}}, "scale": "mine"})
    assert load_config(json.loads(config.model_dump_json(by_alias=True))) == config


def test_an_image_with_columns_is_a_test_set_of_its_name():
    lab = {"images": {**LAB, "mine": {"file": "mine.tif", "pixel_size_A": 0.1, "columns": "mine.csv"}}}
    assert set(load_config({"lab": lab}).lab_testsets) == {"perovskite", "pbtio3_crop", "mine"}
    testsets = {"perovskite": {"image": "perovskite_adf"}, "mine": {"image": "mine", "block_px": 256}}
    assert load_config({"lab": lab, "evaluation": {"lab_testsets": testsets}}).lab_testsets["mine"].block_px == 256


def test_an_instrument_has_a_dataset_with_its_noise_at_the_pixel_sizes_of_its_images():
    assert "instrument" not in load_config({}).datasets
    conditions = {name: each.model_dump() for name, each in Config().imaging.conditions.items()}
    conditions["60keV_30mrad"]["detectors_mrad"] = [[80, 200], [40, 75], [15, 30], [0, 15]]
    config = load_config({"instrument": INSTRUMENT | {"mode": "ADF"}, "imaging": {"conditions": conditions}})
    dataset = config.datasets["instrument"]
    assert (dataset.materials, dataset.noise.instrument, dataset.pixel_size_A) == (("SrTiO3",), "instrument", None)
    assert dataset.conditions == ("60keV_30mrad",)


@pytest.mark.parametrize(
    "microscope",
    [
        {"semiangle_mrad": 8, "c3_mm": 3, "defocus_A": 1000},
        {"semiangle_mrad": 10, "c3_mm": 1.2, "defocus_A": -2000},
        {"semiangle_mrad": 22, "detectors_mrad": [[12, 24]]},
        {"semiangle_mrad": 32, "detectors_mrad": [[27, 110], [80, 200], [60, 90]]},
    ],
)
def test_ordinary_microscopes_are_accepted(microscope):
    load_config({"imaging": {"conditions": {"mine": {"energy_keV": 200, "source_size_A": 1, **microscope}}}})


def test_one_of_two_detectors_of_a_mode_is_chosen_by_its_angles():
    conditions = {"mine": {**CONDITION, "detectors_mrad": [[80, 200], [60, 90]]}}
    for angles, told in (([60, 90], (60, 90)), (None, (80, 200))):
        recipe = {"conditions": ["mine"], "detector_mrad": angles}
        config = load_config({"imaging": {"conditions": conditions}, "datasets": {"x": recipe}})
        assert detector_of(config.imaging.conditions["mine"], "HAADF", config.datasets["x"].detector_mrad) == told


def test_an_instrument_is_told_by_all_images_of_a_folder_or_by_some_of_its_contrast():
    images = {
        "mine": LabImage(file="mine.dm3"),
        "dark": LabImage(file="dark.tif", mode="BF"),
        "bright": LabImage(file="bright.tif", mode="ADF"),
        "fetched": Config().lab.images["se_mos2"],
    }
    materials = {"materials": ["SrTiO3"]}
    assert instrument_images(Instrument(**{"from": "images/"}, **materials), images) == ("mine", "bright")
    named = Instrument(**{"from": ["fetched", "dark"]}, **materials)
    assert instrument_images(named, images) == ("fetched",)
    with pytest.raises(InputError, match=r"instrument\.from: there is no image in scans; copy raw images"):
        instrument_images(Instrument(**{"from": "scans"}, **materials), {"fetched": images["fetched"]})
    with pytest.raises(InputError, match=r"instrument\.from names 'min', .*mine, dark.*correct the name"):
        instrument_images(Instrument(**{"from": ["min"]}, **materials), images)
    with pytest.raises(InputError, match=r"instrument\.mode is HAADF.*dark \(BF\); set instrument\.mode"):
        instrument_images(Instrument(**{"from": ["dark"]}, **materials), images)


def test_images_and_test_sets_belong_to_the_scales_that_they_name():
    demo, full = load_config({}), load_config({"scale": "full"})
    mine = load_config({"scale": "mine", "scales": {"mine": {"parent": "full"}}})
    assert mine.lab_testsets == full.lab_testsets
    marked = {"pbtio3", "pbtio3_srruo3", "au_crop"}
    assert set(full.lab_images) - set(demo.lab_images) == marked
    assert set(full.lab_testsets) - set(demo.lab_testsets) == {*marked, "se_mos2", "perovskite_abf"}
    assert set(demo.lab_testsets) - set(full.lab_testsets) == {"pbtio3_crop"}


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ({"scael": "demo"}, ["scael", "unknown key", "config/config.yaml"]),
        ({"lab": {"images": {"x": {"file": "../x.tif"}}}}, ["lab.images.x.file", "`..`", "'../x.tif'"]),
        ({"lab": {"images": {"x": {"file": "a/../../x.tif"}}}}, ["lab.images.x.file", "`..`"]),
        ({"lab": {"images": {"x": {"file": "/x.tif"}}}}, ["lab.images.x.file", "without `/`"]),
        ({"lab": {"images": {"x": {"file": "{image}.tif"}}}}, ["lab.images.x.file", "no { or }", "rename"]),
        ({"lab": {"images": {"x": {"file": ""}}}}, ["lab.images.x.file"]),
        ({"lab": {"images": {"x": {"file": "x\n.tif"}}}}, ["lab.images.x.file", "control characters"]),
        ({"lab": {"images": {"x": {"file": "x.tif", "columns": "../x.csv"}}}}, ["lab.images.x.columns", "`..`"]),
        ({"lab": {"images": {"x": {"file": "x" * 252 + ".tif"}}}}, ["lab.images.x.file", "255 bytes"]),
        ({"lab": {"images": {"x" * 101: {"file": "x.tif"}}}}, ["lab.images.xxx", "100 characters"]),
        ({"lab": {"images": {"../x": {"file": "x.tif"}}}}, ["lab.images.../x", "'../x'"]),
        ({"lab": {"images": {"x; touch y": {"file": "x.tif"}}}}, ["lab.images.x; touch y"]),
        ({"lab": {"distributions": {"x": {**DISTRIBUTION, "file": "../x.whl"}}}}, ["lab.distributions.x.file"]),
        ({"lab": {"distributions": {"x": {**DISTRIBUTION, "requirement": "-r==1"}}}}, ["lab.distributions.x.req"]),
        ({"datasets": {"x": {"folder": "../there"}}}, ["datasets.x.folder", "`..`"]),
        ({"datasets": {"../x": {}}}, ["datasets.../x"]),
        ({"scale": "huge"}, ["'huge'", "demo, full"]),
        ({"scales": {"mine": {"epochs": 3}}}, ["scales.mine.parent", "missing", "`parent: demo`"]),
        (
            {"scales": {"mine": {"parent": "dmeo"}}},
            ["scales.mine.parent names 'dmeo'", "demo, full, study, mine", "correct"],
        ),
        ({"scales": {"mine": {"parent": "mine"}}}, ["scales.mine.parent", "mine -> mine"]),
        (
            {"scales": {"a": {"parent": "b"}, "b": {"parent": "a"}}},
            ["scales.a.parent leads back to itself (a -> b -> a)"],
        ),
        ({"scales": {"lab": {"parent": "demo"}}}, ["scales.lab", "results/lab", "another name"]),
        ({"scales": {"mine": {"parent": ["demo"]}}}, ["scales.mine.parent", "string"]),
        ({"scales": {"mine": {"parent": "demo", "epoch": 3}}}, ["scales.mine.epoch", "unknown key"]),
        ({"scales": {"demo": {"width": None}}}, ["scales.demo.width is missing"]),
        ({"scales": 3}, ["scales", "dictionary", "got 3"]),
        ({"scale": "study", "scales": {"study": {"studies": ["x"]}}}, ["scales.study.studies", "'x'", "ablation"]),
        ({"studies": {"ablation": {"compared_with": ["x"]}}}, ["studies.ablation", "compared_with: x", "no_prior"]),
        ({"networks": {"sfni": None}}, ["networks.sfni: nothing is set here", "correct the name"]),
        ({"lab": None}, ["lab: nothing is set here", "take it out"]),
        ({"networks": {"x": {"variant_of": "sfni"}}}, ["networks.x.variant_of names 'sfni'", "sfin", "correct"]),
        ({"networks": {"sffn": None}}, ["networks.sffn_spatial_only.variant_of names 'sffn'", "null"]),
        ({"networks": {"sffn": {"variant_of": "sffn_spatial_only"}}}, ["networks.sffn.variant_of leads back"]),
        (
            {"networks": {"x": {"variant_of": "sffn", "architecture": "sfin"}}},
            ["networks.x.architecture is sfin", "has sffn", "take out"],
        ),
        ({"networks": {"sfin": {"recipes": {"dmeo": {}}}}}, ["networks.sfin.recipes names 'dmeo'", "demo, full"]),
        ({"datasets": {"physical": {"noise": {"instrument": "se_mos2"}}}}, ["datasets.physical.noise", "`recipe: cal"]),
        ({"structures": {"zones": {"Pt": ["000"]}}}, ["structures.zones", "[000]"]),
        ({"structures": {"zones": {"Pt": [110]}}}, ["structures.zones", "quotes"]),
        ({"structures": {"default_zones": ["abc"]}}, ["structures.default_zones", "'abc'"]),
        ({"structures": {"zones": {"Pt": 110}}}, ["structures.zones", "list of quoted keys"]),
        ({"structures": {"zones": {"Pt": None}}}, ["structures.zones", "list of quoted keys"]),
        ({"networks": {"no_such": {}}}, ["networks", "'no_such'", "atomsegnet_unet"]),
        ({"datasets": {"x": {"images_per_structure": 3}}}, ["datasets.x.images_per_structure", "every dose"]),
        ({"calibration": {"instruments": {"se_mos2": []}}}, ["datasets.calibrated.noise.instrument", "se_mos2"]),
        ({"imaging": {"conditions": {"x": {"energy_keV": 200}}}}, ["imaging.conditions.x.semiangle_mrad", "missing"]),
        ({"datasets": {"x": {"noise": {"recipe": "calibrated", "instrument": "y"}}}}, ["datasets.x.noise.instrument"]),
        ({"datasets": {"x": {"noise": {"recipe": "both"}}}}, ["datasets.x.noise"]),
        (
            {"datasets": {"x": {"noise": {"recipe": "calibrated", "instrument": "se_mos2", "jitter_A": [0, 0.1]}}}},
            ["datasets.x.noise: a recipe is physical or calibrated, never both", "take out jitter_A"],
        ),
        (
            {"datasets": {"x": {"noise": {"recipe": "physical", "instrument": "se_mos2"}}}},
            ["datasets.x.noise: a recipe is physical or calibrated, never both", "`instrument`"],
        ),
        ({"datasets": {"x": {"noise": {"recipe": "physical", "drift_A": [1, 0]}}}}, ["datasets.x.noise.drift_A"]),
        ({"datasets": {"x": {"noise": {"jumps": [3, 1]}}}}, ["datasets.x.noise", "jumps", "lower one first"]),
        ({"evaluation": {"lab_testsets": {"pbtio3": {"without": ["blob"]}}}}, ["pbtio3.without.0", "blob"]),
        ({"datasets": {"x": {"noise": {"bits": [4, 8]}}}}, ["datasets.x.noise", "bits", "8"]),
        ({"datasets": {"x": {"noise": {"clip_high": [0, 0.6]}}}}, ["datasets.x.noise", "clip_high", "0.45"]),
        ({"datasets": {"x": {"noise": {"gain": 0}}}}, ["datasets.x.noise", "gain must be more than 0"]),
        ({"datasets": {"x": {"backgrounds": ["fog"]}}}, ["datasets.x.backgrounds.0", "perlin", "'fog'"]),
        ({"datasets": {"x": {"folder": "there", "noise": {}}}}, ["datasets.x.noise", "unknown key"]),
        (
            {"datasets": {"x": {"forward_model": "multislice"}}, "multislice": {"conditions": ["200keV_24mrad"]}},
            ["datasets.x.conditions", "'100keV_30mrad'", "multislice.conditions"],
        ),
        (
            {
                "datasets": {"physical": {}, "calibrated": {}, "x": {"folder": "there"}},
                "evaluation": {"lab_testsets": {"y": {"image": "se_mos2", "tuned_on": "x"}}},
            },
            ["evaluation.lab_testsets.y.tuned_on", "physical noise"],
        ),
        ({"evaluation": {"testsets": ["x"]}}, ["evaluation.testsets", "'x'"]),
        ({"lab": {"images": {"x": {"file": "x.tif", "columns": "x.xls"}}}}, ["lab.images.x.columns", "csv", "'x.xls'"]),
        ({"lab": {"images": {"x": {"file": "x.tif", "scales": ["ful"]}}}}, ["lab.images.x.scales", "'ful'", "full"]),
        (
            {"lab": {"images": {**LAB, "physical": {"file": "x.tif", "columns": "x.csv"}}}},
            ["lab.images.physical", "name of a dataset"],
        ),
        (
            {
                "lab": {"images": {**LAB, "x": {"file": "x.tif", "columns": "x.csv"}}},
                "evaluation": {"lab_testsets": {"x": {"image": "perovskite_adf"}}},
            },
            ["evaluation.lab_testsets.x", "lab.images.x", "rename one"],
        ),
        (
            {"evaluation": {"lab_testsets": {"y": {"image": "no_such"}}}},
            ["evaluation.lab_testsets.y.image", "'no_such'", "lab.images", "perovskite_adf"],
        ),
        ({"evaluation": {"localisers": ["otsu"]}}, ["evaluation.localisers", "maxima", "add it"]),
        ({"generalisation": {"testsets": {"physical": {}}}}, ["generalisation.testsets.physical", "rename"]),
        ({"generalisation": {"tuned_on": "x"}}, ["generalisation.tuned_on", "'x'"]),
        ({"generalisation": {"wrong_prior": ["x"]}}, ["generalisation.wrong_prior", "'x'"]),
        ({"generalisation": {"shown": ["x"]}}, ["generalisation.shown", "'x'", "halo"]),
        (
            {"generalisation": {"testsets": {"x": {"arrangements": ["heap"]}}}},
            ["generalisation.testsets.x.arrangements", "'heap'"],
        ),
        ({"multislice": {"sampling_A": 0.08}}, ["multislice.conditions", "200 mrad", "cut-off", "lower the sampling"]),
        ({"multislice": {"cell_A": 8}}, ["multislice.conditions", "cell of 8 A is too small", "multislice.cell_A"]),
        ({"multislice": {"compared": {"MoS2": ["001"]}}}, ["multislice.compared.MoS2", "single layer"]),
        ({"multislice": {"thicknesses_A": [20, 10]}}, ["multislice.thicknesses_A", "ascend"]),
        (
            {"imaging": {"conditions": {"x": {**CONDITION, "c3_mm": 3}}}},
            ["conditions.x", "415 A", "lower semiangle_mrad"],
        ),
        (
            {
                "imaging": {"conditions": {"x": {**CONDITION, "c3_mm": 1.2}}},
                "multislice": {"conditions": ["200keV_24mrad", "x"]},
            },
            ["multislice.conditions: x", "grid points along an edge", "lower its defocus"],
        ),
        (
            {"datasets": {"x": {"forward_model": "multislice", "defocus_A": [0, 50]}}},
            ["datasets.x.defocus_A", "tiles", "forward_model: linear"],
        ),
        (
            {"datasets": {"x": {"forward_model": "multislice", "mistilt_mrad": [0, 5]}}},
            ["datasets.x.mistilt_mrad", "tiles", "forward_model: linear"],
        ),
        ({"datasets": {"x": {"mistilt_mrad": [0, 200]}}}, ["datasets.x.mistilt_mrad", "100 at most"]),
        ({"arrangements": {"x": {"kind": "strained", "strain": [0, 0.5]}}}, ["x.strain", "0.1 at most"]),
        ({"datasets": {"x": {"defocus_A": [50, 0]}}}, ["datasets.x.defocus_A", "lower defocus first"]),
        (
            {"datasets": {"x": {"forward_model": "multislice", "probe": {}}}},
            ["datasets.x.probe", "tiles", "forward_model: linear"],
        ),
        (
            {"datasets": {"x": {"probe": {"c3_sd_mm": 0.9}}}},
            ["datasets.x.probe", "narrow"],
        ),
        (
            {"datasets": {"x": {"probe": {"semiangle_mrad": [20, 300]}}}},
            ["x.probe", "semiangle_mrad", "narrow the range"],
        ),
        (
            {"datasets": {"x": {"mode": "ABF", "probe": {"semiangle_mrad": [8, 24]}, "conditions": ["200keV_24mrad"]}}},
            ["datasets.x.probe", "8 mrad", "no longer ABF"],
        ),
        ({"datasets": {"x": {"probe": "calibrated"}}}, ["datasets.x", "needs calibrated noise", "give ranges"]),
        ({"datasets": {"x": {"probe": {"source_tail": [0, 0.2]}}}}, ["datasets.x.probe", "raise source_tail_A"]),
        (
            {"imaging": {"conditions": {"x": {**CONDITION, "source_tail": 0.2}}}},
            ["conditions.x", "source_tail_A above"],
        ),
        ({"datasets": {"x": {"defocus_A": [0, 9500]}}}, ["datasets.x.defocus_A", "narrow the range"]),
        (
            {"datasets": {"x": {"detector_mrad": [60, 90], "conditions": ["200keV_24mrad"]}}},
            ["datasets.x.detector_mrad is 60 to 90 mrad", "80 to 200 mrad (HAADF)", "add its angles"],
        ),
        (
            {"datasets": {"x": {"detector_mrad": [80, 200], "mode": "ABF"}}},
            ["datasets.x.detector_mrad makes HAADF", "datasets.x.mode is ABF"],
        ),
        ({"datasets": {"x": {"mode": "iDPC"}}}, ["datasets.x.mode: iDPC", "forward_model to multislice"]),
        (
            {"datasets": {"x": {"mode": "iDPC", "forward_model": "multislice", "conditions": ["200keV_24mrad"]}}},
            ["datasets.x.mode is iDPC", "no segmented detector", "segmented_mrad"],
        ),
        (
            {"datasets": {"idpc": {"detector_mrad": [1, 24]}}},
            ["datasets.idpc.mode is iDPC of detector_mrad 1 to 24 mrad", "from 6 to 24 mrad"],
        ),
        (
            {"imaging": {"conditions": {"x": {**CONDITION, "segmented_mrad": [24, 24]}}}},
            ["conditions.x.segmented_mrad", "outer angle must be larger"],
        ),
        (
            {"imaging": {"conditions": {"200keV_24mrad_segmented": {"segmented_mrad": [24, 240]}}}},
            ["200keV_24mrad_segmented cannot be simulated", "segmented detector, 240 mrad", "lower the sampling"],
        ),
        ({"instrument": {**INSTRUMENT, "from": 3}}, ["instrument.from: write the folder", "got 3"]),
        ({"instrument": {**INSTRUMENT, "from": "scans"}}, ["instrument.from is scans", "images (lab.folder)"]),
        ({"instrument": {**INSTRUMENT, "from": []}}, ["instrument.from: write the folder"]),
        ({"instrument": {"from": "images/"}}, ["instrument.materials: missing"]),
        ({"instrument": {**INSTRUMENT, "mode": "ADF"}}, ["instrument.mode is ADF", "detectors_mrad"]),
        ({"instrument": {**INSTRUMENT, "conditions": ["x"]}}, ["instrument.conditions", "'x'", "200keV_24mrad"]),
        (
            {"instrument": INSTRUMENT, "calibration": {"instruments": {"instrument": ["se_mos2"]}}},
            ["calibration.instruments.instrument", "another name"],
        ),
        ({"instrument": INSTRUMENT, "datasets": {"instrument": {}}}, ["datasets.instrument", "another name"]),
        (
            {
                "instrument": INSTRUMENT,
                "datasets": {"x": {"mode": "BF", "noise": {"recipe": "calibrated", "instrument": "instrument"}}},
            },
            ["datasets.x.noise.instrument was calibrated on HAADF", "datasets.x.mode is BF"],
        ),
        ({"datasets": {"x": {"pixel_size_A": None}}}, ["datasets.x", "pixel_size_A: null", "give a range"]),
        ({"imaging": {"species_factors": {"Qq": 1.2}}}, ["imaging.species_factors", "no element"]),
        ({"datasets": {"x": {"mode": "ADF"}}}, ["datasets.x.mode", "detectors_mrad"]),
        ({"datasets": {"x": {"arrangements": ["heap"]}}}, ["datasets.x.arrangements", "'heap'"]),
        ({"arrangements": {"x": {"kind": "particle", "diameter_A": [30, 20]}}}, ["diameter_A", "lower one first"]),
        ({"arrangements": {"x": {"kind": "defects", "vacancies": [0, 2]}}}, ["vacancies", "less than or equal to 1"]),
        ({"arrangements": {"x": {"kind": "random", "spacing_A": [0, 1]}}}, ["spacing_A", "greater than or equal"]),
        ({"arrangements": {"x": {"diameter_A": [1, 2]}}}, ["arrangements.x", "kind", "missing"]),
        ({"datasets": {"x": {"thickness_A": [20, float("inf")]}}}, ["datasets.x.thickness_A", "less than"]),
        (
            {
                "imaging": {"conditions": {"200keV_24mrad": {**CONDITION, "detectors_mrad": [[12, 24]]}}},
                "multislice": {"conditions": ["200keV_24mrad"]},
                "datasets": {"x": {"mode": "ABF", "conditions": ["200keV_24mrad"]}},
            },
            ["multislice.compared_condition", "HAADF"],
        ),
        (
            {"networks": {"n": {"recipes": {"demo": {"learning_rate": -1}}}}},
            ["networks.n.recipes.demo.learning_rate", "greater than 0"],
        ),
        ({"networks": {"n": {"tasks": ["localise"]}}}, ["networks.n.architecture", "'n'", "sfin"]),
        (
            {"networks": {"sfin": {"recipes": {"demo": {"milestones": [0.5]}}}}},
            ["networks.sfin.recipes.demo", "schedule: steps"],
        ),
        (
            {"training": {"devices": 3}},
            [
                "training.devices is 3",
                "networks.atomai_segmentor at scale demo is 8",
                "one of 1, 2, 4, 8",
                "batch_images",
            ],
        ),
        (  # a batch of 4, and of networks that studies alone train
            {"scale": "full", "training": {"devices": 8}},
            ["training.devices is 8", "networks.atomsegnet_unet at scale full is 4", "one of 1, 2, 4,"],
        ),
        ({"training": {"nodes": 2}}, ["training.nodes", "unknown key"]),
        ({"studies": {"s": {"variants": {"v": {"network": "none"}}}}}, ["studies.s.variants.v.network", "'none'"]),
        (
            {"studies": {"s": {"task": "denoise", "variants": {"v": {"network": "sfin"}}}}},
            ["studies.s", "take scored: images"],
        ),
        (
            {"studies": {"s": {"baselines": ["wiener"], "variants": {"v": {"network": "sfin"}}}}},
            ["studies.s", "wiener is not a finder"],
        ),
        (
            {"studies": {"s": {"scored": "images", "testsets": ["halo"], "variants": {"v": {"network": "sfin"}}}}},
            ["studies.s.testsets", "'halo'"],
        ),
    ],
)
def test_a_mistake_is_answered_with_file_key_and_remedy(content, parts):
    with pytest.raises(InputError) as refused:
        load_config(content)
    for part in parts:
        assert part in str(refused.value)


def test_devices_share_the_batches_of_the_networks_that_the_scale_trains():
    """Networks of the shipped configuration have batches of 4 at full scale; nothing trains them here."""
    networks = {name: {"tasks": []} for name in Config().networks}
    load_config(
        {"scale": "full", "scales": {"full": {"studies": False}}, "networks": networks, "training": {"devices": 8}}
    )


def test_a_default_that_follows_from_a_mistaken_key_is_no_mistake_of_its_own():
    with pytest.raises(InputError) as refused:
        load_config({"datasets": {"physical": {"noise": {"recipe": "calibrated"}}}})
    (mistake,) = str(refused.value).splitlines()[1:]
    assert mistake.startswith("  datasets.physical.noise.instrument: missing")


@pytest.mark.parametrize("level", [["a"] * 9, {letter: "a" for letter in "abcdefghi"}], ids=["lists", "mappings"])
def test_a_value_that_repeats_itself_without_end_is_refused_soon_in_a_short_message(level):
    for _ in range(9):  # nine to the tenth values, by references
        level = [level] * 9 if isinstance(level, list) else dict.fromkeys(level, level)
    start = time.process_time()
    for content in (level, {"lab": level}, {"lab": {"images": level}}, {"structures": {"zones": {"Pt": level}}}):
        with pytest.raises(InputError) as refused:
            load_config(content if isinstance(content, dict) else {"x": content})
        assert len(str(refused.value)) < 10_000
    assert time.process_time() - start < 5


def test_a_huge_value_is_refused_in_a_short_message():
    with pytest.raises(InputError) as refused:
        load_config({"scale": "a" * 10**7, "b" * 10**7: 1})
    assert len(str(refused.value)) < 1000
