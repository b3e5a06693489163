"""FlatBuffers as far as a TensorFlow Lite file needs them, written front to back.

The layout is fixed by the structure alone: parents before children, equal vtables once, the weights at the
end, each at a multiple of 16 bytes. So the size of a file is known before there is a weight. The format:
flatbuffers.dev, "FlatBuffer internals".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

__all__ = ["Data", "Field", "Scalar", "Table", "Vector", "Writer", "string", "tables", "vector"]

_DATA_ALIGNMENT: Final = 16


class Scalar(NamedTuple):
    """A number in a table: its `struct` code, and its value."""

    code: str
    value: int


class Vector(NamedTuple):
    """Numbers, or the bytes of a string.

    size: bytes of one.
    length: how many there are.
    data: all of them; None where only the size of the file is asked for.
    ends: whether a zero byte follows, as behind a string.
    shared: whether it stands in the file once, however many refer to one that is equal.
    """

    size: int
    length: int
    data: bytes | None
    ends: bool = False
    shared: bool = False


class Data(NamedTuple):
    """Bytes that stand at the end of the file.

    size: how many.
    data: they themselves; None where only the size of the file is asked for.
    """

    size: int
    data: bytes | None


class Table(NamedTuple):
    """A table: fields by their number in the schema. What has its default value is left out."""

    fields: tuple[tuple[int, Field], ...]


class Tables(NamedTuple):
    """A vector of tables."""

    items: tuple[Table, ...]


Field: TypeAlias = "Scalar | Vector | Data | Table | Tables"


def vector(code: str, values: Sequence[Any] | int, *, shared: bool = False) -> Vector:
    """A vector of numbers with a `struct` code; of so many of them where only the size is asked for."""
    size = struct.calcsize(code)
    if isinstance(values, int):
        return Vector(size, values, None)
    return Vector(size, len(values), struct.pack(f"<{len(values)}{code}", *values), shared=shared)


def string(text: str) -> Vector:
    """A string."""
    data = text.encode()
    return Vector(1, len(data), data, ends=True)


def tables(items: Sequence[Table]) -> Tables:
    """A vector of tables."""
    return Tables(tuple(items))


class Writer:
    """Writes a root table and all that belongs to it.

    Attributes:
        size: bytes of the file.
    """

    def __init__(self, root: Table, identifier: bytes) -> None:
        self._bytes = bytearray(4) + identifier
        self._vtables: dict[bytes, int] = {}
        self._shared: dict[Vector, list[int]] = {}
        self._at_end: list[tuple[int, Data]] = []
        self._refer(0, self._table(root))
        for value, fields in self._shared.items():  # behind them all, since a reference points forward
            start = self._child(value)
            for field in fields:
                self._refer(field, start)
        self.size = len(self._bytes)
        self._places: list[int] = []
        for _, data in self._at_end:
            start = -(-(self.size + 4) // _DATA_ALIGNMENT) * _DATA_ALIGNMENT
            self._places.append(start)
            self.size = start + data.size
        self.size = -(-self.size // 4) * 4

    def to_bytes(self) -> bytes:
        """The file."""
        out = self._bytes
        for (field, data), start in zip(self._at_end, self._places, strict=True):
            out += bytes(start - len(out))
            struct.pack_into("<I", out, start - 4, data.size)
            struct.pack_into("<I", out, field, start - 4 - field)
            out += bytes(data.size) if data.data is None else data.data
        return bytes(out + bytes(self.size - len(out)))

    def _align(self, to: int, ahead: int = 0) -> None:
        """So that what comes `ahead` bytes later stands at a multiple of `to`."""
        self._bytes += bytes(-(len(self._bytes) + ahead) % to)

    def _refer(self, field: int, target: int) -> None:
        struct.pack_into("<I", self._bytes, field, target - field)

    def _table(self, table: Table) -> int:
        """Writes a table and what belongs to it, and returns where it stands."""
        places, size, vtable = _laid_out(tuple((number, _width(value)) for number, value in table.fields))
        self._align(2)
        known = self._vtables.get(vtable)
        if known is None:
            known = self._vtables[vtable] = len(self._bytes)
            self._bytes += vtable
        self._align(4)
        start = len(self._bytes)
        self._bytes += struct.pack("<i", start - known) + bytes(size - 4)
        for number, value in table.fields:
            field = start + places[number]
            if isinstance(value, Scalar):
                struct.pack_into(f"<{value.code}", self._bytes, field, value.value)
            elif isinstance(value, Data):
                self._at_end.append((field, value))
            elif isinstance(value, Vector) and value.shared:
                self._shared.setdefault(value, []).append(field)
            else:
                self._refer(field, self._child(value))
        return start

    def _child(self, value: Vector | Table | Tables) -> int:
        if isinstance(value, Table):
            return self._table(value)
        if isinstance(value, Vector):
            self._align(max(4, value.size), ahead=4)
            start = len(self._bytes)
            body = bytes(value.size * value.length) if value.data is None else value.data
            self._bytes += struct.pack("<I", value.length) + body + bytes(value.ends)
            return start
        self._align(4)
        start = len(self._bytes)
        self._bytes += struct.pack("<I", len(value.items)) + bytes(4 * len(value.items))
        for i, item in enumerate(value.items):
            self._refer(start + 4 + 4 * i, self._table(item))
        return start


@lru_cache(maxsize=256)
def _laid_out(widths: tuple[tuple[int, int], ...]) -> tuple[dict[int, int], int, bytes]:
    """Where the fields of a table stand in it, by number; its size; and its vtable."""
    places: dict[int, int] = {}
    size = 4  # the way to its vtable comes first
    for number, width in sorted(widths, key=lambda field: -field[1]):
        places[number] = size
        size += width
    entries = [places.get(i, 0) for i in range(max(places, default=-1) + 1)]
    return places, size, struct.pack(f"<{2 + len(entries)}H", 4 + 2 * len(entries), size, *entries)


def _width(field: Field) -> int:
    return struct.calcsize(field.code) if isinstance(field, Scalar) else 4
