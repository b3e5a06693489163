"""What torch's caching allocator reserves: segments of the device's memory, cut into blocks.

As `c10/cuda/CUDACachingAllocator.cpp` has it, for one stream, with its default settings. A block is taken
from the smallest free one that is large enough, of those for sizes up to 1 MiB or of those for greater ones;
without any, a segment is reserved. What is left over is cut off where it is of use, and joins its neighbours
when they are free too.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Final

__all__ = ["LARGE", "Segments", "segment_size"]

_MIB: Final = 1 << 20
LARGE: Final = _MIB
"""Greater allocations than this have segments of their own, and leave at most so much of one unused."""

_SMALL_SEGMENT: Final = 2 * _MIB
_LARGE_SEGMENT: Final = 20 * _MIB
_FROM_OWN_SIZE: Final = 10 * _MIB


def segment_size(size: int) -> int:
    """Bytes of the segment that is reserved for an allocation of so many."""
    if size <= LARGE:
        return _SMALL_SEGMENT
    return _LARGE_SEGMENT if size < _FROM_OWN_SIZE else -(-size // (2 * _MIB)) * 2 * _MIB


class Segments:
    """An allocator that has reserved nothing yet.

    Attributes:
        reserved: bytes of all segments; none is ever given back.
        allocated: bytes of the blocks in use, with what could not be cut off them.
        peak: the most that was allocated.
    """

    def __init__(self) -> None:
        self.reserved = 0
        self.allocated = 0
        self.peak = 0
        # Of small and of large segments: the free blocks as (size, address), in order.
        self._free: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
        # By address: the block's size, and where the segment begins and ends.
        self._used: dict[int, tuple[int, int, int]] = {}
        self._starts: dict[int, tuple[int, int, int]] = {}
        self._ends: dict[int, int] = {}
        self._next = 0

    def take(self, size: int) -> int:
        """The address of a block for so many bytes, a multiple of 512."""
        small = size <= LARGE
        free = self._free[small]
        at = bisect_left(free, (size, 0))
        if at < len(free):
            whole, address = free[at]
            _, low, high = self._starts[address]
            self._no_longer_free(small, address)
        else:
            whole, address = segment_size(size), self._next
            low, high = address, address + whole
            # Segments do not touch, so that their blocks are not joined.
            self._next = high + 1
            self.reserved += whole
        left = whole - size
        if left > (0 if small else LARGE):
            self._now_free(small, address + size, left, low, high)
            whole = size
        self._used[address] = (whole, low, high)
        self.allocated += whole
        self.peak = max(self.peak, self.allocated)
        return address

    def give_back(self, address: int) -> None:
        """A block is free again."""
        size, low, high = self._used.pop(address)
        self.allocated -= size
        small = high - low == _SMALL_SEGMENT
        behind = address + size
        if behind in self._starts:
            size += self._starts[behind][0]
            self._no_longer_free(small, behind)
        if address in self._ends:
            before = self._ends[address]
            size += self._starts[before][0]
            self._no_longer_free(small, before)
            address = before
        self._now_free(small, address, size, low, high)

    def _now_free(self, small: bool, address: int, size: int, low: int, high: int) -> None:
        insort(self._free[small], (size, address))
        self._starts[address] = (size, low, high)
        self._ends[address + size] = address

    def _no_longer_free(self, small: bool, address: int) -> None:
        size = self._starts.pop(address)[0]
        del self._ends[address + size]
        free = self._free[small]
        del free[bisect_left(free, (size, address))]
