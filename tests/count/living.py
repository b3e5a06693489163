"""`Living`: the storages that live while torch runs."""

from __future__ import annotations

from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Living(TorchDispatchMode):
    """The most bytes of storages alive behind any of torch's operators."""

    def __init__(self, *held: torch.Tensor) -> None:
        super().__init__()
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0
        for one in held:
            self._see(one)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for one in tree_leaves(out):
            if isinstance(one, torch.Tensor):
                self._see(one)
        self._alive = {key: held for key, held in self._alive.items() if not held[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self._alive.values()))
        return out

    def bytes_of(self, tensor: torch.Tensor) -> int:
        """What a tensor's storage counts; 0 leaves it out."""
        return tensor.untyped_storage().nbytes()

    def _see(self, tensor: torch.Tensor) -> None:
        if size := self.bytes_of(tensor):
            storage = tensor.untyped_storage()
            self._alive[storage._cdata] = (StorageWeakRef(storage), size)
