import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from stembench.crystals.specimen import atoms_alone
from stembench.errors import InputError
from stembench.imaging.device import abtem_settings, chosen_device
from stembench.imaging.multislice import scan
from stembench.imaging.probe import Probe


def stand_in(monkeypatch, count) -> None:
    """A CuPy whose driver counts GPUs by a function; none for no CuPy."""
    cupy = ModuleType("cupy") if count else None
    if cupy:
        cupy.cuda = SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=count))
    monkeypatch.setitem(sys.modules, "cupy", cupy)


def no_driver() -> int:
    raise RuntimeError("cudaErrorInsufficientDriver")


def test_a_gpu_is_taken_where_cupy_finds_one(monkeypatch):
    stand_in(monkeypatch, lambda: 1)
    assert [chosen_device(asked) for asked in ("auto", "cpu", "gpu")] == ["gpu", "cpu", "gpu"]


@pytest.mark.parametrize(
    ("count", "reason"),
    [(None, "CuPy is not installed"), (lambda: 0, "finds no GPU"), (no_driver, "cudaErrorInsufficientDriver")],
)
def test_without_a_gpu_the_cpu_is_taken_unless_a_gpu_is_asked_for(monkeypatch, count, reason):
    stand_in(monkeypatch, count)
    assert [chosen_device(asked) for asked in ("auto", "cpu")] == ["cpu", "cpu"]
    with pytest.raises(InputError, match=rf"multislice\.device is gpu, but .*{reason}.*install the CuPy"):
        chosen_device("gpu")


def test_without_fftw_numpy_transforms(monkeypatch):
    assert abtem_settings("cpu")["fft"] == "fftw"
    monkeypatch.setattr("stembench.imaging.device.find_spec", lambda name: None)
    assert abtem_settings("cpu")["fft"] == "numpy"


@pytest.mark.slow
def test_a_scan_asks_abtem_for_the_device_that_was_chosen(monkeypatch):
    """The stand-in has no arrays, so abTEM computes on the CPU: the same numbers to the bit."""
    import abtem

    asked, setting = [], abtem.config.set

    def on_cpu(settings):
        asked.append(settings["device"])
        return setting(settings | {"device": "cpu"})

    monkeypatch.setattr(abtem.config, "set", on_cpu)
    stand_in(monkeypatch, lambda: 1)
    gold = atoms_alone(np.array([[1.0, 0.5, 0.5]]), 79)
    coarse = {"sampling": 0.2, "slice_thickness": 2.0, "phonons": 0, "seed": 0}
    images = [
        scan(gold, Probe(200e3, 20.0), {"ADF": (22.0, 40.0)}, (3, 4), 0.5, device=device, threads=2, **coarse)
        for device in ("cpu", "auto")
    ]
    assert [device for device in asked if device] == ["cpu", "gpu"]
    assert images[0].tobytes() == images[1].tobytes()
