"""Whether a run fits: what training holds at least, beside what the device has.

What autograd keeps is known to the byte (`archkit.count.memory`), and it is alive together with the weights
and the optimizer's states when the backward pass begins. On a GPU, in float32 and not compiled, the gradients
of maps and what torch's allocator rounds are known too (`archkit.count.training`). What kernels work in comes
on top. So what is refused cannot fit, and what is not may yet run out of memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from archkit.bench.recipe import Recipe
from archkit.count.figure import as_bytes
from archkit.count.memory import memory
from archkit.count.optimizers import OPTIMIZER_STATES
from archkit.count.training import training_peak
from archkit.errors import RunError
from archkit.spec import ArchSpec

__all__ = ["check_room", "least_held", "room"]

_MEMINFO: Final = Path("/proc/meminfo")
_FEWEST: Final = 2  # images of a batch: batch norm refuses one


def least_held(spec: ArchSpec, recipe: Recipe, *, batch: int, half: bool = False, gpu: bool = False) -> int:
    """Bytes that a training step holds at least.

    Args:
        spec: the network.
        recipe: how it is trained. A compiled step may compute anew what autograd would keep, so that of it
            only the weights and what belongs to them are counted.
        batch: images in a step.
        half: whether maps may be kept in two bytes a value.
        gpu: whether torch's caching allocator is asked.
    """
    if gpu and not half and recipe.compile == "none":
        peak = training_peak(spec, batch=batch, optimizer=_states_of(recipe))
        return peak.allocated[0] + (peak.weights if recipe.ema else 0)
    found = memory(spec, batch=batch, optimizer=_states_of(recipe))
    kept = found.activations // 2 if half else found.activations
    if recipe.compile != "none":
        kept = 0
    average = found.weights if recipe.ema else 0
    # The gradients of the weights are made as what autograd kept is freed.
    return found.weights + found.buffers + found.optimizer_states + average + max(kept, found.gradients)


def _states_of(recipe: Recipe) -> str:
    """A key of `OPTIMIZER_STATES`: the recipe's optimizer, or `none` where it is not known."""
    name = recipe.optimizer.name
    if name == "sgd" and recipe.optimizer.momentum:
        return "momentum"
    return name if name in OPTIMIZER_STATES else "none"


def room(device: torch.device) -> int | None:
    """Bytes that the device has free; None if it does not say."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        # What torch holds for later is free for it too.
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    try:
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text(encoding="ascii").splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):
        return None


def check_room(spec: ArchSpec, recipe: Recipe, device: torch.device, *, half: bool, images: int) -> int:
    """See that a run may fit, and say what it holds at least.

    Args:
        spec: the network.
        recipe: how it is trained.
        device: where.
        half: as in `least_held`.
        images: bytes of the images that lie on the device beside it.

    Raises:
        RunError: it cannot fit; the message says which batch may.
    """

    def needed(batch: int) -> int:
        return images + least_held(spec, recipe, batch=batch, half=half, gpu=device.type == "cuda")

    held, free = needed(recipe.batch_size), room(device)
    if free is None or held <= free:
        return held
    low, high = _FEWEST - 1, recipe.batch_size
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needed(middle) <= free else (low, middle)
    said = f"--batch-size {low} is the largest that may" if low >= _FEWEST else "no batch does"
    raise RunError(
        f"batches of {recipe.batch_size} cannot fit: training holds at least {as_bytes(held)}, and {device} "
        f"has {as_bytes(free)} free; {said}"
    )
