"""`look_ahead`: how long the runs of a suite will take in all, from steps measured before the first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.conduct import Conduct, freed
from archkit.bench.sweep.place import missing
from archkit.bench.sweep.run import Run
from archkit.bench.train.engine import measure
from archkit.count import totals

__all__ = ["Ahead", "look_ahead"]

_PATIENCE: Final = 30.0  # seconds of measuring, after which the others are told from their MACs


@dataclass(frozen=True, kw_only=True, slots=True)
class Ahead:
    """What a suite has before it.

    Attributes:
        runs: those that are not there yet.
        seconds: what they take one after the other, each from its start; None if none could be measured.
    """

    runs: int
    seconds: float | None


def look_ahead(runs: Sequence[Run], data: DataSet, conduct: Conduct, *, patience: float = _PATIENCE) -> Ahead:
    """Measures steps of each network with each recipe; its seeds take as long.

    Args:
        runs: the suite's.
        data: the images, for all of them.
        conduct: how they are carried out.
        patience: seconds after which no more is measured, and the other networks are taken to be as fast as
            those that were, for each multiply-accumulate.
    """
    started = time.monotonic()
    waiting = missing(runs, data, conduct.root, force=conduct.force)
    seconds, work, rest = 0.0, 0, 0
    for (spec, recipe), times in waiting.items():
        macs = int(totals(spec).macs) * recipe.epochs * times
        if work and time.monotonic() - started > patience:
            rest += macs
            continue
        try:
            taken = measure(spec, data, recipe, device=conduct.device, threads=conduct.threads)
        except Exception:  # noqa: BLE001 - likewise
            taken = None
        freed(conduct.device)
        if taken is None:
            continue
        seconds, work = seconds + taken.seconds * times, work + macs
    total = sum(waiting.values())
    return Ahead(runs=total, seconds=seconds * (1 + rest / work) if work else None)
