"""`crosscheck`: compares what other counters report with what was predicted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from archkit.count.tools import Tool, predict
from archkit.errors import ToolError
from archkit.nn.counters import ask, ask_apart, version
from archkit.nn.network import build
from archkit.plan import layout
from archkit.spec import ArchSpec, as_spec

__all__ = ["APART", "ASKED", "Comparison", "ToolCheck", "crosscheck"]

ASKED: Final = tuple(tool for tool in Tool if tool not in (Tool.pycls, Tool.keras))
"""The tools that can be asked about a module; pycls and Keras count networks that they build themselves."""

APART: Final = frozenset({Tool.calflops, Tool.deepspeed})
"""They replace functions of torch while they count, and after an error leave some replaced."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A figure for one image, under the tool's name for it, as predicted and as reported."""

    quantity: str
    predicted: int
    reported: int

    @property
    def difference(self) -> int:
        """Reported less predicted."""
        return self.reported - self.predicted


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCheck:
    """A tool, and how its figures compare.

    Attributes:
        tool: the tool.
        version: its installed version. None where it is not installed; there are no comparisons then.
        comparisons: one for each of its figures.
        failure: why it gave no figures although it is installed, or None.
    """

    tool: Tool
    version: str | None
    comparisons: tuple[Comparison, ...] = ()
    failure: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether there is no difference and no failure."""
        return self.failure is None and not any(c.difference for c in self.comparisons)


def crosscheck(spec: ArchSpec | str, *, tools: Iterable[Tool] = ASKED) -> tuple[ToolCheck, ...]:
    """Builds the network anew for each tool, asks the tool, and compares with `predict`.

    >>> from archkit.spec import parse
    >>> (check,) = crosscheck(parse("[1,1]x[8,16]"), tools=[Tool.torch])
    >>> check.comparisons[0]
    Comparison(quantity='flops', predicted=4636992, reported=4636992)

    Args:
        spec: the network.
        tools: those to ask, among `ASKED`.
    """
    found = as_spec(spec)
    return tuple(_check(found, tool) for tool in tools)


def _check(spec: ArchSpec, tool: Tool) -> ToolCheck:
    installed = version(tool)
    if installed is None:
        return ToolCheck(tool=tool, version=None)
    predicted = {p.quantity: p.total for p in predict(layout(spec), tool)}
    try:
        if tool in APART:
            (reported,) = ask_apart(tool, [spec])
        else:
            reported = ask(tool, partial(build, spec), spec.input)
    except ToolError as error:
        return ToolCheck(tool=tool, version=installed, failure=str(error))
    return ToolCheck(
        tool=tool,
        version=installed,
        comparisons=tuple(
            Comparison(quantity=quantity, predicted=figure, reported=reported[quantity])
            for quantity, figure in predicted.items()
        ),
    )
