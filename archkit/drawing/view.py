"""`view`: what a drawing shows of one network: its parts, their blocks in runs of equal ones, and figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from archkit.count import count
from archkit.count.memory import kept_by_part
from archkit.drawing.rows import Row, rows
from archkit.plan import Block, Layer, Plan, Shape, layout
from archkit.spec import ArchSpec, as_spec

__all__ = ["METRICS", "Figures", "NetworkView", "PartView", "Run", "shape_text", "share", "view"]

METRICS: Final = ("params", "macs", "memory")
"""What each part has a bar for: parameters; MACs; bytes of float32 that training keeps of one image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Parameters, multiply-accumulates for one image, and bytes that training keeps of it."""

    params: int
    macs: int
    memory: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Blocks that are alike and follow each other: `times` of them, each with these rows."""

    rows: tuple[Row, ...]
    times: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PartView:
    """The stem, a stage or the head.

    Attributes:
        name: `stem`, `stage 1`, ..., `head`.
        blocks: of a stage; 0 for the others.
        runs: of its blocks; the stem and the head are one.
        out: the shape of what leaves it.
        figures: what it costs.
    """

    name: str
    blocks: int
    runs: tuple[Run, ...]
    out: Shape
    figures: Figures


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkView:
    """A network as it is drawn.

    Attributes:
        spec: the network.
        name: what it was called; its spec if it had no name.
        parts: those that have layers.
        total: what it costs.
    """

    spec: ArchSpec
    name: str
    parts: tuple[PartView, ...]
    total: Figures

    @property
    def widest(self) -> int:
        """The most channels that a row of the stem or the stages puts out.

        The head is left out: beside the 4,096 outputs of VGG's hidden layers no stage would be seen.
        """
        widths = (
            getattr(row, "width", 0)
            for part in self.parts
            if part.name != "head"
            for run in part.runs
            for row in run.rows
        )
        return max([1, *widths])

    @property
    def rows(self) -> tuple[Row, ...]:
        """All its rows."""
        return tuple(row for part in self.parts for run in part.runs for row in run.rows)


def view(network: ArchSpec | str, name: str | None = None) -> NetworkView:
    """What a drawing shows of a network.

    Of a stage, two blocks are laid out: all that follow the second are like it.

    Args:
        network: a spec or its text.
        name: what to call it; as it was typed, if it is a text.

    >>> found = view("[2,1,1,1]x[64,128,256,512]")
    >>> [(part.name, [run.times for run in part.runs], share(part.figures.params, found.total.params))
    ...     for part in found.parts[1:5]]
    [('stage 1', [2], '3.0%'), ('stage 2', [1], '4.6%'), ('stage 3', [1], '18%'), ('stage 4', [1], '74%')]
    """
    spec = as_spec(network)
    typed = " ".join(network.split()) if isinstance(network, str) else str(spec)
    account = count(spec, fold=2)
    kept = kept_by_part(spec)
    plan = layout(spec.replace(blocks=[min(n, 2) for n in spec.blocks]))
    runs = _runs(plan, spec.blocks)
    parts = []
    for cost, times, memory, shown in zip(account.parts, (0, *spec.blocks, 0), kept, runs, strict=True):
        if cost.layers:
            parts.append(
                PartView(
                    name=cost.name.replace("stage", "stage "),
                    blocks=times,
                    runs=shown,
                    out=tuple(cost.layers[-1].layer.out_shape),
                    figures=Figures(params=cost.params, macs=cost.macs, memory=memory),
                )
            )
    return NetworkView(
        spec=spec,
        name=name or typed,
        parts=tuple(parts),
        total=Figures(params=account.params, macs=account.macs, memory=sum(kept)),
    )


def _runs(plan: Plan, blocks: Iterable[int]) -> list[tuple[Run, ...]]:
    """The runs of each part, from a plan with at most two blocks of each stage."""
    found: list[tuple[Run, ...]] = [(Run(rows=rows(plan.stem), times=1),)]
    for stage, n in zip(plan.stages, blocks, strict=True):
        first, *other = stage.blocks
        if other and _layers(first) == _layers(other[0]):
            found.append((Run(rows=rows(first.nodes), times=n),))
        else:
            found.append(
                (Run(rows=rows(first.nodes), times=1), *(Run(rows=rows(b.nodes), times=n - 1) for b in other))
            )
    found.append((Run(rows=rows(plan.head), times=1),))
    return found


def _layers(block: Block) -> list[Layer]:
    """The layers of a block, as they are wherever it stands."""
    return [layer._replace(name=layer.own_name) for layer in block]


def shape_text(shape: Shape) -> str:
    """What goes from one part to the next: a map, or the outputs of the head.

    >>> shape_text((64, 32, 32)), shape_text((10,))
    ('64x32x32', '10 classes')
    """
    return "x".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]} class{'es' * (shape[0] > 1)}"


def share(part: int, total: int) -> str:
    """A share in percent, with a decimal where it is under ten.

    >>> share(74, 100), share(96, 1000), share(1, 1_000_000), share(0, 5)
    ('74%', '9.6%', '<0.1%', '0%')
    """
    if not part or not total:
        return "0%"
    tenths = (2_000 * part + total) // (2 * total)  # to the nearest, halves up, in integers
    if not tenths:
        return "<0.1%"
    return f"{tenths // 10}.{tenths % 10}%" if tenths < 100 else f"{(200 * part + total) // (2 * total)}%"
