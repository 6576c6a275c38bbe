import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from stembench.config import Condition
from stembench.crystals.field import CrystalField
from stembench.crystals.projection import Scatterers
from stembench.errors import InputError
from stembench.imaging.drawn_probe import fitted_conditions
from stembench.imaging.linear import linear_image, strength_of
from stembench.imaging.probe import Probe
from stembench.lab.reading import read_recording
from stembench.noise.fitted_probes import fit_probes
from stembench.noise.probe_fit import fit_probe
from stembench.reporting.calibration_figure import plot_probes

SIDE, PIXEL_SIZE = 192, 0.1
NOMINAL = Probe(200e3, 24)
CONDITION = Condition(energy_keV=200, semiangle_mrad=24, source_size_A=0.5)
STILL = {"x_pm": {"estimate": 0.0}, "y_pm": {"estimate": 0.0}}
LAB = os.environ.get("STEMBENCH_LAB")


@pytest.fixture
def counted(projection_of):
    """Counts of a crystal under a probe: material, zone, probe, counts at the brightest column."""

    def image(material: str, zone: str, probe: Probe, counts: float) -> np.ndarray:
        projection = projection_of(material, zone)
        scatterers = Scatterers.of(projection, lambda element: strength_of(element, 1.7))
        extent = (SIDE * PIXEL_SIZE,) * 2
        field = CrystalField.of(projection, scatterers, extent, 0.4, np.array([0.3, 0.7]), probe.reach)
        seen = linear_image(field.points, field.strengths, field.thermal_b, probe, (SIDE, SIDE), PIXEL_SIZE)
        return np.random.default_rng(0).poisson(counts * (seen / seen.max() + 0.1)).astype(float)

    return image


@pytest.mark.parametrize(
    ("material", "zone", "source", "defocus", "counts"),
    [
        ("SrTiO3", "001", 0.6, 0.0, 15.0),
        ("Si", "110", 0.9, 0.0, 60.0),
        ("SrTiO3", "001", 0.7, 30.0, 300.0),
    ],
)
def test_source_and_defocus_of_a_known_probe_are_found(counted, material, zone, source, defocus, counts):
    image = counted(material, zone, Probe(200e3, 24, source, defocus=defocus), counts)
    fit = fit_probe(image, PIXEL_SIZE, NOMINAL, np.random.default_rng(1))
    low, high = np.percentile(fit.draws, (2.5, 97.5), axis=0)
    assert fit.draws[:, 0].mean() == pytest.approx(source, rel=0.1)
    assert low[0] - 0.02 < source < high[0] + 0.02
    assert low[3] - 5 <= defocus <= high[3] + 5
    assert high[3] - low[3] < 40
    told = fit.errors < 0.1 * fit.fitted
    assert told.sum() > 5
    expected = Probe(200e3, 24, source, defocus=defocus).transfer(fit.frequencies, 0 * fit.frequencies)
    assert np.abs(fit.fitted - expected).max() < 0.05


def test_the_blur_of_jittered_rows_is_no_part_of_the_source(counted):
    """Rows that jitter by 0.2 A along x and y blur as a source of 0.47 A does."""
    image = counted("SrTiO3", "001", Probe(200e3, 24, float(np.hypot(0.8, 0.2 * 2.3548))), 100)
    rng = np.random.default_rng(1)
    assert fit_probe(image, PIXEL_SIZE, NOMINAL, rng, (0.2, 0.2)).draws[:, 0].mean() == pytest.approx(0.8, rel=0.1)


def test_an_image_without_columns_tells_of_no_probe():
    with pytest.raises(InputError, match="columns are seen, and a probe is fitted to 30 or more"):
        fit_probe(np.random.default_rng(0).normal(size=(64, 64)), 0.1, NOMINAL, np.random.default_rng(1))


def test_conditions_that_do_not_describe_an_image_are_not_drawn(counted):
    """At 60 keV and 10 mrad a point is 2.4 A wide; columns of this image are 1.1 A wide. Another is of noise alone."""
    image = xr.DataArray(counted("SrTiO3", "001", Probe(200e3, 24, 0.9), 100), dims=("y", "x"))
    image.attrs = {"pixel_size_A": PIXEL_SIZE, "mode": "HAADF"}
    blank = image.copy(data=np.random.default_rng(0).normal(size=image.shape))[:64, :64]
    coarse = Condition(energy_keV=60, semiangle_mrad=10, source_size_A=0.5)
    conditions = {"sharp": CONDITION, "coarse": coarse}
    shown = {"one": image, "unknown": image.drop_attrs(), "noise": blank}
    probes = fit_probes(shown, conditions, dict.fromkeys(shown, STILL))
    assert list(probes["images"]) == ["one"]
    assert "pixel size is not known" in probes["left_out"]["unknown"]
    assert "columns are seen" in probes["left_out"]["noise"]
    (curves,) = plt.subplots()[1:]
    plot_probes(curves, probes["images"]["one"])
    (fitted,) = [line for line in curves.lines if line.get_label().startswith("sharp, source 0.")]
    assert fitted.get_ydata() == pytest.approx(probes["images"]["one"]["sharp"]["transfer"]["fitted"])
    (allowed,) = fitted_conditions({"probes": probes}, conditions)
    assert {name for name, _ in allowed} == {"sharp"}
    assert np.mean([each.source_size_A for _, each in allowed]) == pytest.approx(0.9, rel=0.1)


@pytest.mark.skipif(not LAB, reason="STEMBENCH_LAB, the folder of the lab images, is not set")
def test_the_fitted_transfer_of_a_real_image_is_the_measured_one():
    image = read_recording(Path(LAB) / "03_afterimage_8nm_crp.png").values.astype(float)[200:424, 200:424]
    fit = fit_probe(image, 0.0944, NOMINAL, np.random.default_rng(0), (0.11, 0.09))
    seen = fit.errors < 0.3 * fit.fitted
    assert seen.sum() > 8
    assert np.median(np.abs(fit.measured - fit.fitted)[seen] / fit.errors[seen]) < 2
    assert np.abs(fit.measured - fit.fitted)[seen].max() < 0.06
