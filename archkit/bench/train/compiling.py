"""A model's forward and backward pass, compiled by `torch.compile` with or without CUDA graphs."""

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


@contextmanager
def compiled_afresh(mode: Compile) -> Iterator[None]:
    """Whatever the block compiles is compiled from the start, and forgotten when the block ends.

    torch counts how often a module's forward has been compiled, for all networks together, and from the ninth
    time on it runs the forward uncompiled without a word. Here the count begins at 0, and reaching that limit
    is an error. The memory of recorded graphs is freed at the end too.
    """
    if mode == "none":
        yield
        return
    from torch._dynamo import config

    # torch 2.6 calls a recompile limit that of its cache.
    named = "fail_on_recompile_limit_hit"
    named = named if hasattr(config, named) else "fail_on_cache_limit_hit"
    torch.compiler.reset()
    try:
        with config.patch({named: True}):
            yield
    finally:
        torch.compiler.reset()


def steps_to_compile(mode: Compile) -> int:
    """After how many steps of one batch size nothing more is compiled or recorded for it."""
    # torch compiles in the first step, records a graph in the second and replays it from the third on.
    return 3 if mode in _RECORDED else 1
