"""A model's forward and backward pass through `torch.compile`, with or without CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import torch
from torch import Tensor, nn

from archkit.bench.recipe import Compile

__all__ = ["compiled", "compiled_afresh", "steps_to_compile"]

_RECORDED: Final = ("reduce-overhead", "max-autotune")  # the modes in which torch records CUDA graphs


def compiled(model: nn.Module, mode: Compile) -> Callable[[Tensor], Tensor]:
    """The model's forward, compiled when it first meets a size of batch; backward pass included.

    Args:
        model: its weights and buffers stay where they are, and are trained through what is returned.
        mode: as `Recipe.compile`; `none` returns the model as it is.
    """
    if mode == "none":
        return model
    forward: Callable[[Tensor], Tensor] = torch.compile(model, mode=mode, dynamic=False)
    if mode not in _RECORDED:
        return forward

    def recorded(images: Tensor) -> Tensor:
        # The graphs' memory is taken again by the next step; nothing of the last one is needed by then.
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]  # torch's
        return forward(images)

    return recorded


@contextmanager
def compiled_afresh(mode: Compile) -> Iterator[None]:
    """What is compiled in the block is compiled in it from the start, and forgotten behind it.

    torch counts how often a module's forward has been compiled, whichever network it was of, and from the
    ninth on runs it as it is without a word. Here the count begins at nothing, and to come so far is an
    error. The memory of recorded graphs is free again too.
    """
    if mode == "none":
        yield
        return
    from torch._dynamo import config

    torch.compiler.reset()
    try:
        with config.patch(fail_on_recompile_limit_hit=True):
            yield
    finally:
        torch.compiler.reset()


def steps_to_compile(mode: Compile) -> int:
    """Steps of one size of batch after which nothing more is compiled or recorded for it."""
    # torch compiles in the first, records a graph in the second and replays it from the third on.
    return 3 if mode in _RECORDED else 1
