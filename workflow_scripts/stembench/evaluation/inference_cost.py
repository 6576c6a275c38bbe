"""What it costs to apply a trained network to an image: multiply-adds, time, memory."""

import platform
import re
import resource
import time
from collections.abc import Callable
from math import log2, prod
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from stembench.trained_network import TrainedNetwork

#: Edge of the image that a network is applied to [px].
IMAGE_PX = 256

_FEWEST, _MOST, _SECONDS = 3, 20, 1.0  # timed passes: these at least, then more for so long, but no more than those
_MIB = 2**20
_STATUS = Path("/proc/self/status")


def inference_cost(folder: str | Path, threads: int) -> dict[str, float | int | str]:
    """What one image of `IMAGE_PX` by `IMAGE_PX` costs, from stored grey levels to a map in memory.

    Parameters
    ----------
    folder : str or Path
        Of the trained network.
    threads : int
        Threads of the CPU that torch computes on.

    Returns
    -------
    dict
        `macs_per_px`, multiply-adds a pixel of the image (see `multiply_adds`);
        `inference_ms_per_megapixel`, of the median pass after a first one;
        `peak_memory_mib`, the most that was held beyond the network itself: allocated by torch on a GPU, otherwise
        the process's highest resident memory over that before the first pass, in a process that held no more before;
        `image_px`, `passes`, `threads`, and the `device` by name.

    Raises
    ------
    CannotLoadError
        If the network cannot be had in this environment.
    """
    torch.set_num_threads(threads)
    network = TrainedNetwork(folder)
    image = np.random.default_rng(0).random((1, IMAGE_PX, IMAGE_PX), np.float32)
    held = memory(network.device)
    network(image)
    peak = peak_memory(network.device)
    seconds: list[float] = []
    while len(seconds) < _FEWEST or (len(seconds) < _MOST and sum(seconds) < _SECONDS):
        start = time.perf_counter()
        network(image)
        seconds.append(time.perf_counter() - start)
    return {
        "macs_per_px": multiply_adds(lambda: network(image)) / image.size,
        "inference_ms_per_megapixel": 1e3 * float(np.median(seconds)) / (image.size / 1e6),
        "peak_memory_mib": (peak - held) / _MIB,
        "image_px": IMAGE_PX,
        "passes": len(seconds),
        "threads": threads,
        "device": torch.cuda.get_device_name() if network.device.type == "cuda" else _processor(),
    }


def multiply_adds(compute: Callable[[], object]) -> float:
    """Multiply-adds of all convolutions, matrix products, attention and Fourier transforms in a computation.

    Half of the floating-point operations that `torch.utils.flop_counter` counts: two a multiply-add, taps on padding
    included. Transforms, which it leaves out, count 5 N log2 N operations for N complex points and half of it for real
    ones, the radix-2 algorithm's (Cooley & Tukey, Math. Comput. 19, 297 (1965), doi 10.1090/S0025-5718-1965-0178586-1).
    Norms, activations and interpolation count nothing.
    """
    aten = torch.ops.aten
    more = {
        aten._fft_c2c: _fourier_operations,
        aten._fft_r2c: _fourier_operations,
        aten._fft_c2r: _fourier_operations,
        aten._scaled_dot_product_flash_attention_for_cpu: _attention_operations,
    }
    with FlopCounterMode(display=False, custom_mapping=more) as counter:
        compute()
    return counter.get_total_flops() / 2


def _attention_operations(query: tuple, key: tuple, value: tuple, *_: object, **__: object) -> int:
    return sdpa_flop_count(query, key, value)


def _fourier_operations(shape: tuple, dims: list[int], *_: object, out_shape: tuple = ()) -> float:
    complex_in_and_out = tuple(shape) == tuple(out_shape)
    larger = shape if prod(shape) >= prod(out_shape) else out_shape  # a real image; its half spectrum is smaller
    points = prod(larger[dim] for dim in dims)
    return (5.0 if complex_in_and_out else 2.5) * prod(larger) * log2(points)


def memory(device: torch.device) -> int:
    """What is held now: allocated by torch on a GPU, otherwise resident in this process [B]."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    return _resident("VmRSS")


def peak_memory(device: torch.device) -> int:
    """The most of `memory` so far; on a GPU since it was last asked for [B]."""
    return torch.cuda.max_memory_allocated() if device.type == "cuda" else _resident("VmHWM")


def _resident(field: str) -> int:
    """Resident memory of this process [B], by proc(5): now (`VmRSS`) or the most so far (`VmHWM`).

    `ru_maxrss` of Linux begins at what the parent process held; elsewhere it stands for both.
    """
    if _STATUS.exists():
        return 1024 * int(re.findall(rf"{field}:\s*(\d+) kB", _STATUS.read_text())[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _processor() -> str:
    return f"CPU ({platform.processor() or platform.machine()})"
