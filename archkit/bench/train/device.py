"""The device that a run uses, what it computes in, and the record of both."""

from __future__ import annotations

import itertools
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, TypeAlias

import torch

from archkit import __version__
from archkit.bench.recipe import Precision
from archkit.bench.train.results import Environment
from archkit.errors import RunError
from archkit.processor import cpu_name

__all__ = [
    "Arithmetic",
    "arithmetic",
    "backends",
    "environment",
    "peak_share",
    "pick_device",
    "synchronize",
    "takes_turns",
    "timed",
]

Arithmetic: TypeAlias = Literal["float32", "tf32", "bfloat16"]
"""What convolutions and products compute in once the device is known and `auto` is decided."""

_PATIENCE: Final = 3.0  # seconds after which two measured steps are enough

_AMPERE: Final = (8, 0)  # compute capability: the first with TF32 and bfloat16

_PEAK: Final = {
    "NVIDIA A100-PCIE-40GB": 312e12,
    "NVIDIA A100 80GB PCIe": 312e12,
    "NVIDIA A100-SXM4-40GB": 312e12,
    "NVIDIA A100-SXM4-80GB": 312e12,
    "NVIDIA H100 80GB HBM3": 989.4e12,
    "NVIDIA H100 PCIe": 756e12,
    "NVIDIA H200": 989.4e12,
    "NVIDIA L4": 121e12,
    "NVIDIA L40S": 362e12,
}
"""Dense bfloat16 operations per second by the name that the driver gives, from NVIDIA's data sheets.

Where the sheets count sparsity they print twice as much. A device that is not in this table is unknown; so is
a part of one under MIG, which has another name.
"""


def peak_share(env: Environment, *, macs: float, images_per_second: float) -> float | None:
    """The share of the device's peak that training reaches; None if the peak is unknown.

    A training step counts as three forward passes (the backward pass is two: the gradients of the inputs and
    those of the weights), and a multiply-accumulate as two operations.

    Args:
        env: the device and the precision.
        macs: multiply-accumulates of the forward pass for one image, on the mean.
        images_per_second: training images per second.
    """
    peak = _PEAK.get(env.device)
    if peak is None or env.precision != "bfloat16":
        return None
    return 6 * macs * images_per_second / peak


def pick_device(name: str = "auto") -> torch.device:
    """`auto` (the first CUDA device if there is one, else the CPU), `cpu`, `cuda` or `cuda:N`.

    Raises:
        RunError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise RunError(f"a device is auto, cpu, cuda or cuda:N, not {name!r}") from error
    if device.type not in ("cpu", "cuda"):
        raise RunError(f"a device is auto, cpu, cuda or cuda:N, not {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise RunError(f"there is no device {name} here: torch sees {torch.cuda.device_count()} CUDA devices")
    return device


def arithmetic(precision: Precision, device: torch.device) -> Arithmetic:
    """What a recipe's precision means on a device.

    `auto` is bfloat16 if the device is faster in it, else float32; `tf32` is float32 on a device without it.
    """
    match precision:
        case "auto":
            return "bfloat16" if _has_bfloat16(device) else "float32"
        case "tf32":
            has = device.type == "cuda" and torch.cuda.get_device_capability(device) >= _AMPERE
            return "tf32" if has else "float32"
        case _:
            return precision


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        # Not torch.cuda.is_bf16_supported, which asks the current device even if another is meant.
        return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= _AMPERE
    # An older torch does not say what the CPU can do; float32 is right everywhere.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    if capabilities.get("amx_bf16"):
        return True
    # By AVX-512 an AMD EPYC trained resnet10 twice as fast in bfloat16 as in float32; an Intel Xeon whose AMX
    # was hidden by the virtual machine took 1.37 times as long (benchmarks/training.py, one thread).
    return bool(capabilities.get("avx512_bf16")) and "Intel" not in str(capabilities.get("cpu_name"))


@contextmanager
def backends(precision: Precision) -> Iterator[None]:
    """Changes torch's settings, which hold for the whole process, for the length of the block.

    cuDNN measures its algorithms on the shapes that come, which stay the same for a whole run. On a GPU torch
    rounds the float32 operands of convolutions to TF32's 10 bits unless told not to, but not those of
    products; here both are rounded with `tf32` and neither with any other precision.
    """
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.benchmark, cudnn.allow_tf32, products.allow_tf32
    cudnn.benchmark = True
    cudnn.allow_tf32 = products.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        cudnn.benchmark, cudnn.allow_tf32, products.allow_tf32 = before


def synchronize(device: torch.device) -> None:
    """Waits until the device has finished everything that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(what: Callable[[], object], device: torch.device, times: int) -> tuple[float, ...]:
    """The seconds of each call; of two calls or, while patience lasts, of more.

    On a GPU the calls are given to the device one behind another, as in a run, and events on the device say
    when each has ended: waiting for each would count the time in which the next one could be prepared.
    """
    if device.type == "cuda":
        with torch.cuda.device(device):
            first = _by_events(what, 2)
            more = min(times, int(_PATIENCE / max(sum(first) / 2, 1e-9)))
            return _by_events(what, more) if more > 2 else first
    samples: list[float] = []
    while len(samples) < 2 or (len(samples) < times and sum(samples) < _PATIENCE):
        started = time.perf_counter()
        what()
        samples.append(time.perf_counter() - started)
    return tuple(samples)


def _by_events(what: Callable[[], object], times: int) -> tuple[float, ...]:
    """The seconds from the end of each call to that of the next, on the current CUDA device."""
    torch.cuda.synchronize()
    events = [torch.cuda.Event(enable_timing=True) for _ in range(times + 1)]  # type: ignore[no-untyped-call]  # torch's
    events[0].record()
    for event in events[1:]:
        what()
        event.record()
    torch.cuda.synchronize()
    # In milliseconds, as torch has it.
    return tuple(one.elapsed_time(other) / 1000 for one, other in itertools.pairwise(events))


def takes_turns(device: torch.device) -> bool:
    """Whether processes that share the device take turns on it: a GPU without NVIDIA's MPS."""
    pipes = Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "/tmp/nvidia-mps"))  # noqa: S108 - NVIDIA's default
    return device.type == "cuda" and not pipes.exists()


def environment(
    device: torch.device, precision: Precision, *, threads: int | None = None, sharing: int | None = 1
) -> Environment:
    """The record of the device, the precision, the versions, and the CPU's threads: torch's unless given.

    Args:
        device: where it runs.
        precision: the recipe's.
        threads: of the CPU.
        sharing: up to how many runs of the suite are given this device at once; None if that is not known.
    """
    return Environment(
        archkit=__version__,
        python=platform.python_version(),
        torch=torch.__version__,
        platform=" ".join(filter(None, [platform.system(), platform.machine(), *platform.libc_ver()])),
        device=torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else cpu_name() or platform.machine(),
        device_type=device.type,
        threads=torch.get_num_threads() if threads is None else threads,
        precision=arithmetic(precision, device),
        gpu_shared_by=sharing if device.type == "cuda" else None,
    )
