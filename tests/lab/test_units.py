import numpy as np
import pytest
from stembench.lab.units import beam_energy, is_energy, is_reciprocal, length_in_angstrom


@pytest.mark.parametrize(
    ("written", "angstroms"),
    [
        *[
            (unit, 10)
            for unit in ("nm", "NM", "[n_m]", "n_m", "nanometers", "Nanometre", "nm/px", "nm per pixel", b"nm")
        ],
        *[(unit, 1) for unit in ("A", "Å", "A\u030a", "\u212b", "[Å]", "Angstroms", "ångström", b"\xc3\x85", b"\xc5")],
        *[(unit, 1e4) for unit in ("um", "µm", "\u03bcm", "\\u00B5m", "Âµm", b"\xb5m", "micron", "microns")],
        *[("pm", 0.01), ("[p_m]", 0.01), ("m", 1e10), ("meters", 1e10), ("mm", 1e7), ("cm", 1e8), ("inch", 2.54e8)],
        *[(np.array(["[n_m]"], object), 10), (np.array([b"nm"]), 10)],
    ],
)
def test_a_length_is_known_in_whatever_way_it_is_written(written, angstroms):
    assert length_in_angstrom(written) == pytest.approx(angstroms)
    assert not is_reciprocal(written)


@pytest.mark.parametrize("unit", ["1/nm", "1 / nm", "nm^-1", "nm-1", "Å⁻¹", "1/Å", "1/m", "mrad", "rad", "µrad", "deg"])
def test_an_inverse_length_and_an_angle_are_no_lengths(unit):
    assert length_in_angstrom(unit) is None
    assert is_reciprocal(unit)


@pytest.mark.parametrize("unit", ["", "px", "pixels", None, "s", "frames", "<undefined>", "counts", "eV"])
def test_what_is_no_length_and_no_inverse_is_neither(unit):
    assert length_in_angstrom(unit) is None
    assert not is_reciprocal(unit)
    assert is_energy(unit) == (unit == "eV")


@pytest.mark.parametrize(
    ("energy", "units", "keV"),
    [
        *[(300, "", 300), (300_000, "", 300), ("300 kV", "", 300), (b"200", "kV", 200), (2e5, "[V]", 200)],
        *[(60_000, "eV", 60), ("80", "keV", 80), (-200, "kV", 200), (0.3, "MV", 300), (np.array([3e5]), "", 300)],
        *[(7, "", None), ("unknown", "", None), (None, "", None), (np.nan, "", None), ("1.2.3", "kV", None)],
    ],
)
def test_a_beam_energy_is_known_with_and_without_its_unit(energy, units, keV):
    assert beam_energy(energy, units) == (None if keV is None else pytest.approx(keV))
