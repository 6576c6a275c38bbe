"""The linear model against the table of multislice results in benchmarks/reference/."""

import importlib.util
import re

import pytest
from stembench.config import Imaging
from stembench.imaging.linear import strength_of


@pytest.fixture(scope="module")
def fit(repository):
    specification = importlib.util.spec_from_file_location("fit", repository / "benchmarks" / "reference" / "fit.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table(fit):
    return fit.reference()


@pytest.mark.parametrize("mode", ["HAADF", "ADF", "ABF"])
def test_the_exponent_of_a_mode_fits_multislice_nearly_as_well_as_the_best(fit, table, mode):
    columns, gamma = fit.relative_depths(table, mode), Imaging().exponent(mode)
    assert len(columns) > 10
    assert fit.misfit(columns, gamma) < 0.17
    assert fit.misfit(columns, gamma) < fit.misfit(columns, fit.fitted_exponent(columns)) + 0.03


@pytest.mark.parametrize(
    ("light", "heavy", "depth"), [("2O", "1O 1Sr", 0.71), ("1O", "1Co", 0.79), ("1Li", "1Co", 0.35)]
)
def test_light_columns_are_as_deep_in_linear_annular_bright_field_as_in_multislice(light, heavy, depth):
    """Independent multislice calculations, 12 to 24 mrad at 60 A: SrTiO3 [110] and LiCoO2 [010]."""

    def strength(column):
        pairs = re.findall(r"(\d+)([A-Z][a-z]?)", column)
        return sum(int(n) * strength_of(element, Imaging().exponent("ABF")) for n, element in pairs)

    assert strength(light) / strength(heavy) == pytest.approx(depth, abs=0.2)
