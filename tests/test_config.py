import jsonschema
import pytest
import yaml
from stembench.config import GENERATED, Config, load_config, schema_json
from stembench.errors import InputError


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
        from stembench.config import _sections

        waiting += [s for f in model.model_fields.values() for s in _sections(f.annotation) if s not in seen]
    assert len(seen) > 10


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ({"scael": "demo"}, ["scael", "unknown key", "config/config.yaml"]),
        ({"scale": "huge"}, ["'huge'", "demo, full"]),
        ({"structures": {"zones": {"Pt": ["000"]}}}, ["structures.zones", "[000]"]),
        ({"structures": {"zones": {"Pt": [110]}}}, ["structures.zones", "quotes"]),
        ({"structures": {"default_zones": ["abc"]}}, ["structures.default_zones", "'abc'"]),
        ({"structures": {"zones": {"Pt": 110}}}, ["structures.zones", "list of quoted keys"]),
        ({"structures": {"zones": {"Pt": None}}}, ["structures.zones", "list of quoted keys"]),
        ({"networks": {"no_such": {}}}, ["networks", "'no_such'", "atomsegnet_unet"]),
        ({"datasets": {"x": {"images_per_structure": 3}}}, ["datasets.x.images_per_structure", "every dose"]),
        ({"calibration": {"instruments": {"x": []}}}, ["calibration.instruments.x"]),
        ({"imaging": {"conditions": {"x": {"energy_keV": 200}}}}, ["imaging.conditions.x.semiangle_mrad", "missing"]),
        ({"datasets": {"x": {"noise": {"recipe": "calibrated", "instrument": "y"}}}}, ["datasets.x.noise.instrument"]),
        ({"datasets": {"x": {"noise": {"recipe": "both"}}}}, ["datasets.x.noise"]),
        ({"evaluation": {"testsets": ["x"]}}, ["evaluation.testsets", "'x'"]),
        ({"networks": {"n": {"learning_rate": -1}}}, ["networks.n.learning_rate", "greater than 0"]),
    ],
)
def test_a_mistake_is_answered_with_file_key_and_remedy(content, parts):
    with pytest.raises(InputError) as refused:
        load_config(content)
    for part in parts:
        assert part in str(refused.value)
