"""`read_tables`: the tables of a Markdown page or a CSV file that have networks and figures in them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Final, NamedTuple

from archkit.count.reconcile import Quantity
from archkit.errors import DataError

__all__ = ["Cell", "Table", "read_tables"]

_NAMES: Final = re.compile(
    r"model|network|architecture|\barch\b|\bweights?\b|backbone|\bname\b|\bspec\b", re.IGNORECASE
)
_NOTATION: Final = re.compile(r"blocks\s*(?:x|\u00d7)\s*channels|notation", re.IGNORECASE)
_PARAMS: Final = re.compile(r"param", re.IGNORECASE)
# FLOPs/2 are MACs.
_MACS: Final = re.compile(r"\b[gm]?macs?\b|madds|mult.?adds?|flops?\s*/\s*2", re.IGNORECASE)
_FLOPS: Final = re.compile(r"flop", re.IGNORECASE)
# A unit in a column's head: Params (M), FLOPs [G]; GFLOPS, MMACs.
_UNIT: Final = re.compile(r"[(\[]\s*([kmgb])[a-z]*\s*[)\]]|\b([gm])(?:flop|mac)", re.IGNORECASE)
_RULE: Final = re.compile(r"^[\s|:-]*-[\s|:-]*$")
_SPLIT: Final = re.compile(r"(?<!\\)\|")
_LINK: Final = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_TAG: Final = re.compile(r"<[^>]+>")
_NUMBER: Final = re.compile(r"[0-9][0-9,_.]*")


class Cell(NamedTuple):
    """A figure of a table.

    line: of the file.
    name: the network, as it is written there.
    column: the head of the column.
    text: as it is printed.
    figure: the same with the unit that the column's head or its kind gives it.
    quantity: what the column counts.
    """

    line: int
    name: str
    column: str
    text: str
    figure: str
    quantity: Quantity


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table: its heads, and its rows with the line that each stands on."""

    heads: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def cells(self) -> Iterator[Cell]:
        """Its figures, row by row."""
        found = (_first(self.heads, wanted) for wanted in (_NAMES, _NOTATION))
        names = next((at for at in found if at is not None), None)
        counted = [(at, quantity) for at, head in enumerate(self.heads) if (quantity := _quantity(head))]
        if names is None:
            return
        for line, row in self.rows:
            for at, quantity in counted:
                if at < len(row) and names < len(row) and _NUMBER.match(row[at]):
                    figure = _figure(row[at], self.heads[at], quantity)
                    yield Cell(line, row[names], self.heads[at], row[at], figure, quantity)


def read_tables(path: Path) -> tuple[Table, ...]:
    """The tables of a file: one of a CSV, those with a rule under their heads of a Markdown page.

    Raises:
        DataError: the file cannot be read, or ends in something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8") from error
    if path.suffix.lower() == ".csv":
        return tuple(_of_csv(text))
    if path.suffix.lower() in (".md", ".markdown"):
        return tuple(_of_markdown(text.splitlines()))
    raise DataError(f"{path}: tables are read from .md and .csv")


def _of_csv(text: str) -> Iterator[Table]:
    reader = csv.reader(io.StringIO(text))
    lines = [(reader.line_num, tuple(cell.strip() for cell in row)) for row in reader if row]
    if lines:
        yield Table(heads=lines[0][1], rows=tuple(lines[1:]))


def _of_markdown(lines: Sequence[str]) -> Iterator[Table]:
    for at, line in enumerate(lines[1:], 1):
        heads = _row(lines[at - 1])
        if "|" in line and _RULE.match(line) and len(_row(line)) == len(heads):
            rows = []
            for number, one in enumerate(lines[at + 1 :], at + 2):
                if "|" not in one:
                    break
                rows.append((number, _row(one)))
            yield Table(heads=heads, rows=tuple(rows))


def _row(line: str) -> tuple[str, ...]:
    return tuple(_plain(cell) for cell in _SPLIT.split(line.strip().removeprefix("|").removesuffix("|")))


def _plain(cell: str) -> str:
    """The text of a cell, without what marks it up."""
    text = unescape(_TAG.sub("", _LINK.sub(r"\1", cell)))
    return re.sub(r"\*\*|`|\\(?=[\\|\[\]*_<>`])", "", text).strip()


def _first(heads: Iterable[str], wanted: re.Pattern[str]) -> int | None:
    return next((at for at, head in enumerate(heads) if wanted.search(head)), None)


def _quantity(head: str) -> Quantity | None:
    if _PARAMS.search(head):
        return "params"
    if _MACS.search(head):
        return "macs"
    return "flops" if _FLOPS.search(head) else None


def _figure(text: str, head: str, quantity: Quantity) -> str:
    """A figure with its unit.

    What has none, in the cell or in the head, and is no whole number, is in millions of parameters or in
    thousands of millions of MACs: nobody counts halves.
    """
    if not re.fullmatch(r"[0-9.,_]+", text):
        return text
    unit = _UNIT.search(head)
    if unit is not None:
        return text + (unit[1] or unit[2]).upper()
    return text + ("M" if quantity == "params" else "G") if "." in text else text
