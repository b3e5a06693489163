"""A model's forward and backward pass through `torch.compile`, with or without CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn

from archkit.bench.recipe import Compile

__all__ = ["compiled", "steps_to_compile"]

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


def steps_to_compile(mode: Compile) -> int:
    """Steps of one size of batch after which nothing more is compiled or recorded for it."""
    # torch compiles in the first, records a graph in the second and replays it from the third on.
    return 3 if mode in _RECORDED else 1
