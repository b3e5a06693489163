"""What `solve` maximises or minimises.

Once the widths are fixed, every objective except capacity and peak memory is linear in the blocks: a base,
and a gain for each further block of each stage. Capacity is a sum of logarithms of such figures, and
therefore concave. Peak memory is a maximum.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archkit.budget.stage_tables import SkeletonTables
from archkit.count import totals
from archkit.count.metrics import CAPACITY, ENTROPY, FIGURES, OBJECTIVES, as_options
from archkit.errors import BudgetError
from archkit.plan import Layer, Node, Outline, main_path, outline
from archkit.spec import ArchSpec, as_spec

__all__ = [
    "EXPONENTS",
    "MAX_RHO",
    "EntropyTables",
    "Floats",
    "Objective",
    "capacity",
    "entropy",
    "entropy_tables",
    "figures_read",
    "rho",
]

Floats = NDArray[np.float64]

EXPONENTS: Final = {"macs": 1.0, "activations": 0.75, "params": 0.25}
"""What the logarithm of each figure weighs in the capacity of a network."""

MAX_RHO: Final = 0.3
"""The default effectiveness limit: the stricter end of DeepMAD's 0.3 to 0.5."""

LAST_WEIGHT: Final = 8
"""Weight of the last stage in DeepMAD's score; the others have 1 (Shen et al. 2023)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Objective:
    """What networks are ranked by.

    Attributes:
        name: one of `OBJECTIVES`, or the name of a table's figure.
        most: whether the most of it is best, rather than the least.
        max_rho: upper limit of DeepMAD's effectiveness; with `entropy` alone.
    """

    name: str
    most: bool = True
    max_rho: float | None = None

    @property
    def whole(self) -> bool:
        """Whether it is a whole number, as every figure is."""
        return self.name not in (CAPACITY, ENTROPY)

    @classmethod
    def read(cls, text: str, *, max_rho: float = MAX_RHO, tables: tuple[str, ...] = ()) -> Objective:
        """An objective from `macs`, `most-macs` or `least-macs`; `peak-memory` may be written `peak_memory`.

        `tables` are the names of the figures that tables give (`Budget.names`).

        Raises:
            BudgetError: there is no such objective, or the limit is not a positive number.
        """
        side, _, name = text.replace("_", "-").partition("-")
        if side not in ("most", "least"):
            side, name = "most", text
        name = name.replace("-", "_")
        if name not in (*OBJECTIVES, *tables):
            known = as_options(*OBJECTIVES, *tables)
            raise BudgetError(f"unknown objective {text!r}; known: {known}, least-params and so on")
        if name in (CAPACITY, ENTROPY) and side == "least":
            raise BudgetError(f"least-{name} is not an objective; {name} puts the highest first")
        if name != ENTROPY:
            return cls(name=name, most=side == "most")
        if not (math.isfinite(max_rho) and max_rho > 0):
            raise BudgetError(f"max-rho must be above 0, not {max_rho}")
        return cls(name=name, max_rho=max_rho)

    @classmethod
    def read_figure(cls, text: str, *, option: str, tables: tuple[str, ...] = ()) -> Objective:
        """The same, but only what a budget can limit; `option` is named in the error.

        Raises:
            BudgetError: there is no such figure.
        """
        try:
            found = cls.read(text, tables=tables)
        except BudgetError:
            found = None
        if found is None or not found.whole:
            raise BudgetError(
                f"{option} must be {as_options(*FIGURES, *tables)}, or least-params and so on, not {text!r}"
            )
        return found


def capacity(spec: ArchSpec) -> float:
    """The capacity of a network: `log MACs + 3/4 log activations + 1/4 log parameters`, in nats.

    Within a budget this orders networks by accuracy better than any one figure, and far better than DeepMAD's
    entropy does; docs/budgets.md has the shares of pairs. The exponents hardly matter, so they are
    the mildest that do as well as any.

    >>> from archkit.spec import parse
    >>> round(capacity(parse("[4,4,3]x[64,128,256]")), 2)
    34.7
    """
    cost = totals(spec)._asdict()
    return sum(weight * math.log(cost[name]) for name, weight in EXPONENTS.items())


def figures_read(objective: Objective) -> tuple[str, ...]:
    """The figures that an objective is worked out from; none for the entropy, which reads the widths."""
    if objective.name == ENTROPY:
        return ()
    return tuple(EXPONENTS) if objective.name == CAPACITY else (objective.name,)


def _log_widths(nodes: Iterable[Node]) -> list[Any]:
    """The logarithm of `c_in / groups * K^2` for each conv on the main path; arrays for arrays of widths.

    Where kernels stand side by side, each sees its share of the channels, and K^2 is their mean.
    """
    convs = (layer for layer in main_path(nodes) if layer.kind in ("conv", "std_conv", "mix_conv"))
    return [np.log(_squared_kernel(conv) * (conv.in_shape[0] // conv.groups)) for conv in convs]


def _squared_kernel(conv: Layer) -> Any:
    if not conv.kernels:
        return math.prod(conv.window)
    n = len(conv.kernels)
    mean = sum(kernel**2 for kernel in conv.kernels) / n
    return mean / n if isinstance(conv.groups, int) and conv.groups == 1 else mean


def _stem_log_widths(spec: ArchSpec, nodes: Iterable[Node]) -> list[float]:
    """The same of the stem, without its pooling."""
    return [float(x) for x in _log_widths(nodes)[: len(spec.stem.widths)]]


def _conv_log_widths(spec: ArchSpec, outlined: Outline) -> list[list[float]]:
    """For each stage, the logarithms of the widths of all convs up to its end, the stem's among them."""
    found, sofar = [], _stem_log_widths(spec, outlined.stem)
    for n, stage in zip(spec.blocks, outlined.stages, strict=True):
        sofar = sofar + [float(x) for x in _log_widths(stage.first[0].nodes)]
        sofar = sofar + [float(x) for x in _log_widths(stage.other[0].nodes)] * (n - 1)
        found.append(sofar)
    return found


