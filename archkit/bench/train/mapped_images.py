"""`MappedImages`: images that come to the device a batch at a time, because they do not fit into memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Final, TypeAlias

import numpy as np
import torch
from torch import Tensor

from archkit.bench.data.shards import Shards

__all__ = ["Images", "MappedImages", "batch_of", "read_ahead"]

_AHEAD: Final = 3  # batches that are read while the device is at an earlier one


class MappedImages:
    """N x H x W x C images in files, of which a slice, or a batch, is a tensor on the device.

    Args:
        shards: where they are.
        device: where they go.
    """

    def __init__(self, shards: Shards, device: torch.device) -> None:
        self._shards, self._device = shards, device
        self._waiting: deque[tuple[Tensor, Future[Tensor]]] = deque()

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """N, H, W, C."""
        N, C, H, W = self._shards.shape
        return N, H, W, C

    def __getitem__(self, which: slice) -> Tensor:
        return self._read(np.arange(len(self._shards))[which]).to(self._device)

    def at(self, index: Tensor) -> Tensor:
        """The images `index`, B x H x W x C; read already if they are the next that `read_ahead` was told."""
        if self._waiting and self._waiting[0][0] is index:
            return self._waiting.popleft()[1].result().to(self._device, non_blocking=True)
        return self._read(index.cpu().numpy()).to(self._device)

    @contextmanager
    def reading(self, batches: Iterable[Tensor]) -> Iterator[Iterator[Tensor]]:
        """The batches again, one by one, while those after it are read in a thread."""
        batches = list(batches)
        # All at once: whatever comes from a GPU waits for the steps before it.
        sizes = [len(index) for index in batches]
        numbers = torch.split(torch.cat(batches).cpu(), sizes) if batches else ()
        coming = zip(batches, numbers, strict=True)
        with ThreadPoolExecutor(max_workers=1) as pool:

            def ahead() -> None:
                for index, which in islice(coming, _AHEAD - len(self._waiting)):
                    self._waiting.append((index, pool.submit(self._read, which.numpy())))

            def each() -> Iterator[Tensor]:
                ahead()
                while self._waiting:
                    index = self._waiting[0][0]
                    yield index
                    if self._waiting and self._waiting[0][0] is index:  # no step was taken with it
                        self._waiting.popleft()
                    ahead()

            try:
                yield each()
            finally:
                self._waiting.clear()
                pool.shutdown(cancel_futures=True)

    def _read(self, which: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Tensor:
        pixels = torch.from_numpy(self._shards.take(which))
        return pixels.pin_memory() if self._device.type == "cuda" else pixels


Images: TypeAlias = "Tensor | MappedImages"


def batch_of(images: Images, index: Tensor) -> tuple[Tensor, Tensor]:
    """Images on the device, and which of them the batch `index` is."""
    if isinstance(images, MappedImages):
        return images.at(index), torch.arange(len(index), device=index.device)
    return images, index


@contextmanager
def read_ahead(images: Images, batches: Iterable[Tensor]) -> Iterator[Iterable[Tensor]]:
    """The batches one by one; where images are in files, those after it are read in the meantime."""
    if isinstance(images, MappedImages):
        with images.reading(batches) as each:
            yield each
    else:
        yield batches
