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
    """The model's forward and backward pass, compiled when a batch size first comes.

    Args:
        model: its weights and buffers stay where they are; what is returned trains them.
        mode: as in `Recipe.compile`; with `none`, the model is returned as it is.
    """
    if mode == "none":
        return model
    forward: Callable[[Tensor], Tensor] = torch.compile(model, mode=mode, dynamic=False)
    if mode not in _RECORDED:
        return forward

    def recorded(images: Tensor) -> Tensor:
        # The next step uses the graphs' memory again; by then nothing of the last step is needed.
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]  # torch's
        return forward(images)

    return recorded


def steps_to_compile(mode: Compile) -> int:
    """After how many steps of one batch size nothing more is compiled or recorded for it."""
    # torch compiles in the first step, records a graph in the second and replays it from the third on.
    return 3 if mode in _RECORDED else 1
