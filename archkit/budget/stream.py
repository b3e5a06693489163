"""The width profiles of a skeleton, those alone that may hold one of the best networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from archkit.budget.objective import Floats
from archkit.budget.prices import Chain, Prices
from archkit.budget.scored import Scored
from archkit.budget.search import Search
from archkit.budget.stage_tables import CEILING, Bools, Ints

__all__ = ["Stream"]

_PIECES: Final = 64  # groups of widths of the last stage that are bounded by themselves
_WORTH_PIECES: Final = 100_000  # so many width profiles
_CELLS: Final = 1_000_000  # beginnings that are looked at together


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rows:
    """Beginnings of width profiles. Legend: N beginnings, j stages, M figures, T prices.

    Attributes:
        widths: places among the stages' widths, N x j.
        costs: so far, M x N.
        worth: so far, T x N.
    """

    widths: Ints
    costs: Ints
    worth: Floats


class Stream:
    """Walks through the width profiles of a skeleton, the most promising last widths first.

    Attributes:
        too_large: how many profiles were left out since their fewest blocks break a limit.
        beaten: how many were left out since their bound is too low.
        looked: how many beginnings were looked at; what their bounds cost elsewhere may be added.
        open_bound: no network of what was not looked at is better than this; -inf if all was.
    """

    def __init__(self, skeleton: Scored, prices: Prices, search: Search, effort: int) -> None:
        self.too_large = 0
        self.beaten = 0
        self.looked = 0
        self.open_bound = -np.inf
        self._skeleton, self._search, self._effort = skeleton, search, effort
        self._stages = skeleton.stages
        self._chain = Chain(skeleton, prices)
        self._pieces = self._bounded_pieces()

    def _bounded_pieces(self) -> list[tuple[float, Bools]]:
        """Groups of widths of the last stage, and a bound on the networks that end with them."""
        width = len(self._skeleton.tables.stages[-1].channels)
        pieces = _PIECES if self._skeleton.profiles > _WORTH_PIECES else 1
        found = []
        for part in np.array_split(np.arange(width), min(pieces, width)):
            last = np.isin(np.arange(width), part)
            found.append((float(self._chain.ending(last).whole().min()), last))
        return sorted(found, key=lambda piece: -piece[0])

    def __iter__(self) -> Iterator[tuple[Ints, Floats]]:
        """Some width profiles at a time, N x S, and a bound on each, N; inf where there is none."""
        if not self._skeleton.profiles:
            return
        for bound, last in self._pieces:
            chain = self._chain.ending(last)
            if self._search.beaten(bound):
                self.beaten += self._ways(chain, 0, np.flatnonzero(self._stages[0].allowed[0]))
                continue
            sums = len(self._skeleton.tables.figures)
            start = _Rows(
                widths=np.zeros((1, 0), dtype=np.int64),
                costs=np.zeros((sums, 1), dtype=np.int64),
                worth=chain.start[:, None],
            )
            yield from self._descend(0, start, np.array([bound]), chain)

    def _ways(self, chain: Chain, j: int, to: Ints) -> int:
        """How many width profiles go on from these widths of stage j."""
        return int(chain.ways[j][to].sum())

    def _descend(self, j: int, rows: _Rows, bounds: Floats, chain: Chain) -> Iterator[tuple[Ints, Floats]]:
        if j == len(self._stages):
            yield rows.widths, bounds
            return
        stage = self._stages[j]
        allowed = stage.allowed & chain.last if j + 1 == len(self._stages) else stage.allowed
        pairs = [np.flatnonzero(row) for row in allowed]
        lengths = np.array([len(row) for row in pairs])
        at = rows.widths[:, -1] if j else np.zeros(1, dtype=np.int64)
        order = np.argsort(-bounds, kind="stable")
        cuts = np.cumsum(lengths[at[order]]) // _CELLS
        for part in np.split(order, np.flatnonzero(np.diff(cuts)) + 1):
            top = float(bounds[part[0]])
            if self._search.beaten(top):
                continue
            if self.looked > self._effort:
                self.open_bound = max(self.open_bound, top)
                continue
            counts = lengths[at[part]]
            row = np.repeat(part, counts)
            to = np.concatenate([pairs[i] for i in at[part].tolist()]) if len(row) else row
            self.looked += len(row)
            kept, found = self._kept(j, rows, row, at[row], to, chain)
            row, to = row[kept], to[kept]
            if not len(row):
                continue
            here = _Rows(
                widths=np.column_stack([rows.widths[row], to]),
                costs=self._skeleton.tables.joined(rows.costs[:, row], stage.base[:, at[row], to]),
                worth=rows.worth[:, row] + chain.worth[j][:, at[row], to],
            )
            yield from self._descend(j + 1, here, found, chain)

    def _kept(self, j: int, rows: _Rows, row: Ints, at: Ints, to: Ints, chain: Chain) -> tuple[Ints, Floats]:
        """Which beginnings go on, and the bound of each."""
        tables, stage = self._skeleton.tables, self._stages[j]
        fits = np.ones(len(row), dtype=bool)
        for m in range(tables.sums):
            if tables.high[m] < CEILING:
                needs = stage.base[m, at, to] + self._skeleton.least_after[j][m, to]
                fits &= rows.costs[m, row] + needs <= tables.high[m]
        self.too_large += self._ways(chain, j, to[~fits])
        kept = np.flatnonzero(fits)
        found = np.full(len(kept), np.inf)
        floor = self._search.floor()
        for t in range(len(chain.start)):
            a, c = at[kept], to[kept]
            bound = rows.worth[t, row[kept]] + chain.worth[j][t, a, c] + chain.after[j][t, c]
            found = np.minimum(found, bound)
            still = found >= floor - abs(floor) * 1e-12
            kept, found = kept[still], found[still]
        self.beaten += self._ways(chain, j, to[fits]) - self._ways(chain, j, to[kept])
        return kept, found
