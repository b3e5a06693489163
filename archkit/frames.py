"""Lists of values as data frames: `to_frame`, for pandas, polars and Arrow."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from enum import Enum
from importlib import import_module
from typing import Any, Final, Literal, TypeAlias

from archkit.errors import OutputError, unknown

__all__ = ["Library", "to_frame"]

Library: TypeAlias = Literal["pandas", "polars", "arrow"]
"""Whose data frame is wanted."""

_MODULES: Final = {"pandas": "pandas", "polars": "polars", "arrow": "pyarrow"}
_ENDS: Final = 2**63
_PLAIN: Final = (bool, int, float, str, type(None))


def to_frame(items: Iterable[Any], library: Library = "pandas") -> Any:
    """A list of candidates, ranked networks, results, costs or other values as a data frame, a row each.

    The columns are the fields of the values. A field that has fields itself gives a column for each of them:
    `test.correct`, `recipe.optimizer.lr`.

    >>> from archkit import totals
    >>> frame = to_frame([totals("resnet10"), totals("resnet12")], "arrow")
    >>> frame.column_names, frame["params"].to_pylist()
    (['params', 'macs', 'activations', 'depth'], [4980234, 195738])

    Args:
        items: named tuples, dataclasses or mappings.
        library: whose frame: `pandas`, `polars`, or `arrow`, a table of pyarrow.

    Raises:
        OutputError: the library is unknown or not installed, an item has no fields, or a number has more than
            the 64 bits of polars and Arrow.
    """
    if library not in _MODULES:
        raise OutputError(unknown("library", library, _MODULES))
    try:
        module = import_module(_MODULES[library])
    except ImportError as error:
        name = _MODULES[library]
        raise OutputError(f"a frame of {library} needs the package {name}: pip install {name}") from error
    rows = [_row(item) for item in items]
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    if library == "pandas":
        return module.DataFrame(columns)
    if any(isinstance(one, int) and not -_ENDS <= one < _ENDS for row in rows for one in row.values()):
        raise OutputError(f"a number has more than the 64 bits that {library} holds; take pandas")
    if library == "arrow":
        return module.table(columns)
    return module.DataFrame(columns, strict=False)  # whole numbers and others may be mixed


def _row(item: Any) -> dict[str, Any]:
    found = _fields(item)
    if found is None:
        raise OutputError(f"a row is a value with fields, not {type(item).__name__}")
    row: dict[str, Any] = {}
    for name, value in found.items():
        inner = _fields(value)
        if inner is None:
            row[str(name)] = _plain(value)
        else:
            row |= {f"{name}.{field}": one for field, one in _row(inner).items()}
    return row


def _fields(item: Any) -> Mapping[Any, Any] | None:
    """The fields of a value, or None if it has none."""
    if isinstance(item, Mapping):
        return item
    if isinstance(item, tuple) and hasattr(item, "_asdict"):
        return dict(item._asdict())
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    return None


def _plain(value: Any) -> Any:
    """A value as a frame holds it: numbers and texts as they are, lists of them, and the text of others."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, list | tuple) and all(isinstance(one, _PLAIN) for one in value):
        return list(value)
    return str(value)
