"""The linear model against the table of multislice results in benchmarks/reference/."""

import importlib.util
import re

import numpy as np
import pytest
from ase.data import atomic_numbers
from stembench.config import Condition, Dataset, Imaging
from stembench.crystals.material import Material
from stembench.datasets.factory import Factory
from stembench.imaging.cross_sections import FITTED, column_cross_section
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


@pytest.mark.parametrize(
    ("energy", "inner", "error"), [(200, 50, 0.15), (200, 80, 0.15), (100, 80, 0.15), (60, 80, 0.16)]
)
def test_a_column_of_an_element_that_was_left_out_scatters_as_in_multislice(fit, table, energy, inner, error):
    """Integrated intensities at every thickness of a column."""
    rows = fit.lattices(table)
    rows = rows[rows.crystal.isin(fit.LEFT_OUT) & (rows.energy == energy) & (rows.inner == inner)]
    rows = rows[rows.thickness >= fit.THIN_A]
    assert rows.crystal.nunique() >= (4 if energy == 200 else 1)
    assert rows.thickness.nunique() >= 3
    assert abs(fit.modelled(rows) / rows.cross_section - 1).max() < error


def test_the_constants_are_those_of_the_fit(fit, table):
    rows = fit.lattices(table)
    found = fit.fitted_channelling(rows[~rows.crystal.isin(fit.LEFT_OUT)])
    assert fit.modelled(rows, found) == pytest.approx(fit.modelled(rows, FITTED), rel=0.02)


@pytest.mark.parametrize(("material", "zone"), [("SrTiO3", "001"), ("SrTiO3", "110"), ("Si", "110"), ("LiCoO2", "010")])
def test_the_brightest_column_of_a_crystal_has_the_peak_of_multislice(
    table, small_factory, projection_of, material, zone
):
    crystal = Material.of(material, zone, projection_of(material, zone))
    peaks = table[(table.crystal == material) & (table.zone == zone) & (table.column == "greatest")]
    peaks = peaks[(peaks.inner == 80) & peaks.thickness.between(15, 70)]
    assert len(peaks) >= 3
    condition = Condition(energy_keV=200, semiangle_mrad=24, source_size_A=0.8, detectors_mrad=((80, 160),))
    for row in peaks.itertuples():
        recipe = Dataset(conditions=("soft",), thickness_A=(row.thickness, row.thickness))
        rest = (small_factory.arrangements, Imaging(conditions={"soft": condition}), [crystal], 64)
        factory = Factory(recipe, *rest)
        drawn = factory.sample("test", 0).parameters
        peak = drawn["counts_per_px"] / (drawn["dose_e_per_A2"] * drawn["pixel_size_A"] ** 2)
        assert peak == pytest.approx(row.fraction, rel=0.3)


def test_a_cross_section_rises_with_the_column_and_stays_below_proportion():
    def section(element, atoms, detector=(80.0, 200.0)):
        return column_cross_section(np.array([atomic_numbers[element]]), np.array([atoms]), 200e3, 24.0, detector)

    for element in ("C", "Sr", "Pt"):
        sections = [section(element, atoms) for atoms in (1, 5, 10, 25, 100)]
        assert np.all(np.diff(sections) > 0)
    assert section("Pt", 100) < 10 * section("Pt", 10)
    assert section("C", 1) < section("Si", 1) / 3 < section("Pt", 1) / 20
