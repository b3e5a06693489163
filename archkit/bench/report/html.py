"""`to_html`: the report as one page that needs nothing else: no network, no file beside it.

The tables are there without JavaScript; the charts are drawn by `page/page.js` from numbers in the page.
A content security policy in the page forbids it every request.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from string import Template
from typing import Any, Final

from archkit.bench.report.curves import METRICS, Comparison, best_of_each, comparisons, curve
from archkit.bench.report.groups import Section
from archkit.bench.report.names import data_text
from archkit.bench.report.rows import COLUMNS, Row, front, rows, shown

__all__ = ["to_html"]

_SAID: Final[dict[str, str]] = {
    "95% interval": "By Student's t, over seeds",
    "with flips": "Mean of the logits of an image and its mirror image",
    "validation": "Mean accuracy on the training images set apart, of the epochs that were kept",
    "paper": "What the 5M-parameter paper prints, the rows put right",
    "difference": "Points above the paper's figure",
    "correct": "Correct test images of each seed",
}
"""What a column's head says when pointed at."""


def to_html(sections: Iterable[Section], *, title: str) -> str:
    """The page.

    Args:
        sections: what it shows.
        title: its heading.
    """
    sections = tuple(sections)
    tables = [rows(section) for section in sections]
    data = {"sections": [_data(table) for table in tables]}
    body = "\n".join(_section(i, s, table) for i, (s, table) in enumerate(zip(sections, tables, strict=True)))
    # In a script element nothing is escaped and `</script>` ends it, so no `<` may stand there.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return Template(_file("page.html")).substitute(
        title=escape(title),
        style=_file("page.css"),
        script=_file("page.js"),
        body=body + "\n" + _foot(sections),
        data=text,
    )


def _file(name: str) -> str:
    return (resources.files(__package__) / "page" / name).read_text(encoding="utf-8")


def _data(table: Sequence[Row]) -> dict[str, Any]:
    """What the charts of a section are drawn from; accuracies in percent."""
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
    """What one of the charts of curves shows; a network has the colour that it has elsewhere."""
    own = [colours[at] for at in one.rows]
    distinct = len(set(own)) == len(own)
    return {
        "title": one.title,
        "names": one.names,
        "rows": one.rows,
        "colours": own if distinct else list(range(len(own))),
    }


def _shape(row: Row) -> str:
    """What rows of one mark have in common."""
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
        "mean": 100 * group.test.mean,
        "sd": None if group.test.sd is None else 100 * group.test.sd,
        "low": None if low is None else 100 * low,
        "high": None if high is None else 100 * high,
        "flip": None if group.flip is None else 100 * group.flip.mean,
        "paper": None if row.printed is None else row.printed.percent,
        "total": group.total,
        "curves": {
            name: None
            if one is None
            else {k: [_short(v) for v in getattr(one, k)] for k in ("mean", "low", "high")}
            for name, one in found.items()
        },
    }


def _short(value: float) -> float:
    """Five digits: more than a pixel shows, a third of the page's size."""
    return float(f"{value:.5g}")


def _section(number: int, section: Section, table: Sequence[Row]) -> str:
    name, _, sizes = data_text(section.data).partition(", ")
    parts = [
        f'<section>\n<h2>{escape(name)}</h2>\n<p class="soft">{escape(sizes)}</p>',
        '<div class="charts">',
    ]
    parts += [
        _figure(number, "scatter", f"Accuracy against {words}", f' data-x="{cost}"')
        for cost, words in (("params", "parameters"), ("macs", "multiply-accumulates"))
    ]
    if len(best_of_each(table)) > 1:
        parts.append(_figure(number, "bars", "Test accuracy, each network with its best recipe"))
    found = comparisons(table)
    for which, one in enumerate(found):
        parts.append(
            _figure(number, "curves", one.title, f' data-which="{which}"', select=_select(number, which))
        )
    parts.append("</div>")
    parts.append(_table(table))
    if any(row.printed is not None and row.printed.moved for row in table):
        parts.append('<p class="soft">* The paper\'s table has this figure in another row.</p>')
    parts.append("</section>")
    return "\n".join(parts)


def _figure(number: int, chart: str, caption: str, more: str = "", select: str = "") -> str:
    return (
        f'<figure data-chart="{chart}" data-section="{number}"{more}>\n'
        f"<figcaption>{escape(caption)}</figcaption>"
        f'{select}\n<div class="plot"></div>\n<ul class="legend"></ul>\n</figure>'
    )


def _select(number: int, which: int) -> str:
    name = f"metric-{number}-{which}"
    options = "".join(f"<option>{metric}</option>" for metric in METRICS)
    return f'\n<label for="{name}">Show</label> <select id="{name}">{options}</select>'


def _table(table: Sequence[Row]) -> str:
    heads = []
    columns = shown(table)
    for name in (COLUMNS[at] for at in columns):
        kind = "text" if name in ("network", "recipe") else "number"
        said = f' title="{escape(_SAID[name])}"' if name in _SAID else ""
        heads.append(
            f'<th scope="col" data-kind="{kind}"{said}><button type="button">{escape(name)}</button></th>'
        )
    lines = []
    for row in table:
        cells = []
        texts, values = row.cells(), _values(row)
        for at in columns:
            tag, scope = ("th", ' scope="row"') if at == 0 else ("td", "")
            text = _breakable(texts[at])
            if at == 0 and row.network != row.group.spec:
                text += f'<br><span class="soft">{_breakable(row.group.spec)}</span>'
            cells.append(f'<{tag}{scope} data-value="{escape(values[at])}">{text}</{tag}>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    body = "\n".join(lines)
    return (
        '<div class="scroll" role="region" aria-label="Results" tabindex="0">\n<table class="sortable">\n'
        f"<thead><tr>{''.join(heads)}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>"
        '\n<p class="soft">Accuracies in percent of the test images. A head sorts the table.</p>'
    )


def _breakable(text: str) -> str:
    """Text in HTML; a long list of a spec may be broken before its channels."""
    return escape(text).replace("]x[", "]x<wbr>[")


def _values(row: Row) -> tuple[str, ...]:
    """What each of a row's cells is sorted by; empty for no figure."""
    test, flip, apart = row.group.test, row.group.flip, row.group.validation
    numbers = (
        test.n,
        test.mean,
        test.sd,
        None if test.interval is None else test.interval[0],
        None if flip is None else flip.mean,
        None if apart is None else apart.mean,
        None if row.printed is None else row.printed.percent,
        row.difference,
        row.group.params,
        row.group.macs,
        max(row.group.correct),
    )
    return (row.network, row.recipe, *("" if n is None else repr(n) for n in numbers))


def _foot(sections: Sequence[Section]) -> str:
    """Which devices and versions trained what is shown."""
    results = [run.result for s in sections for group in s.groups for run in group.runs]
    devices = sorted({f"{r.environment.device} ({r.environment.precision})" for r in results})
    versions = sorted({f"archkit {r.environment.archkit}, torch {r.environment.torch}" for r in results})
    hours = sum(r.train_seconds for r in results) / 3600
    return (
        f'<p class="soft">{len(results):,} runs, {hours:,.2f} hours of training;'
        f" {escape('; '.join(devices))}; {escape('; '.join(versions))}.</p>"
        "\n<noscript><p>The charts need JavaScript; the tables do not.</p></noscript>"
    )
