"""Tables of costs as files: CSV and Parquet, read and, as a form to be filled in, written."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from archkit.budget.block_table import MOST, SHAPE, UNITS, BlockTable, Pattern
from archkit.count.metrics import LIMITED, OBJECTIVES, as_options
from archkit.errors import BudgetError, OutputError, unknown
from archkit.files import replacing
from archkit.plan.pieces import PARTS, Piece, option_texts
from archkit.spec.options import options

__all__ = ["ENDINGS", "read_table", "write_table"]

ENDINGS: Final = (".csv", ".parquet")
"""What the file of a table may end in."""

_WORDS: Final = ("part", "block")  # the columns of a shape that hold words, and not whole numbers
_OF_PARTS: Final = ("bare", "activates", "norms", "dilation")  # what parts have besides options
_ANY: Final = "*"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
# What lists of networks and their files have columns or options for.
_TAKEN: Final = frozenset(
    {
        *OBJECTIVES,
        *LIMITED,
        "spec",
        "objective",
        "value",
        "exact",
        "proof",
        "outside",
        "weight_bytes",
        "latency_table",
    }
)
_MOST_DECIMALS: Final = 12
_MOST_DIGITS: Final = 18


def read_table(path: str | Path, *, name: str) -> BlockTable:
    """A figure that is a sum over blocks, from a table of what each of them costs.

    A row says the piece that it is about in the columns `part` (stem, first, further, head), `stage`, `block`
    (the kind of block or stem), `channels_in`, `channels` (the base width; the classes of the head),
    `stride`, `rows` and `columns` (of the map that enters), and in a column for each option of the language
    that is not at its default. What a column that is left out would say makes no difference, except that
    options without a column are at their defaults; nor does what a cell with a `*` would say. The cost
    stands in the column `NAME`, `NAME_UNIT`, `cost`, `cost_UNIT` or `UNIT`, or in the only other one.

    Args:
        path: a file that ends in .csv or .parquet.
        name: of the figure, such as `latency`; `-` stands for `_`.

    Raises:
        BudgetError: the file cannot be read, lacks a column, or has a row that is wrong or there twice; or
            the name is not one that a figure can have.
    """
    name = _checked(name)
    path = Path(path)
    columns, rows = _read(path)
    cost_at, unit = _cost_column(path, name, columns)
    kept = {column: i for i, column in enumerate(columns) if column in SHAPE}
    known = {*options(), *_OF_PARTS} - {*SHAPE}
    chosen = {column: i for i, column in enumerate(columns) if column in known}
    if twice := [column for column in {*kept, *chosen} if columns.count(column) > 1]:
        raise BudgetError(f"{path} has two columns called {twice[0]}")
    costs: dict[Pattern, dict[tuple[Any, ...], tuple[Decimal, int]]] = {}
    decimals = 0
    for number, row in rows:
        where = f"{path}, row {number}"
        if len(row) != len(columns):
            raise BudgetError(f"{where} has {len(row)} cells, and there are {len(columns)} columns")
        shape = {column: _cell(where, column, row[i]) for column, i in kept.items()}
        given = _options(where, shape, {column: _text(row[i]) for column, i in chosen.items()})
        pattern = Pattern(
            tuple(column for column, value in shape.items() if value != _ANY),
            tuple(column for column, value in given.items() if value != _ANY),
        )
        key = (*(shape[column] for column in pattern.shape), *(given[column] for column in pattern.options))
        cost = _cost(where, columns[cost_at], row[cost_at])
        same = costs.setdefault(pattern, {})
        if key in same:
            raise BudgetError(f"{where} is about the same block as row {same[key][1]}")
        same[key] = cost, number
        decimals = max(decimals, _decimals(cost))
    if not costs:
        raise BudgetError(f"{path} has no rows")
    most = max(cost for same in costs.values() for cost, _ in same.values())
    if int(most.scaleb(decimals)) > MOST:
        raise BudgetError(
            f"{path}: {columns[cost_at]} goes up to {most} and has {decimals} decimals; sums are exact up to "
            f"{MOST:,} units of the last one: round the costs"
        )
    return BlockTable(
        name=name,
        source=str(path),
        unit=unit,
        decimals=decimals,
        options=frozenset(chosen),
        rows={
            pattern: {key: (int(cost.scaleb(decimals)), number) for key, (cost, number) in same.items()}
            for pattern, same in costs.items()
        },
    )


def write_table(path: Path, pieces: Sequence[Piece], column: str, costs: Iterable[str]) -> None:
    """Write a table: a row for each piece, with the text of its cost in a column of this name.

    Raises:
        OutputError: the ending is not .csv, or the file cannot be written.
    """
    if path.suffix.lower() != ".csv":
        raise OutputError(f"{path}: a table is written as CSV, to a file that ends in .csv")
    shape = [name for name in SHAPE if name != "stage"]
    keys = list(dict.fromkeys(key for piece in pieces for key, _ in piece.options))
    try:
        with replacing(path) as new, new.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*shape, *keys, column])
            for piece, cost in zip(pieces, costs, strict=True):
                values = [getattr(piece, name) for name in shape]
                texts = {**option_texts(piece.part, piece.block), **dict(piece.options)}
                row = ["" if value is None else value for value in values]
                writer.writerow([*row, *(texts.get(key, "") for key in keys), cost])
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def _checked(name: str) -> str:
    found = name.replace("-", "_")
    if _NAME.fullmatch(found) is None:
        raise BudgetError(f"{name!r} is no name for a figure; write small letters, as in latency")
    if found in _TAKEN:
        raise BudgetError(f"{as_options(found)} is taken; give the table's figure another name")
    return found


def _read(path: Path) -> tuple[list[str], Iterator[tuple[int, Sequence[Any]]]]:
    """The names of the columns, and the rows with their numbers."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise BudgetError(f"{path}: the ending of a table must be one of {', '.join(ENDINGS)}")
    try:
        return _csv(path) if ending == ".csv" else _parquet(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise BudgetError(f"{path} cannot be read: {reason}") from None


def _csv(path: Path) -> tuple[list[str], Iterator[tuple[int, Sequence[Any]]]]:
    """As spreadsheets number them: the names of the columns stand in row 1."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = [(number, row) for number, row in enumerate(csv.reader(file), 1) if any(row)]
    if not lines:
        raise BudgetError(f"{path} is empty")
    return [name.strip() for name in lines[0][1]], iter(lines[1:])


def _parquet(path: Path) -> tuple[list[str], Iterator[tuple[int, Sequence[Any]]]]:
    import pyarrow as pa  # takes 0.2 s, and only this format needs it
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(path).read()
    except pa.ArrowInvalid as error:
        raise BudgetError(f"{path} is no Parquet file: {error}") from None
    return table.column_names, enumerate(zip(*(one.to_pylist() for one in table.columns), strict=True), 1)


def _cost_column(path: Path, name: str, columns: list[str]) -> tuple[int, str | None]:
    """Which column holds the costs, and their unit."""
    units = {f"{stem}{unit}": unit for unit in UNITS for stem in (f"{name}_", "cost_", "")}
    for wanted in (name, *(one for one in units if one.startswith(name)), "cost", *units):
        if wanted in columns:
            return columns.index(wanted), units.get(wanted)
    known = {*SHAPE, *options(), *_OF_PARTS}
    others = [i for i, column in enumerate(columns) if column not in known]
    if len(others) != 1:
        came = ", ".join(columns[i] for i in others)
        which = f"which of {came} is the cost?" if came else "no column holds the cost:"
        raise BudgetError(f"{path}: {which} call it {name} or cost")
    return others[0], None


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "" if cell is None else str(cell).strip()


def _cell(where: str, column: str, cell: Any) -> Any:
    """What a cell says of the shape: a word, a whole number, None if it is empty, or `*`."""
    text = _text(cell)
    if column == "part" and text not in (*PARTS, _ANY):
        raise BudgetError(f"{where}: {unknown('part', text, PARTS)}")
    if column in _WORDS or text == _ANY:
        return text
    # Columns with empty cells become floats in some programs.
    found = re.fullmatch(r"(\d{1,9})(?:\.0+)?", text)
    if text and found is None:
        raise BudgetError(f"{where}: {column} must be a whole number, not {text!r}")
    return int(found[1]) if found else 0 if column == "stage" else None


def _options(where: str, shape: dict[str, Any], given: dict[str, str]) -> dict[str, str]:
    """The options of a row; one that is written out although it is at its default becomes empty."""
    part, block = shape.get("part", _ANY), shape.get("block", _ANY)
    usual = option_texts(part, block) if _ANY not in (part, block) or part == "head" else {}
    for key, text in given.items():
        if text not in ("", _ANY) and key not in usual and (_ANY in (part, block)):
            raise BudgetError(f"{where}: {key}={text} needs a part and a kind of block")
    return {key: "" if text == usual.get(key) else text for key, text in given.items()}


def _cost(where: str, column: str, cell: Any) -> Decimal:
    """A cost, exactly: a float is the shortest decimal that means it."""
    text = _text(cell)
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite() or "_" in text:
        raise BudgetError(f"{where}: {column} must be a number, not {text!r}")
    if found < 0:
        raise BudgetError(
            f"{where}: {column} is {text}; a further block must not make a network cheaper: 0 is the least"
        )
    if _decimals(found) > _MOST_DECIMALS or found.adjusted() > _MOST_DIGITS:
        raise BudgetError(
            f"{where}: {column} is {text}; costs have {_MOST_DECIMALS} decimals at most: round it"
        )
    return found


def _decimals(number: Decimal) -> int:
    """How many decimals a number needs."""
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
