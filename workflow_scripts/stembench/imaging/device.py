"""What multislice is computed on: a GPU by CuPy, or else the CPU, by FFTW where it is installed."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from stembench.errors import InputError

#: What may be asked for; `auto` is a GPU where there is one.
Device = Literal["auto", "cpu", "gpu"]


def chosen_device(asked: Device) -> Literal["cpu", "gpu"]:
    """The device that is computed on.

    Raises
    ------
    InputError
        If a GPU is asked for and there is none; names the reason and the remedy.
    """
    missing = "" if asked == "cpu" else _why_no_gpu()
    if asked == "gpu" and missing:
        raise InputError(
            f"multislice.device is gpu, but {missing}; install the CuPy of your CUDA version, such as cupy-cuda12x, on "
            "a machine with an NVIDIA GPU, or set multislice.device to auto or cpu"
        )
    return "cpu" if asked == "cpu" or missing else "gpu"


def abtem_settings(device: Literal["cpu", "gpu"]) -> dict[str, Any]:
    """Settings of abTEM by which a calculation on the CPU gives the same bits in every run."""
    return {
        "device": device,
        "precision": "float32",
        "fft": "fftw" if find_spec("pyfftw") else "numpy",
        "fftw.threads": 1,  # with more, batches at a time gave wrong results
        "fftw.planning_effort": "FFTW_ESTIMATE",  # measured plans round differently from one process to the next
    }


def _why_no_gpu() -> str:
    try:
        cupy = import_module("cupy")  # by its name: the environments do not hold it
    except ImportError:
        return "CuPy is not installed"
    try:
        return "" if cupy.cuda.runtime.getDeviceCount() else "CuPy finds no GPU"
    except Exception as error:  # of CuPy, of whatever kind: no driver, or one that is too old
        return f"CuPy cannot use a GPU ({error})"
