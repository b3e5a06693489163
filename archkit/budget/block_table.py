"""`BlockTable`: a figure of one's own, by what each stem, block and head costs of it.

Costs are decimals and are added exactly: as whole numbers of the last decimal that the table has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any, Final, NamedTuple

from archkit.count.figure import parse_figure
from archkit.count.metrics import as_options
from archkit.errors import BudgetError
from archkit.plan.pieces import Piece, pieces
from archkit.spec import ArchSpec

__all__ = ["MOST", "SHAPE", "UNITS", "BlockTable", "Pattern", "described"]

SHAPE: Final = tuple(name for name in Piece._fields if name != "options")
"""The columns that say a piece, besides those of options."""

UNITS: Final = {
    **{f"{letter}s": ("s", Fraction(1, 1000**n)) for n, letter in enumerate(("", "m", "u", "n"))},
    **{f"{letter}J": ("J", Fraction(1, 1000**n)) for n, letter in enumerate(("", "m", "u", "n"))},
}
"""The units that a cost may have: what they measure, and how much of it."""

MOST: Final = 10**12
"""The most that a network may have of a figure, in units of the last decimal: up to here the bounds of the
search, which are floats, are right to the unit."""

_WITH_UNIT: Final = re.compile(rf"(?P<number>[0-9.,_e+]+)\s*(?P<unit>{'|'.join(UNITS)})")


class Pattern(NamedTuple):
    """The columns by which some rows of a table say what they are about; in the others they have a `*`."""

    shape: tuple[str, ...]
    options: tuple[str, ...]

    def key(self, piece: Piece) -> tuple[Any, ...]:
        """What a piece has in these columns."""
        given = dict(piece.options)
        return (
            *(getattr(piece, name) for name in self.shape),
            *(given.get(name, "") for name in self.options),
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BlockTable:
    """A figure by a table. Make one with `read_table`.

    Attributes:
        name: of the figure.
        source: the file that it was read from.
        unit: of the costs, one of `UNITS`, or None.
        decimals: how many decimals the costs have at most.
        options: the columns of options; every other option must be at the default of its kind.
        rows: the costs, in units of the last decimal, and the rows they stand in, by pattern and by key.
    """

    name: str
    source: str
    unit: str | None
    decimals: int
    options: frozenset[str]
    rows: Mapping[Pattern, Mapping[tuple[Any, ...], tuple[int, int]]]
    _known: dict[Piece, int | None] = field(default_factory=dict, repr=False)

    def cost(self, piece: Piece) -> int | None:
        """What a piece costs, in units of the last decimal; None if no row is about it.

        Raises:
            BudgetError: several rows are about it.
        """
        if piece not in self._known:
            self._known[piece] = self._found(piece)
        return self._known[piece]

    def _found(self, piece: Piece) -> int | None:
        if any(key not in self.options for key, _ in piece.options):
            return None
        found = [row for pattern, rows in self.rows.items() if (row := rows.get(pattern.key(piece)))]
        if len(found) > 1:
            a, b = sorted(row for _, row in found)[:2]
            raise BudgetError(f"{self.source}: rows {a} and {b} both give a cost for {described(piece)}")
        return found[0][0] if found else None

    def of(self, spec: ArchSpec) -> int:
        """What a network costs, in units of the last decimal.

        Raises:
            BudgetError: the table has no cost for one of its pieces.
        """
        total, missing = 0, []
        for piece, n in pieces(spec).items():
            cost = self.cost(piece)
            if cost is None:
                missing.append(piece)
            else:
                total += n * cost
        if missing:
            raise self.without(missing[0], len(missing), str(spec))
        return total

    def without(self, first: Piece, missing: int, of: str) -> BudgetError:
        """The error of a table that lacks pieces: the first of them, and how many they are."""
        lacks = f"{self.source} has no cost for {described(first)}"
        if missing > 1:
            lacks += f", and for {missing - 1:,} more blocks"
        return BudgetError(
            f"{lacks} of {of}; `archkit enumerate SPACE --table-template FILE` writes a table of all blocks "
            "that a space can have, to be filled in"
        )

    @property
    def words(self) -> str:
        """The figure in words: `ms of latency`, or the name alone where there is no unit."""
        return f"{self.unit} of {as_options(self.name)}" if self.unit else as_options(self.name)

    def amount(self, whole: int) -> Decimal:
        """So many units of the last decimal, as a decimal without needless zeros."""
        found = Decimal(whole).scaleb(-self.decimals)
        return Decimal(int(found)) if found == int(found) else found.normalize()

    def whole(self, option: str, text: str | float, *, up: bool) -> int:
        """A limit in units of the last decimal: the tightest one that means the same.

        Raises:
            BudgetError: it is no figure, or has another unit.
        """
        with_unit = _WITH_UNIT.fullmatch(text.strip()) if isinstance(text, str) else None
        number = with_unit["number"] if with_unit else text
        try:
            figure = parse_figure(number)
        except BudgetError as error:
            raise BudgetError(f"{option}: {error}") from None
        if figure.counted is not None:
            raise BudgetError(f"{option}: {text} counts {figure.counted}")
        value: Fraction = figure.value * 10**self.decimals
        if with_unit:
            value *= self._per(option, with_unit["unit"])
        # Beyond what any network has, a limit rules nothing out.
        return min(ceil(value) if up else floor(value), 2 * MOST)

    def _per(self, option: str, unit: str) -> Fraction:
        """How many of the table's units one of `unit` is."""
        if self.unit is None:
            raise BudgetError(
                f"{option}: {self.source} does not say that its costs are in {unit}; call its column "
                f"{self.name}_{unit}"
            )
        (kind, each), (wanted, own) = UNITS[unit], UNITS[self.unit]
        if kind != wanted:
            raise BudgetError(f"{option}: {self.source} has its costs in {self.unit}, not in {unit}")
        return each / own


def described(piece: Piece) -> str:
    """A piece in words: `a first basic block, 16 to 32 channels, stride 2, map 32x32`."""
    at = f"map {piece.rows}x{piece.columns}"
    given = "".join(f" {key}={text}" for key, text in piece.options)
    if piece.part == "stem":
        return f"the stem {piece.block}{given}, {piece.channels_in} to {piece.channels} channels, {at}"
    if piece.part == "head":
        return f"the head{given}, {piece.channels_in} channels to {piece.channels} classes, {at}"
    of_stage = f" of stage {piece.stage}" if piece.stage else ""
    return (
        f"a {piece.part} {piece.block} block{given}{of_stage}, {piece.channels_in} to {piece.channels} "
        f"channels, stride {piece.stride}, {at}"
    )
