"""Modules that run another one as it is."""

from __future__ import annotations

from typing import Final

from torch import nn

__all__ = ["inner"]

_WRAPPERS: Final = {
    "torch._dynamo.eval_frame.OptimizedModule": "_orig_mod",
    "torch.nn.parallel.data_parallel.DataParallel": "module",
    "torch.nn.parallel.distributed.DistributedDataParallel": "module",
    "torch.optim.swa_utils.AveragedModel": "module",
}
"""Full names of their types, and where the other one stands."""


def inner(module: object) -> nn.Module | None:
    """The module inside a wrapper, or None where it is none."""
    kind = type(module)
    where = _WRAPPERS.get(f"{kind.__module__}.{kind.__qualname__}")
    found = None if where is None else getattr(module, where)
    return found if isinstance(found, nn.Module) else None
