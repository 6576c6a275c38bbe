import json

import numpy as np
import pytest
from stembench.application.characterisation import Characterisation, judge, settings_for
from stembench.application.reliability import JUDGED, coverage
from stembench.config import Evaluation
from stembench.datasets.sample import Sample
from stembench.datasets.store import write_shard
from stembench.errors import CannotLoadError, InputError

pytestmark = pytest.mark.slow

EVALUATION = Evaluation()


def test_the_lower_dose_is_the_higher_noise_level_with_settings_of_its_own(known):
    by_dose = {level.dose: level for level in known.levels}
    assert set(by_dose) == {"3", "100"}
    assert by_dose["3"].noise > 2 * by_dose["100"].noise
    for level in known.levels:
        assert settings_for(1.1 * level.noise, known.levels) == level.settings


def test_bars_are_longer_at_the_lower_dose(judged):
    low, high = (judged[judged.dose == dose] for dose in ("3", "100"))
    for name in ("network", "refined"):
        assert low[f"{name}_uncertainty_pm"].median() > 1.5 * high[f"{name}_uncertainty_pm"].median()


def test_bars_cover_about_two_thirds_of_the_errors_of_images_not_seen_before(judged):
    assert tuple(judged) == tuple(JUDGED)
    rows = coverage(judged).set_index(["dose", "estimator"])
    for name in ("network", "refined"):
        assert rows.covered["all", name] == pytest.approx(0.683, abs=0.1)


def test_errors_are_those_of_where_columns_appear(network, known, small_factory, tmp_path):
    sample = small_factory.sample("test", 1)
    moved = sample.columns.assign(x_A=sample.columns.x_A + 0.1)
    for name, columns in (("as_it_is", sample.columns), ("moved", moved)):
        (tmp_path / name).mkdir()
        write_shard(tmp_path / name, [Sample(sample.images, columns, sample.parameters)], {})
    errors = [judge(network, known, [tmp_path / name], EVALUATION) for name in ("as_it_is", "moved")]
    for name in ("network", "refined"):
        medians = [table[f"{name}_error_x_pm"].median() for table in errors]
        assert medians[0] - medians[1] == pytest.approx(10, abs=1)


def test_a_characterisation_is_a_file_of_plain_numbers(known, tmp_path):
    known.write(tmp_path / "characterisation.json", {"network": "net"})
    plain = json.loads((tmp_path / "characterisation.json").read_text())
    assert plain["network"] == "net"
    assert plain["f1"] == pytest.approx(np.mean([level.f1 for level in known.levels]))
    assert Characterisation.read(tmp_path / "characterisation.json") == known


@pytest.mark.parametrize(
    ("content", "error", "told"),
    [
        (None, InputError, "not characterised"),
        ("{}", InputError, "not the characterisation"),
        ('{"levels": 3}', InputError, "not the characterisation"),
        ("nonsense", InputError, "damaged"),
        ('{"not_trained": "torchvision does not load"}', CannotLoadError, "torchvision"),
    ],
)
def test_a_file_that_is_none_is_named(content, error, told, tmp_path):
    path = tmp_path / "characterisation.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(error, match=told):
        Characterisation.read(path)
