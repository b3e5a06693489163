"""`write_figures`: the report's charts as files, drawn with matplotlib."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from archkit.bench.report.curves import best_of_each, comparisons, curve
from archkit.bench.report.groups import Section
from archkit.bench.report.names import data_text
from archkit.bench.report.rows import Row, front, rows
from archkit.errors import OutputError, RunError
from archkit.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Format", "write_figures"]

Format: TypeAlias = Literal["svg", "png"]

# A colour for each line or network. Most people with colour blindness can tell them apart (Okabe and Ito).
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8a6d3b")
_MARKS: Final = ("o", "s", "^", "D", "P")
# Text in an SVG stays text, and the same report gives the same bytes.
_STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "archkit",
    "font.size": 10,
    "axes.grid": True,
}


def write_figures(sections: Iterable[Section], folder: Path, kind: Format) -> tuple[Path, ...]:
    """Writes the charts of each section; from the second section on, file names end in its number.

    The charts are `accuracy-params` and `accuracy-macs`; `networks` if there are at least two; and a
    `curves-N` for each of `archkit.bench.report.curves.comparisons`.

    Args:
        sections: what to show.
        folder: made if it is not there; files with the same names are replaced.
        kind: `svg` or `png`.

    Returns:
        The files that were written.

    Raises:
        RunError: matplotlib is not installed.
        OutputError: a file cannot be written.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise RunError("figures need the package matplotlib: pip install matplotlib") from error
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(_STYLE):
            for number, section in enumerate(sections, 1):
                for name, figure in _figures(section):
                    path = folder / f"{name}{'' if number == 1 else f'-{number}'}.{kind}"
                    # Without a date, the same report gives the same file.
                    metadata = {"Date": None} if kind == "svg" else None
                    with replacing(path) as new:
                        figure.savefig(new, format=kind, dpi=200, bbox_inches="tight", metadata=metadata)
                    written.append(path)
    except OSError as error:
        raise OutputError(f"cannot write {error.filename or folder}: {error.strerror or error}") from error
    return tuple(written)


def _figures(section: Section) -> Iterable[tuple[str, Figure]]:
    table, data = rows(section), data_text(section.data).partition(", checksum")[0]
    networks = list(dict.fromkeys(row.network for row in table))
    colours = [networks.index(row.network) for row in table]  # a network has one colour in all figures
    yield "accuracy-params", _scatter(table, [r.group.params for r in table], "parameters", data)
    yield "accuracy-macs", _scatter(table, [r.group.macs for r in table], "MACs for one image", data)
    best = best_of_each(table)
    if len(best) > 1:
        yield "networks", _bars([table[at] for at in best], [colours[at] for at in best], data)
    for number, compared in enumerate(comparisons(table), 1):
        figure, axes = _new(compared.title, data)
        own = [colours[index] for index in compared.rows]
        lines = own if len(set(own)) == len(own) else range(len(own))  # one network's lines need several
        for place, (name, index) in enumerate(zip(compared.names, compared.rows, strict=True)):
            at = lines[place]
            line = curve(table[index].group, "training loss")
            if line is None:  # every epoch has a training loss
                continue
            epochs = range(1, len(line.mean) + 1)
            colour = _COLOURS[at % len(_COLOURS)]
            dashes = ("-", "--", ":", "-.")[at // len(_COLOURS) % 4]
            axes.plot(epochs, line.mean, color=colour, linestyle=dashes, label=name)
            axes.fill_between(epochs, line.low, line.high, color=colour, alpha=0.15, linewidth=0)
        axes.set(xlabel="epoch", ylabel="training loss")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(fontsize="small", frameon=False)
        yield f"curves-{number}", figure


def _new(title: str, data: str, *, height: float = 4.2) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, height))
    axes = figure.subplots()
    axes.set_title(f"{title}\n{data}", fontsize="medium", loc="left")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _scatter(table: Sequence[Row], costs: Sequence[int], words: str, data: str) -> Figure:
    from matplotlib.ticker import EngFormatter, LogLocator

    figure, axes = _new(f"Accuracy against {words}", data)
    networks = list(dict.fromkeys(row.network for row in table))
    optimizers = list(dict.fromkeys(row.group.recipe.optimizer.name for row in table))
    means = [100 * row.group.test.mean for row in table]
    shown = front(costs, means)
    ends = [*(costs[at] for at in shown), max(costs)]
    axes.step(
        ends,
        [*(means[at] for at in shown), means[shown[-1]]],
        where="post",
        color="#444444",
        linestyle=":",
        label="Pareto front",
    )
    labelled: set[str] = set()
    for row, cost, mean in zip(table, costs, means, strict=True):
        axes.errorbar(
            cost,
            mean,
            yerr=_ends(row),
            color=_COLOURS[networks.index(row.network) % len(_COLOURS)],
            marker=_MARKS[optimizers.index(row.group.recipe.optimizer.name) % len(_MARKS)],
            markersize=6,
            linestyle="none",
            capsize=2,
            label=None if row.network in labelled else row.network,
        )
        labelled.add(row.network)
    axes.set_ylim(_axis(table, means))
    axes.set_xscale("log")
    axes.set(xlabel=words, ylabel="test accuracy, %")
    for of, subs in ((axes.xaxis.set_major_locator, (1, 2, 5)), (axes.xaxis.set_minor_locator, (1,))):
        of(LogLocator(subs=subs, numticks=50))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.legend(
        fontsize="small", loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0, frameon=False
    )
    return figure


def _bars(table: Sequence[Row], colours: Sequence[int], data: str) -> Figure:
    figure, axes = _new("Networks, each with its best recipe", data, height=1.6 + 0.45 * len(table))
    for at, row in enumerate(table):
        place = len(table) - at
        axes.errorbar(
            100 * row.group.test.mean,
            place,
            xerr=_ends(row),
            color=_COLOURS[colours[at] % len(_COLOURS)],
            marker="o",
            capsize=2,
        )
        if row.printed is not None:
            axes.plot(row.printed.percent, place, color="#000000", marker="|", markersize=14)
    axes.set_yticks(
        range(len(table), 0, -1), [f"{row.network}\n{row.recipe}" for row in table], fontsize="small"
    )
    axes.set_ylim(0.4, len(table) + 0.6)
    printed = [row.printed.percent for row in table if row.printed is not None]
    axes.set_xlim(_axis(table, [*(100 * row.group.test.mean for row in table), *printed]))
    axes.set(xlabel="test accuracy, % (a bar: what the paper prints)")
    return figure


def _ends(row: Row) -> list[list[float]] | None:
    """How far the 95% interval reaches below and above the mean, in points; None for a single run."""
    test = row.group.test
    if test.interval is None:
        return None
    return [[100 * (test.mean - test.interval[0])], [100 * (test.interval[1] - test.mean)]]


def _axis(table: Sequence[Row], points: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis of accuracies: the points, and intervals as far as the points lie apart again.

    A wide interval is cut off at the frame; it would squeeze everything else.
    """
    low, high = min(points), max(points)
    room = max(1.0, high - low)
    known = [row.group.test.interval for row in table if row.group.test.interval is not None]
    bottom = min([low, *(max(100 * one[0], low - room) for one in known)])
    top = max([high, *(min(100 * one[1], high + room) for one in known)])
    margin = 0.05 * (top - bottom) or 0.5
    return bottom - margin, top + margin
