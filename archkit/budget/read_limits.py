"""Limits from texts: what `Budget.read` is made of."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor
from typing import Final, TypeAlias

from archkit.budget.block_table import BlockTable
from archkit.budget.ends import End, Limit
from archkit.count.figure import parse_figure
from archkit.count.metrics import DEVICE, LIMITED, PEAK, TRAINING, as_options, words
from archkit.count.optimizers import OPTIMIZER_STATES
from archkit.count.tflm import DATA_TYPES
from archkit.errors import BudgetError, nearest, unknown

__all__ = [
    "Given",
    "limit_of",
    "read_limits",
    "take_number",
    "take_optimizer",
    "take_values",
    "take_weight_bits",
]

Given: TypeAlias = str | float  # a figure, or the name of an optimizer

_BOUND: Final = 10**18  # far above what any network costs, and far below 2**63
_WEIGHT_BYTES: Final = "weight_bytes"  # a limit on parameters, written in bytes
_IN_BYTES: Final = (_WEIGHT_BYTES, TRAINING, PEAK, *DEVICE)
_KEYS: Final = (
    *(f"{side}_{name}" for name in (*LIMITED, _WEIGHT_BYTES) for side in ("min", "max")),
    "weight_bits",
    "peak_bits",
    "values",
    "batch",
    "optimizer",
)
_MOST_BITS: Final = 64


def read_limits(
    given: Mapping[str, Given], weight_bits: int, tables: Mapping[str, BlockTable]
) -> dict[str, Limit]:
    """The limits by figure. Of two limits on the same end, the tighter one holds.

    Raises:
        BudgetError: there is no such figure, or its limit is wrong.
    """
    ends: dict[str, dict[str, int]] = {}
    for key, text in given.items():
        side, _, name = key.partition("_")
        if side not in ("min", "max") or name not in (*LIMITED, _WEIGHT_BYTES, *tables):
            raise _no_figure(key, tables)
        if name in tables:
            value = tables[name].whole(as_options(key), text, up=side == "min")
        else:
            value = _integer(key, text, up=side == "min", counted=name)
        if name == _WEIGHT_BYTES:
            name = "params"
            value = value * 8 // weight_bits if side == "max" else -(-value * 8 // weight_bits)
        end = ends.setdefault(name, {})
        tightest = min if side == "max" else max
        end[side] = tightest(value, end.get(side, value))
    return {
        name: limit_of(name, end.get("min"), end.get("max"), tables.get(name)) for name, end in ends.items()
    }


def _no_figure(key: str, tables: Mapping[str, BlockTable]) -> BudgetError:
    """The error of a limit on what is no figure, or on one that no table gives."""
    side, _, name = key.partition("_")
    known = (*_KEYS, *(f"{end}_{table}" for table in tables for end in ("min", "max")))
    if side not in ("min", "max") or not name:
        return BudgetError(unknown("limit", key, known))
    option = as_options(name)
    near = nearest(key, known) if nearest(name, (*LIMITED, _WEIGHT_BYTES, *tables)) else None
    return BudgetError(
        f"unknown limit {key!r}; {near or f'there is no figure {option}'}; a table of what each block costs "
        f"makes it one: --table {option}=FILE"
    )


def limit_of(name: str, low: int | None, high: int | None, table: BlockTable | None) -> Limit:
    """The limit on a figure, or on one of a table.

    Raises:
        BudgetError: the lower end is above the upper one.
    """
    if low is not None and high is not None and low > high:
        lower, upper = End(name, False, low).option, End(name, True, high).option
        a, b = (low, high) if table is None else (table.amount(low), table.amount(high))
        raise BudgetError(f"{lower} {a:,} is above {upper} {b:,}: nothing can fit")
    return Limit(low, high)


def take_optimizer(given: dict[str, Given]) -> str:
    """Take the optimizer out of the texts.

    Raises:
        BudgetError: there is no such optimizer.
    """
    optimizer = given.pop("optimizer", "momentum")
    if not isinstance(optimizer, str) or optimizer not in OPTIMIZER_STATES:
        raise BudgetError(f"optimizer must be one of {', '.join(OPTIMIZER_STATES)}, not {optimizer!r}")
    return optimizer


def take_values(given: dict[str, Given]) -> str:
    """Take the type of a file's values out of the texts.

    Raises:
        BudgetError: there is no such type.
    """
    values = given.pop("values", "int8")
    if not isinstance(values, str) or values not in DATA_TYPES:
        raise BudgetError(f"values must be one of {', '.join(DATA_TYPES)}, not {values!r}")
    return values


def take_weight_bits(given: dict[str, Given]) -> int:
    """Take the bits of a weight out of the texts.

    Raises:
        BudgetError: they are out of range, or no bytes of weights are limited.
    """
    if "weight_bits" in given and not {"max_weight_bytes", "min_weight_bytes"} & given.keys():
        raise BudgetError("weight-bits needs max-weight-bytes or min-weight-bytes")
    return take_number(given, "weight_bits", 32)


def take_number(given: dict[str, Given], key: str, default: int, *, most: int = _MOST_BITS) -> int:
    """Take a whole number of 1 or more out of the texts; by default a number of bits.

    Raises:
        BudgetError: it is something else.
    """
    text = given.pop(key, None)
    if text is None:
        return default
    value = _integer(key, text, up=False)
    if not 1 <= value <= most:
        raise BudgetError(f"{as_options(key)} must be 1 to {most:,}, not {text}")
    return value


def _integer(key: str, text: Given, *, up: bool, counted: str | None = None) -> int:
    """A limit as an integer: the tightest one that means the same."""
    try:
        figure = parse_figure(text)
    except BudgetError as error:
        raise BudgetError(f"{as_options(key)}: {error}") from None
    if figure.counted not in (None, "bytes" if counted in _IN_BYTES else counted):
        raise BudgetError(f"{as_options(key)}: {text} counts {words(figure.counted)}")
    if figure.value > _BOUND:
        raise BudgetError(f"{as_options(key)}: {figure.text} is beyond every network")
    return ceil(figure.value) if up else floor(figure.value)
