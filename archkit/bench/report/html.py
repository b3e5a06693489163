"""`to_html`: the report as one page that needs nothing else: no network, and no file beside it.

`page/page.html` is the template, on the base of `archkit.pages`. The tables can be read without JavaScript;
`page/*.js` draws the charts from numbers in the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from archkit.bench.report.curves import METRICS, Comparison, best_of_each, comparisons, curve
from archkit.bench.report.groups import Section
from archkit.bench.report.names import data_text
from archkit.bench.report.rows import COLUMNS, Row, front, in_order, rows, shown
from archkit.pages import own_text, render

__all__ = ["to_html"]

_HINTS: Final[dict[str, str]] = {
    "95% interval": "By Student's t, over seeds",
    "with flips": "Mean of the logits of an image and its mirror image",
    "six views": "Mean of the logits of an image, of two that are moved by a pixel, and their mirror images",
    "validation": "Mean accuracy on the training images set apart, in the epochs that were kept",
    "paper": "What the 5M-parameter paper prints, with its rows corrected",
    "difference": "Points above the paper's figure",
    "correct": "Correct test images of each seed",
}
"""What a column's head says when someone points at it."""

_DECIMALS: Final = 10  # of a figure that nobody sees whole


def to_html(sections: Iterable[Section], *, title: str) -> str:
    """The page.

    Args:
        sections: what it shows.
        title: its heading.
    """
    sections = tuple(sections)
    tables = [rows(section) for section in sections]
    # The marks are drawn, and the colours given, in the order of the folders.
    data = {"sections": [_data(tuple(in_order(section))) for section in sections]}
    return render(
        __package__,
        data=data,
        styles=("page.css",),
        scripts=tuple(own_text(__package__, "page", name) for name in ("drawing.js", "page.js")),
        title=title,
        sections=[_section(section, table) for section, table in zip(sections, tables, strict=True)],
        metrics=tuple(METRICS),
        foot=_foot(sections),
    )


def _data(table: Sequence[Row]) -> dict[str, Any]:
    """The numbers from which the charts of a section are drawn; accuracies in percent."""
    networks = list(dict.fromkeys(row.network for row in table))
    shapes = list(dict.fromkeys(_shape(row) for row in table))
    means = [row.group.test.mean for row in table]
    return {
        "networks": networks,
        "shapes": shapes,
        "rows": [_row(row, networks.index(row.network), shapes.index(_shape(row))) for row in table],
        "front": {
            "params": front([row.group.params for row in table], means),
            "macs": front([row.group.macs for row in table], means),
        },
        "best": best_of_each(table),
        "comparisons": [
            _comparison(c, [networks.index(row.network) for row in table]) for c in comparisons(table)
        ],
    }


def _comparison(one: Comparison, colours: Sequence[int]) -> dict[str, Any]:
    """What one of the charts of curves shows; a network has the colour that it has in the other charts."""
    own = [colours[at] for at in one.rows]
    distinct = len(set(own)) == len(own)
    return {
        "title": one.title,
        "names": one.names,
        "rows": one.rows,
        "colours": own if distinct else list(range(len(own))),
    }


def _shape(row: Row) -> str:
    """What the rows with the same mark have in common."""
    return f"{row.group.recipe.name}, {row.group.recipe.optimizer.name}"


def _row(row: Row, colour: int, shape: int) -> dict[str, Any]:
    group = row.group
    low, high = group.test.interval if group.test.interval is not None else (None, None)
    found = {name: curve(group, name) for name in METRICS}
    return {
        "network": row.network,
        "spec": group.spec,
        "recipe": row.recipe,
        "colour": colour,
        "shape": shape,
        "params": group.params,
        "macs": group.macs,
        "n": group.test.n,
        "mean": _points(group.test.mean),
        "sd": _points(group.test.sd),
        "low": _points(low),
        "high": _points(high),
        "flip": None if group.flip is None else _points(group.flip.mean),
        "paper": None if row.printed is None else row.printed.percent,
        "total": group.total,
        "curves": {
            name: None
            if one is None
            else {k: [_short(v) for v in getattr(one, k)] for k in ("mean", "low", "high")}
            for name, one in found.items()
        },
    }


def _points(share: float | None) -> float | None:
    """A share in points, without the last bits, in which machines differ."""
    return None if share is None else round(100 * share, _DECIMALS)


def _short(value: float) -> float:
    """Five digits: more than a pixel can show, and a third of the page's size."""
    return float(f"{value:.5g}")


def _section(section: Section, table: Sequence[Row]) -> dict[str, Any]:
    """What the template writes of a section."""
    name, _, sizes = data_text(section.data).partition(", ")
    columns = shown(table)
    texts = [row.cells() for row in table]
    values = [_values(row) for row in table]
    return {
        "name": name,
        "sizes": sizes,
        "has_bars": len(best_of_each(table)) > 1,
        "comparisons": [one.title for one in comparisons(table)],
        "heads": [
            {
                "name": head,
                "kind": "text" if head in ("network", "recipe") else "number",
                "hint": _HINTS.get(head),
            }
            for head in (COLUMNS[at] for at in columns)
        ],
        "rows": [
            {
                "spec": None if row.network == row.group.spec else row.group.spec,
                "cells": [(cells[at], sorting[at]) for at in columns],
            }
            for row, cells, sorting in zip(table, texts, values, strict=True)
        ],
        "has_moved": any(row.printed is not None and row.printed.moved for row in table),
    }


def _values(row: Row) -> tuple[str, ...]:
    """What each of a row's cells is sorted by; an empty text for no figure."""
    test, flip, six = row.group.test, row.group.flip, row.group.six
    apart = row.group.validation
    numbers = (
        test.n,
        test.mean,
        test.sd,
        None if test.interval is None else test.interval[0],
        None if flip is None else flip.mean,
        None if six is None else six.mean,
        None if apart is None else apart.mean,
        None if row.printed is None else row.printed.percent,
        row.difference,
        row.group.params,
        row.group.macs,
        max(row.group.correct),
    )
    return (row.network, row.recipe, *("" if n is None else repr(round(n, _DECIMALS)) for n in numbers))


def _foot(sections: Sequence[Section]) -> str:
    """Which devices and versions the runs were trained with."""
    results = [run.result for s in sections for group in s.groups for run in group.runs]
    devices = sorted({f"{r.environment.device} ({r.environment.precision})" for r in results})
    versions = sorted({f"archkit {r.environment.archkit}, torch {r.environment.torch}" for r in results})
    hours = sum(r.train_seconds for r in results) / 3600
    return (
        f"{len(results):,} runs, {hours:,.2f} hours of training; {'; '.join(devices)}; {'; '.join(versions)}."
    )
