"""What a device can do at most, and so the least time that a training step of a network takes on it.

Floor of one image, in seconds: the larger of
    operations: 6 x MACs over the measured matrix peak (a multiply-add is two; backward is twice forward)
    bytes: what autograd keeps, in bfloat16, written once and read once, over the measured bandwidth
No training step can be faster than the larger; fused norms and activations come nearest to it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from archkit.bench.train.device import synchronize
from archkit.count import totals
from archkit.count.memory import memory
from archkit.spec import ArchSpec

__all__ = ["ceilings", "floor"]


def measured(work: Callable[[], object], device: torch.device, *, warm_up: int, repeats: int) -> list[float]:
    """Seconds of each repeat, the device waited for."""
    for _ in range(warm_up):
        work()
    samples = []
    for _ in range(repeats):
        synchronize(device)
        start = time.perf_counter()
        work()
        synchronize(device)
        samples.append(time.perf_counter() - start)
    return samples


def ceilings(device: torch.device, *, quick: bool) -> dict[str, float]:
    """Operations a second of a bfloat16 matrix product, and bytes a second of a copy."""
    n, size = (512, 2**24) if quick else (8192, 2**30)
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))
    product = measured(lambda: a @ b, device, warm_up=3, repeats=20)
    source = torch.empty(size, device=device, dtype=torch.uint8).random_()
    target = torch.empty_like(source)
    copy = measured(lambda: target.copy_(source), device, warm_up=3, repeats=20)
    return {
        "operations_per_second": 2 * n**3 / statistics.median(product),
        "bytes_per_second": 2 * size / statistics.median(copy),  # read and written
    }


def floor(spec: ArchSpec, ceiling: dict[str, float]) -> dict[str, float]:
    """Seconds of an image that its operations, and that its bytes take at least."""
    kept = memory(spec, batch=1, optimizer="momentum").activations / 2  # float32 -> bfloat16
    by_operations = 6 * int(totals(spec).macs) / ceiling["operations_per_second"]
    by_bytes = 2 * kept / ceiling["bytes_per_second"]
    return {
        "operations": by_operations,
        "bytes": by_bytes,
        "images_per_second": 1 / max(by_operations, by_bytes),
    }
