"""`Known`: an architecture that has a name; and what the texts of such architectures are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from math import ceil
from typing import NamedTuple

from archkit.blocks.widths import divisible

__all__ = [
    "IMAGENET",
    "TF",
    "TIMM",
    "Known",
    "Run",
    "blocks_and_options",
    "deepened",
    "runs_of",
    "scaled",
    "stem_option",
    "widened",
]

IMAGENET = "input=3x224x224 classes=1000"

TF = "norm=batch-tf padding=same"
"""What the weights that were trained with TensorFlow need: its epsilon and its padding."""

TIMM = "timm, models/efficientnet.py"
"""The source of what was published nowhere else."""


_NUMBERS = ("stride", "kernel", "group_width", "start", "middle", "mix")  # of the fields of a run


class Known(NamedTuple):
    """A name, the spec it stands for, and where the architecture was published."""

    name: str
    spec: str
    source: str


class Run(NamedTuple):
    """Blocks one behind another that are alike: a stage. Sources list these as rows of a table."""

    n: int
    c: int
    stride: int = 1
    expand: str = "6"
    kernel: int = 3
    se: str = "none"
    act: str = "relu"
    block: str = "mbconv"
    group_width: int = 0
    skip: str = "yes"
    start: int = 0
    middle: int = 3
    mix: int = 1
    split: str = "none"


def scaled(channels: int, times: str, by: int = 8) -> int:
    """Channels times a decimal number, rounded as the authors of MobileNet and EfficientNet do."""
    return channels * int(times) if "." not in times else divisible(channels, *ratio(times), by)


def deepened(runs: Iterable[Run], times: str, *, ends: bool = True) -> tuple[Run, ...]:
    """Runs of so many times as many blocks, rounded up; the first and the last run too if `ends` says so."""
    rows = tuple(runs)
    kept = () if ends else (0, len(rows) - 1)
    return tuple(
        run if i in kept else run._replace(n=ceil(run.n * Decimal(times))) for i, run in enumerate(rows)
    )


def ratio(times: str) -> tuple[int, int]:
    """A decimal number as a fraction."""
    return Decimal(times).as_integer_ratio()


def blocks_and_options(runs: Sequence[Run], *options: str) -> str:
    """The text of some runs, with what is at its default left out."""
    n = len(runs)
    defaults = {
        "block": ("basic",) * n,
        "kernel": (3,) * n,
        "stride": (1, *(2,) * (n - 1)),
        "se": ("none",) * n,
        "expand": ("1", *("6",) * (n - 1)),
        "group_width": (0,) * n,
        "mix": (1,) * n,
        "split": ("none",) * n,
        "act": ("relu",) * n,
        "skip": ("yes",) * n,
        "start": (0,) * n,
        "middle": (3,) * n,
    }
    parts = [f"[{_list(run.n for run in runs)}]x[{_list(run.c for run in runs)}]"]
    for key, default in defaults.items():
        values = tuple(getattr(run, key) for run in runs)
        if values == default or (key == "expand" and all(run.block == "depthwise" for run in runs)):
            continue
        alike = len(set(values)) == 1 and key != "stride"
        parts.append(f"{key}={values[0]}" if alike else f"{key}=[{_list(values)}]")
    return " ".join((*parts, *(option for option in options if option), IMAGENET))


def runs_of(rows: str, **common: str) -> tuple[Run, ...]:
    """Runs from the rows of a table: `2x24 s2 k5 e4`, with what the rows have in common given once.

    Letters: s stride, k kernel, e expansion, q squeeze-and-excitation, a activation, b block, g group width,
    m kernels side by side, p split 1x1 convs, j whether what enters is added ("jno"), f and d the kernels of
    the first and of the middle depthwise conv.
    """
    keys = {"s": "stride", "k": "kernel", "e": "expand", "q": "se", "a": "act", "b": "block"}
    keys |= {"g": "group_width", "m": "mix", "p": "split", "j": "skip", "f": "start", "d": "middle"}
    found = []
    for row in rows.split(","):
        size, *options = row.split()
        n, c = map(int, size.split("x"))
        given = {**common, **{keys[option[0]]: option[1:] for option in options}}
        numbers = {key: int(given.pop(key)) for key in _NUMBERS if key in given}
        found.append(Run(n, c, **numbers, **given))  # type: ignore[arg-type]  # the numbers are among them
    return tuple(found)


def widened(runs: Iterable[Run], times: str, by: int = 8) -> tuple[Run, ...]:
    """Runs of so many times as many channels, rounded as `scaled` does."""
    return tuple(run._replace(c=scaled(run.c, times, by)) for run in runs)


def stem_option(width: int, kind: str = "conv3s2") -> str:
    """The option of a stem, whose default width is 32."""
    return f"stem={kind}" if (kind, width) == ("conv3s2", 32) else f"stem={kind}:{width}"


def _list(values: Iterable[object]) -> str:
    return ",".join(map(str, values))
