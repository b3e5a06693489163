"""How many threads of the CPU a run has: as many as it is told, or as many as are measured to be worth it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from typing import Final, Literal, TypeAlias

import torch

from archkit.bench.train.device import timed

__all__ = ["Threads", "choose_threads", "threads_kept", "worth_it"]

Threads: TypeAlias = int | Literal["auto"] | None
"""So many threads, as many as are measured to be worth it, or as many as torch has."""

# More threads are taken unless fewer are faster by more than this: on an idle machine the same number every
# time, and with it the same bits.
_WORTH: Final = 1.25


def choose_threads(step: Callable[[], object]) -> None:
    """Gives torch the most threads that are worth it, of all that it has now, half, a quarter ... and one.

    Args:
        step: a training step on the CPU.
    """
    threads = torch.get_num_threads()
    seconds: dict[int, float] = {}
    while threads:
        torch.set_num_threads(threads)
        step()
        seconds[threads] = median(timed(step, torch.device("cpu"), 3))
        if seconds[threads] > _WORTH * min(seconds.values()):  # and half of them would be slower still
            break
        threads //= 2
    torch.set_num_threads(worth_it(seconds))


def worth_it(seconds: Mapping[int, float]) -> int:
    """The largest number of threads whose step takes at most a quarter longer than the fastest.

    >>> worth_it({8: 0.041, 4: 0.040, 2: 0.07})
    8
    >>> worth_it({2: 1.5, 1: 0.03})
    1

    Args:
        seconds: of a step, by the number of threads.
    """
    return max(number for number, taken in seconds.items() if taken <= _WORTH * min(seconds.values()))


@contextmanager
def threads_kept() -> Iterator[None]:
    """Leaves torch's number of threads as it was."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)
