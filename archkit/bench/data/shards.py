"""`Shards`: decoded images in files that are mapped into memory, for data sets that do not fit into it.

Each file is an array of numpy's, n x H x W x C, uint8. What is read of it lies in the system's cache of
files, which makes room for anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Shards"]

_CHUNK: Final = 256  # images that are copied at once where all are gone through


@dataclass(kw_only=True, slots=True, eq=False)
class Shards:
    """Images, N x C x H x W as far as whoever uses them can see, of which only those asked for are in memory.

    It can be handed to another process, which opens the files for itself.

    Attributes:
        files: in order.
        each: how many images a file has; the last one may have fewer.
        rows: N, which of the images in the files.
        image: H, W, C.
    """

    files: tuple[Path, ...]
    each: int
    rows: NDArray[np.int64]
    image: tuple[int, int, int]
    _open: dict[int, NDArray[np.uint8]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """N, C, H, W."""
        H, W, C = self.image
        return len(self.rows), C, H, W

    @property
    def nbytes(self) -> int:
        """None: the files are mapped, and what was read of them may be dropped at any time."""
        return 0

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __getitem__(self, which: Any) -> Any:
        """A slice gives its images, n x C x H x W, in memory; an array of numbers gives them as `Shards`."""
        if isinstance(which, slice):
            return self.take(np.arange(len(self))[which]).transpose(0, 3, 1, 2)
        return Shards(files=self.files, each=self.each, rows=self.rows[which], image=self.image)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All of it, in memory: for a few images."""
        images: NDArray[np.uint8] = self[:]
        return images if dtype is None else images.astype(dtype, copy=bool(copy))

    def take(self, which: NDArray[np.int64]) -> NDArray[np.uint8]:
        """A copy of some images, n x H x W x C, in the order in which they are asked for."""
        rows = self.rows[which]
        taken = np.empty((len(rows), *self.image), np.uint8)
        # In the order of the files, which is that of the disk.
        for at in np.argsort(rows, kind="stable"):
            number, place = divmod(int(rows[at]), self.each)
            taken[at] = self._shard(number)[place]
        return taken

    def chunks(self) -> Iterator[NDArray[np.uint8]]:
        """All images, a few at a time, n x C x H x W."""
        for start in range(0, len(self), _CHUNK):
            yield self[start : start + _CHUNK]

    def _shard(self, number: int) -> NDArray[np.uint8]:
        if number not in self._open:
            self._open[number] = np.load(self.files[number], mmap_mode="r", allow_pickle=False)
        return self._open[number]

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.files, self.each, self.rows, self.image)


def _again(
    files: tuple[Path, ...], each: int, rows: NDArray[np.int64], image: tuple[int, int, int]
) -> Shards:
    return Shards(files=files, each=each, rows=rows, image=image)
