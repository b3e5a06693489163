"""`to_html`: an exploration as one page that needs nothing else: no network, and no file beside it.

`page/page.html` is the template, on the base of `archkit.pages`. The chart is Vega's, whose scripts the
package vl-convert brings; they are written into the page, and run without `eval`, which the page's policy
forbids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from archkit.count.metrics import CAPACITY, ENTROPY
from archkit.drawing.small import small, with_gaps
from archkit.drawing.view import view
from archkit.explore.exploration import Exploration, Watch
from archkit.explore.points import KINDS
from archkit.pages import own_text, render

__all__ = ["to_html"]

_TITLES: Final = {
    "params": "parameters",
    "macs": "MACs",
    "activations": "activations",
    "depth": "depth",
    "training_memory": "training memory, bytes",
    "peak_memory": "peak memory, bytes",
    CAPACITY: "capacity",
    ENTROPY: "entropy",
}
_ACCURACY: Final = "test accuracy, %"
_LINEAR: Final = frozenset({"depth", CAPACITY, ENTROPY})  # the others are on a logarithmic axis at first
_SCRIPTS: Final = ("chart.js", "pointer.js", "panel.js", "page.js")
_DIGITS: Final = 6  # of an objective


def to_html(found: Exploration, *, title: str, watch: Watch | None = None) -> str:
    """The page.

    Args:
        found: what it shows.
        title: its heading.
        watch: is told how many drawings are made.

    Raises:
        ModuleNotFoundError: vl-convert, which brings Vega, is not installed.
    """
    vega = _vega()
    return render(
        __package__,
        data=_data(found, watch),
        styles=("page.css",),
        scripts=(vega, *(own_text(__package__, "page", name) for name in _SCRIPTS)),
        title=title,
        space=str(found.space),
        limits=_limits(found),
        fit=f"{found.fit:,}",
        drawn=f"{found.drawn:,}",
        notes=found.notes,
        lines=[found.budget.words(line.figure) for line in found.lines],
    )


@cache
def _vega() -> str:
    """Vega and its embedding as one script, from inside the installed package."""
    from vl_convert import javascript_bundle

    bundle: Callable[..., str] = javascript_bundle  # its stub has it that something must be given
    return bundle()


def _limits(found: Exploration) -> str:
    """The limits in words."""
    said = [
        f"at {'most' if end.upper else 'least'} {found.budget.amount(end.figure, end.value):,} "
        f"{found.budget.words(end.figure)}"
        for end in found.budget.ends()
    ]
    return ", ".join(said) or "no limit"


def _data(found: Exploration, watch: Watch | None) -> dict[str, Any]:
    """What the scripts read. Counts are texts: they may have more digits than a number of JavaScript."""
    points = found.points
    columns = [_column(found, name) for name in found.figures]
    if any(one.accuracy is not None for one in points):
        accuracies = [None if one.accuracy is None else round(one.accuracy, 4) for one in points]
        columns.append({"title": _ACCURACY, "log": False, "whole": False, "values": accuracies})
    pictures = with_gaps(_pictures([one.spec for one in points], watch))
    kinds = list(KINDS)
    return {
        "columns": columns,
        "specs": [one.spec for one in points],
        "kinds": [{"name": name, "label": label} for name, label in KINDS.items()],
        "kind": [kinds.index(one.kind) for one in points],
        "notes": {str(at): list(one.notes) for at, one in enumerate(points) if one.notes},
        "lines": [
            {
                "column": found.figures.index(line.figure),
                "stops": [float(found.budget.amount(line.figure, stop)) for stop in line.stops],
                "words": found.budget.words(line.figure),
                "given": line.given,
            }
            for line in found.lines
        ],
        "counts": [str(count) for count in found.counts],
        "drawn": found.drawn,
        "draws": [found.draws.get(one.spec, 0) for one in points],
        "best": found.figures.index(found.objective.name),
        "most": found.objective.most,
        "pictures": {"texts": pictures.texts, "numbers": pictures.numbers},
    }


def _column(found: Exploration, name: str) -> dict[str, Any]:
    values = [cost[name] for cost in found.costs]
    whole = all(value is None or float(value).is_integer() for value in values)
    return {
        "title": _TITLES.get(name) or found.budget.words(name),
        "log": name not in _LINEAR,
        "whole": whole,
        "values": [_short(value, whole=whole) for value in values],
    }


def _short(value: float | None, *, whole: bool) -> float | None:
    return value if value is None else int(value) if whole else float(f"{value:.{_DIGITS}g}")


def _pictures(specs: Sequence[str], watch: Watch | None) -> list[str]:
    made: list[str] = []
    for done, spec in enumerate(specs):
        made.append(small(view(spec)))
        if watch is not None and not done % 100:
            watch("drawing the networks", done, len(specs))
    return made
