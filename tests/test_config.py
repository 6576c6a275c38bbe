import time

import jsonschema
import pytest
import yaml
from stembench.config import Config, LabImage, load_config
from stembench.config.documents import GENERATED, _sections, schema_json
from stembench.config.instrument import Instrument, instrument_images
from stembench.errors import InputError

INSTRUMENT = {"from": "images/", "materials": ["SrTiO3"]}
LAB = {name: image.model_dump() for name, image in Config().lab.images.items()}
DISTRIBUTION = Config().lab.distributions["atomap"].model_dump()
CONDITION = {"energy_keV": 200, "semiangle_mrad": 24, "source_size_A": 0.9}


@pytest.mark.parametrize("file", GENERATED)
def test_config_files_are_those_of_the_models(repository, file):
    written = (repository / "config" / file).read_text()
    assert written == GENERATED[file](), f"config/{file} has drifted from the models: run `make config`"


def test_the_default_file_holds_the_default(repository):
    content = yaml.safe_load((repository / "config" / "config.yaml").read_text())
    assert load_config(content) == Config()
    jsonschema.validate(content, yaml.safe_load(schema_json()))


def test_every_key_has_a_sentence():
    def check(model):
        for name, field in model.model_fields.items():
            assert field.description, name

    seen, waiting = set(), [Config]
    while waiting:
        model = waiting.pop()
        seen.add(model)
        check(model)
        waiting += [s for f in model.model_fields.values() for s in _sections(f.annotation) if s not in seen]
    assert len(seen) > 10


def test_an_image_with_columns_is_a_test_set_of_its_name():
    lab = {"images": {**LAB, "mine": {"file": "mine.tif", "pixel_size_A": 0.1, "columns": "mine.csv"}}}
    assert set(load_config({"lab": lab}).lab_testsets) == {"perovskite", "mine"}
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
    with pytest.raises(InputError, match=r"instrument\.from: no image lies in scans; put raw images"):
        instrument_images(Instrument(**{"from": "scans"}, **materials), {"fetched": images["fetched"]})
    with pytest.raises(InputError, match=r"instrument\.from names 'min', .*mine, dark.*correct the name"):
        instrument_images(Instrument(**{"from": ["min"]}, **materials), images)
    with pytest.raises(InputError, match=r"instrument\.mode is HAADF.*dark \(BF\); set instrument\.mode"):
        instrument_images(Instrument(**{"from": ["dark"]}, **materials), images)


def test_images_and_test_sets_belong_to_the_scales_that_they_name():
    demo, full = load_config({}), load_config({"scale": "full"})
    assert set(full.lab_images) - set(demo.lab_images) == {"pbtio3", "au_crop"}
    assert set(full.lab_testsets) - set(demo.lab_testsets) == {"pbtio3", "au_crop", "se_mos2", "perovskite_abf"}


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
        ({"lab": {"distributions": {"x": {**DISTRIBUTION, "url": "file:///etc/passwd"}}}}, ["lab.distributions.x.url"]),
        ({"datasets": {"x": {"folder": "../there"}}}, ["datasets.x.folder", "`..`"]),
        ({"datasets": {"../x": {}}}, ["datasets.../x"]),
        ({"scale": "huge"}, ["'huge'", "demo, full"]),
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
            {"imaging": {"conditions": {"x": {**CONDITION, "detectors_mrad": [[10, 90]]}}}},
            ["imaging.conditions.x", "bright-field disc", "end it at 24 mrad"],
        ),
        (
            {"imaging": {"conditions": {"x": {**CONDITION, "detectors_mrad": [[60, 90], [80, 200]]}}}},
            ["imaging.conditions.x", "more than one HAADF"],
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
