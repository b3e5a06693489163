"""Every block of a space, timed where it will run; and whether what networks take is the sum of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np
import torch

from archkit.blocks import draw_block, draw_head, draw_stem
from archkit.budget import BlockTable, Budget, sample
from archkit.budget.table_rows import blocks_with_places
from archkit.measure.timers import Measured, median_ms, prepared, torch_threads
from archkit.nn.network import Chain, build
from archkit.plan import PlanPen, layout
from archkit.plan.pieces import Piece
from archkit.spec import ArchSpec, SearchSpace, parse

__all__ = ["Additivity", "Timed", "Watch", "check_additivity", "measure_blocks", "measured"]

Watch = Callable[[int, int], None]
"""Is told how much is done, and how much there is."""

_ROUNDS: Final = 5
"""Every block is timed once, then every block again: what changes on the machine meanwhile meets them all."""

_SECONDS: Final = 0.03  # for the samples of one block in one round
_NETWORK: Final = 0.1  # for those of a whole network
_WITHIN: Final = 0.1
_LEAST_TO_JUDGE: Final = 4  # networks: two for a line, and two for it to be judged by


@dataclass(frozen=True, kw_only=True, slots=True)
class Timed:
    """A block and what it takes.

    Attributes:
        piece: the block.
        ms: milliseconds: the least of the medians of some rounds, since other programs only add to it.
        spread: how far the middle one of those medians lies above it, as a share of it.
    """

    piece: Piece
    ms: float
    spread: float


def measured(piece: Piece, like: ArchSpec, stage: int) -> Measured:
    """A block alone, with the options that `like` has in a stage, counted from 1."""
    pen = PlanPen(piece.channels_in, piece.rows, piece.columns, piece.part)
    if piece.part == "stem":
        draw_stem(pen, like.parts.stem, piece.channels)
    elif piece.part == "head":
        draw_head(pen, like.parts.head, piece.channels)
    else:
        setting = like.parts.stages[stage - 1]
        draw_block(pen, setting, piece.channels, piece.stride or 1, first=piece.part == "first")
    module = torch.nn.Sequential()
    module.add_module(piece.part, Chain(tuple(pen.nodes)))  # so that layers have the names of their nodes
    return Measured(module, tuple(pen.nodes), (piece.channels_in, piece.rows, piece.columns))


def measure_blocks(
    space: SearchSpace, place: str, *, batch: int = 1, threads: int = 1, watch: Watch | None = None
) -> tuple[Timed, ...]:
    """What every block that a network of the space can have takes, each shape once.

    Args:
        space: the space.
        place: one of `archkit.measure.timers.PLACES`.
        batch: images that go through at once.
        threads: of the CPU.
        watch: is told how many measurements are done.

    Raises:
        BudgetError: the space has too many blocks.
        RunError: there is no such place here.
    """
    every = blocks_with_places(space)
    found: dict[Piece, list[float]] = {piece: [] for piece in every}
    with torch_threads(threads):
        for done in range(_ROUNDS):
            for i, (piece, (like, stage)) in enumerate(every.items(), 1):
                run = prepared(measured(piece, like, stage), place, batch=batch, threads=threads)
                found[piece].append(median_ms(run, _SECONDS)[0])
                if watch is not None:
                    watch(done * len(every) + i, _ROUNDS * len(every))
    return tuple(
        Timed(piece=piece, ms=min(each), spread=median(each) / min(each) - 1) for piece, each in found.items()
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Additivity:
    """Networks drawn fairly, timed whole, against the sums of their blocks.

    Attributes:
        networks: spec, milliseconds by the table, milliseconds as a whole.
    """

    networks: tuple[tuple[str, float, float], ...]

    def line(self) -> tuple[float, float]:
        """The correction that is right for most: what a sum is multiplied by, and the ms that are added then.

        The line with the least squares of relative errors; a factor alone where the sums do not differ.
        """
        x = np.array([[by_table / whole, 1 / whole] for _, by_table, whole in self.networks])
        if np.linalg.matrix_rank(x) < 2:
            return float(1 / x[:, 0].mean()), 0.0
        factor, more = np.linalg.lstsq(x, np.ones(len(x)), rcond=None)[0].tolist()
        return factor, more

    def held_out(self, share: float = _WITHIN) -> float | None:
        """How good the correction is for networks that it was not fitted to; None where fewer than 4 are.

        Every second network gives the line, and it is the share of the others that is within 10%: the
        networks were drawn fairly, and so each half is.
        """
        if len(self.networks) < _LEAST_TO_JUDGE:
            return None
        line = Additivity(networks=self.networks[::2]).line()
        return Additivity(networks=self.networks[1::2]).within(line, share)

    def within(self, line: tuple[float, float] = (1.0, 0.0), share: float = _WITHIN) -> float:
        """The share of the networks whose corrected sum is within 10% of what was measured."""
        factor, more = line
        right = (abs((factor * by_table + more) / whole - 1) <= share for _, by_table, whole in self.networks)
        return sum(right) / len(self.networks)


def check_additivity(
    space: SearchSpace,
    table: BlockTable,
    place: str,
    networks: int,
    *,
    batch: int = 1,
    threads: int = 1,
    seed: int = 0,
    watch: Watch | None = None,
) -> Additivity:
    """Times networks of a space as a whole, and compares what they take with what a table in ms says.

    Args:
        space: the space that they are drawn from, each network as likely as every other.
        table: the table.
        place, batch, threads: as the table was measured.
        networks: how many.
        seed: of the draw.
        watch: is told how many networks are done.

    Raises:
        BudgetError: the table has no cost for a block, or the space cannot be sampled.
        RunError: there is no such place here.
    """
    specs = [parse(row.spec) for row in sample(space, Budget(), networks, seed=seed)]
    sums = [float(table.amount(table.of(spec))) for spec in specs]
    found = []
    with torch_threads(threads):
        for i, (spec, by_table) in enumerate(zip(specs, sums, strict=True), 1):
            nodes = tuple(node for _, part in layout(spec).parts() for node in part)
            whole_network = Measured(build(spec), nodes, spec.input)
            run = prepared(whole_network, place, batch=batch, threads=threads)
            whole = min(median_ms(run, _NETWORK)[0] for _ in range(_ROUNDS))
            found.append((str(spec), by_table, whole))
            if watch is not None:
                watch(i, networks)
    return Additivity(networks=tuple(found))
