"""A drawing in the terminal: what the picture shows, in lines of fewer than 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from archkit.drawing.rows import Bar, Join, Split
from archkit.drawing.view import METRICS, shape_text, share

if TYPE_CHECKING:
    from rich.text import Text

    from archkit.drawing.rows import Row
    from archkit.drawing.view import NetworkView, PartView, Run

__all__ = ["drawn"]

_COLUMNS: Final = 79
_WIDTH: Final = 8  # columns of the widest layer
_LEAST: Final = 4  # columns of a bar
_WORDS: Final = {"params": "parameters", "macs": "MACs", "memory": "memory"}
_STYLES: Final = {"params": "blue", "macs": "dark_orange3", "memory": "green"}
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"


def drawn(views: Sequence[NetworkView]) -> Iterator[Text]:
    """The lines of some networks, below each other and on one scale."""
    from rich.text import Text

    scale = _Scale(views)
    for i, one in enumerate(views):
        if i:
            yield Text()
        yield from (Text(line, style="bold") for line in _folded(one.name))
        if one.name != str(one.spec):
            yield from (Text(line, style="dim") for line in _folded(str(one.spec)))
        for metric, unit in (("params", "parameters"), ("macs", "MACs"), ("memory", "bytes of memory")):
            yield Text(f"{getattr(one.total, metric):,} {unit}", style=_STYLES[metric])
        yield Text(f"  ↓ {shape_text(one.spec.input)}", style="dim")
        for part in one.parts:
            blocks = f", {part.blocks:,} block{'s' * (part.blocks > 1)}" if part.blocks else ""
            yield Text.assemble((part.name, "bold"), blocks)
            yield from _part(part, one, scale)
            yield Text(f"  ↓ {shape_text(part.out)}", style="dim")
    yield Text()
    full = "the network" if len(views) == 1 else "the network that has most"
    yield Text(f"A full bar on the right is all of {full}.", style="dim")
    yield Text("Memory is what training keeps of one image in float32.", style="dim")
    yield Text("/2: stride 2; g32: 32 groups; dw: depthwise; d2: dilation 2.", style="dim")


def _folded(text: str) -> list[str]:
    return wrap(text, _COLUMNS, break_on_hyphens=False)


class _Scale:
    """What the networks share: the widths of the columns, and how much a full bar is."""

    def __init__(self, views: Sequence[NetworkView]) -> None:
        parts = [part for one in views for part in one.parts]
        lines = [text for part in parts for run in part.runs for text in _lines(run, part.blocks > 0, 1)]
        self.widest = max(one.widest for one in views)
        self.left = max(len(text) for text in lines) + 1
        self.figure = max(len(_figure(part, metric)) for part in parts for metric in METRICS)
        self.most = {metric: max(getattr(one.total, metric) for one in views) or 1 for metric in METRICS}
        self.bar = max(_LEAST, _COLUMNS - self.left - len("parameters ") - self.figure - len(" <0.1% "))


def _figure(part: PartView, metric: str) -> str:
    return f"{getattr(part.figures, metric):,}" + " B" * (metric == "memory")


def _part(part: PartView, network: NetworkView, scale: _Scale) -> Iterator[Text]:
    from rich.text import Text

    left = [text for run in part.runs for text in _lines(run, part.blocks > 0, scale.widest)]
    for text, metric in zip_longest(left, METRICS, fillvalue=""):
        line = Text(text.ljust(scale.left) if metric else text)
        if metric:
            value = getattr(part.figures, metric)
            line.append(f"{_WORDS[metric]:<11}", style="dim")
            line.append(_figure(part, metric).rjust(scale.figure))
            line.append(share(value, getattr(network.total, metric)).rjust(6) + " ", style="bold")
            line.append(_bar(value, scale.most[metric], scale.bar), style=_STYLES[metric])
        yield line


def _bar(value: int, most: int, columns: int) -> str:
    """A bar to an eighth of a column; whatever is not 0 is seen."""
    eighths = min(8 * columns, max(8 * columns * value // most, 1 if value else 0))
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def _lines(run: Run, may_add: bool, widest: int) -> list[str]:
    """A block: its shortcuts as brackets, its layers with their widths to scale, how often it is there."""
    depth = max((row.depth + 1 for row in run.rows if isinstance(row, Join)), default=1)
    lanes, found = [" "] * depth, list[str]()
    for row in run.rows:
        if isinstance(row, Split):
            lanes[depth - 1 - row.depth] = "┌"
            continue
        for i, label in enumerate(_labels(row)):
            if isinstance(row, Join):
                lane = depth - 1 - row.depth
                lanes[lane] = "└" if i == 0 else " "
            found.append(f"{''.join(lanes)} {_wide(row, widest) if i == 0 else ' ' * _WIDTH} {label}")
            lanes = [{"┌": "│", "└": " "}.get(one, one) for one in lanes]
    if may_add and not any(isinstance(row, Join) for row in run.rows):
        found.append(f"{' ' * (depth + _WIDTH + 2)}no shortcut")
    if run.times > 1:
        found[-1] += f"  x {run.times:,}"
    return found


def _labels(row: Row) -> tuple[str, ...]:
    return (row.label,) if isinstance(row, Bar) else row.labels if isinstance(row, Join) else ()


def _wide(row: Row, widest: int) -> str:
    return (_bar(row.width, widest, _WIDTH) if isinstance(row, Bar) else "").ljust(_WIDTH)
