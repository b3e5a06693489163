"""What holds around all that is trained: generators as they were, and errors of memory in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from archkit.bench.recipe import Recipe
from archkit.errors import RunError, ran_out_of_memory

__all__ = ["generators_kept", "memory_errors"]


@contextmanager
def generators_kept(device: torch.device) -> Iterator[None]:
    """Leaves torch's global generators of the CPU and of the device as they were."""
    cuda = (
        [torch.cuda.current_device() if device.index is None else device.index]
        if device.type == "cuda"
        else []
    )
    with torch.random.fork_rng(devices=cuda):
        yield


@contextmanager
def memory_errors(recipe: Recipe) -> Iterator[None]:
    """Says what an error of memory means for the recipe.

    Raises:
        RunError: memory runs out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out_of_memory(error):
            raise
        raise RunError(
            f"the device is out of memory at batches of {recipe.batch_size}; a smaller --batch-size may fit"
        ) from error
