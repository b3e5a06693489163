"""What `solve` makes as large or as small as it can.

Every objective but peak memory is linear in the blocks once the widths are fixed: a base, and a gain
for each further block of each stage. The solver needs nothing else of it. Peak memory is a maximum.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archkit.budget.limits import FIGURES
from archkit.budget.tables import Tables
from archkit.errors import BudgetError
from archkit.plan import Node, Outline, main_path, outline
from archkit.spec import ArchSpec

__all__ = ["MAX_RHO", "OBJECTIVES", "Objective", "entropy", "rho"]

Floats = NDArray[np.float64]

MAX_RHO: Final = 0.3
"""The effectiveness limit unless given: the stricter end of DeepMAD's 0.3 to 0.5."""

LAST_WEIGHT: Final = 8
"""Weight of the last stage in DeepMAD's score; the others have 1 (Shen et al. 2023)."""

OBJECTIVES: Final = ("entropy", *FIGURES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Objective:
    """What is best.

    Attributes:
        name: `entropy`, or one of `FIGURES`.
        most: whether the most of it is best, or the least.
        max_rho: upper limit of DeepMAD's effectiveness; only with `entropy`.
    """

    name: str
    most: bool = True
    max_rho: float | None = None

    @property
    def whole(self) -> bool:
        """Whether it is a whole number: every objective is but the entropy."""
        return self.name != "entropy"

    @classmethod
    def read(cls, text: str, *, max_rho: float = MAX_RHO) -> Objective:
        """An objective from `macs`, `most-macs` or `least-macs`; `peak-memory` and `peak_memory` are one.

        Raises:
            BudgetError: there is no such objective, or the limit is no positive number.
        """
        side, _, name = text.replace("_", "-").partition("-")
        if side not in ("most", "least"):
            side, name = "most", text
        name = name.replace("-", "_")
        if name not in OBJECTIVES:
            known = ", ".join(OBJECTIVES)
            raise BudgetError(f"unknown objective {text!r}; known: {known}, each also as least-NAME")
        if name != "entropy":
            return cls(name=name, most=side == "most")
        if side == "least":
            raise BudgetError("the least entropy is of no use; --by entropy is the most")
        if not (math.isfinite(max_rho) and max_rho > 0):
            raise BudgetError(f"max-rho must be above 0, not {max_rho}")
        return cls(name=name, max_rho=max_rho)

    @classmethod
    def read_figure(cls, text: str, *, option: str) -> Objective:
        """The same, of what a budget can limit alone; `option` is named in the error.

        Raises:
            BudgetError: there is no such figure.
        """
        try:
            found = cls.read(text)
        except BudgetError:
            found = None
        if found is None or found.name not in FIGURES:
            raise BudgetError(f"{option} is {' | '.join(FIGURES)}, or least-NAME, not {text}")
        return found


def _log_widths(nodes: Iterable[Node]) -> list[Any]:
    """Logarithm of `c_in / groups * K^2` of each conv one behind another; of arrays, arrays."""
    convs = (layer for layer in main_path(nodes) if layer.kind == "conv")
    return [np.log(conv.kernel**2 * (conv.in_shape[0] // conv.groups)) for conv in convs]


def _stem_log_widths(spec: ArchSpec, nodes: Iterable[Node]) -> list[float]:
    """The same of the stem, without its pooling."""
    return [float(x) for x in _log_widths(nodes)[: len(spec.stem.widths)]]


def _conv_log_widths(spec: ArchSpec, outlined: Outline) -> list[list[float]]:
    """By stage, the logarithms of every conv's width up to its end; the stem's are with the first."""
    found, sofar = [], _stem_log_widths(spec, outlined.stem)
    for n, stage in zip(spec.blocks, outlined.stages, strict=True):
        sofar = sofar + [float(x) for x in _log_widths(stage.first)]
        sofar = sofar + [float(x) for x in _log_widths(stage.other)] * (n - 1)
        found.append(sofar)
    return found


def entropy(spec: ArchSpec) -> float:
    """DeepMAD's score of a network (Shen et al. 2023, equations 2 and 8), in nats.

    `H = sum over stages s of a_s * log(C_s * H_s * W_s) * sum over convs up to the end of s of
    log(c_in / groups * K^2) / 2`, with a_s = 8 for the last stage and 1 for the others. C_s, H_s and
    W_s are what stage s puts out. Convs are the stem's and those of the blocks' residual branches;
    shortcuts, attention and the stem's pooling are not counted.
    """
    outlined = outline(spec)
    score, last = 0.0, len(spec.blocks) - 1
    for i, logs in enumerate(_conv_log_widths(spec, outlined)):
        weight = LAST_WEIGHT if i == last else 1
        score += weight * math.log(math.prod(outlined.stages[i].out)) * sum(logs) / 2
    return score


def rho(spec: ArchSpec) -> float:
    """DeepMAD's effectiveness: the most, over stages, of the depth up to its end over the mean width.

    `exp(log L - mean of log(c_in / groups * K^2))` over the first L convs, the same as in `entropy`.
    A network whose depth is large beside its widths passes no signal on (Roberts et al. 2022).
    """
    return max(len(logs) / math.exp(sum(logs) / len(logs)) for logs in _conv_log_widths(spec, outline(spec)))


@dataclass(frozen=True, kw_only=True, slots=True)
class EntropyTables:
    """The same score for every network of some tables. Legend: P, C widths before and here.

    Attributes:
        weight: a_s * log(C_s H_s W_s) of each stage, C.
        first: half the sum of a first block's logarithms, P x C.
        other: of every further block, C.
        stem: of the stem.
        convs: of a block; `stem_convs` of the stem.
        widest: the greatest logarithm in a block of each pair of widths, P x C.
    """

    weight: tuple[Floats, ...]
    first: tuple[Floats, ...]
    other: tuple[Floats, ...]
    widest: tuple[Floats, ...]
    stem: float
    convs: tuple[int, ...]
    stem_convs: int


def entropy_tables(tables: Tables) -> EntropyTables:
    """The score's parts."""
    like, outlined = tables.like, tables.outline()
    weight, first, other, widest, convs = [], [], [], [], []
    for i, stage in enumerate(outlined.stages):
        c = len(tables.stages[i].channels)
        pairs = (len(tables.stages[i - 1].channels) if i else 1, c)
        out, h, w = stage.out
        weight.append((LAST_WEIGHT if i == len(outlined.stages) - 1 else 1) * np.log(out * (h * w)))
        entering = [np.broadcast_to(x, pairs) for x in _log_widths(stage.first)]
        inside = [np.broadcast_to(x, (c,)) for x in _log_widths(stage.other)]
        first.append(sum(entering[1:], entering[0]) / 2)
        other.append(sum(inside[1:], inside[0]) / 2)
        widest.append(np.maximum(np.max(entering, axis=0), np.max(inside, axis=0)))
        convs.append(len(inside))
    stem = _stem_log_widths(like, outlined.stem)
    return EntropyTables(
        weight=tuple(weight),
        first=tuple(first),
        other=tuple(other),
        widest=tuple(widest),
        stem=sum(stem) / 2,
        convs=tuple(convs),
        stem_convs=len(stem),
    )