def entropy(spec: ArchSpec | str) -> float:
    """DeepMAD's score of a network (Shen et al. 2023, equations 2 and 8), in nats.

    `H = sum over stages s of a_s * log(C_s * H_s * W_s) * sum over convs up to the end of s of
    log(c_in / groups * K^2) / 2`, with a_s = 8 for the last stage and 1 for the others. C_s, H_s and
    W_s are what stage s puts out. Convs are the stem's and those of the blocks' residual branches;
    shortcuts, attention and the stem's pooling are not counted.
    """
    spec = as_spec(spec)
    outlined = outline(spec)
    score, last = 0.0, len(spec.blocks) - 1
    for i, logs in enumerate(_conv_log_widths(spec, outlined)):
        weight = LAST_WEIGHT if i == last else 1
        score += weight * math.log(math.prod(outlined.stages[i].out)) * sum(logs) / 2
    return score


def rho(spec: ArchSpec | str) -> float:
    """DeepMAD's effectiveness: the depth up to the end of a stage over the mean width, at its largest.

    `exp(log L - mean of log(c_in / groups * K^2))` over the first L convs, the same convs as in
    `entropy`. A network that is too deep for its widths passes no signal on (Roberts et al. 2022).
    """
    spec = as_spec(spec)
    return max(len(logs) / math.exp(sum(logs) / len(logs)) for logs in _conv_log_widths(spec, outline(spec)))


@dataclass(frozen=True, kw_only=True, slots=True)
class EntropyTables:
    """The same score for all networks of a skeleton. Legend: P, C widths of a stage before and here.

    Attributes:
        weight: a_s * log(C_s H_s W_s) of each stage, C.
        first: half the sum of the logarithms in each stage's first block, P x C.
        other: the same in a further block, C.
        widest: the greatest logarithm in a block of each stage, for each pair of widths, P x C.
        stem: half the sum of the logarithms in the stem.
        first_convs: how many convs the first block of each stage has.
        convs: how many a further block has.
        stem_convs: how many the stem has.
    """

    weight: tuple[Floats, ...]
    first: tuple[Floats, ...]
    other: tuple[Floats, ...]
    widest: tuple[Floats, ...]
    stem: float
    first_convs: tuple[int, ...]
    convs: tuple[int, ...]
    stem_convs: int


def entropy_tables(tables: SkeletonTables) -> EntropyTables:
    """The parts of the score."""
    like, outlined = tables.like, tables.outline()
    weight, first, other, widest = [], [], [], []
    first_convs, convs = [], []
    for i, stage in enumerate(outlined.stages):
        c = len(tables.stages[i].channels)
        pairs = (len(tables.stages[i - 1].channels) if i else 1, c)
        out, h, w = stage.out
        weight.append((LAST_WEIGHT if i == len(outlined.stages) - 1 else 1) * np.log(out * (h * w)))
        entering = [np.broadcast_to(x, pairs) for x in _log_widths(stage.first[0].nodes)]
        inside = [np.broadcast_to(x, (c,)) for x in _log_widths(stage.other[0].nodes)]
        first.append(sum(entering[1:], entering[0]) / 2)
        other.append(sum(inside[1:], inside[0]) / 2)
        widest.append(np.maximum(np.max(entering, axis=0), np.max(inside, axis=0)))
        first_convs.append(len(entering))
        convs.append(len(inside))
    stem = _stem_log_widths(like, outlined.stem)
    return EntropyTables(
        weight=tuple(weight),
        first=tuple(first),
        other=tuple(other),
        widest=tuple(widest),
        stem=sum(stem) / 2,
        first_convs=tuple(first_convs),
        convs=tuple(convs),
        stem_convs=len(stem),
    )
