"""Plain nested mappings, as TOML and JSON give them -> frozen dataclasses, with every value checked.

cattrs 26.2 was tried in place of this module. As it comes, it turns "3" into 3, true into 1 and 2.7 into 2.
With strict hooks for each type, its messages still say neither which value came nor which known key was
meant, so that a formatter over its groups of exceptions has to be written too, and its import takes a tenth
of a second, which every `archkit bench --help` would wait for.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import tomllib
import types
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from archkit.errors import likely

__all__ = ["MappingError", "from_json", "from_toml", "leaves", "mapping", "read"]

_T = TypeVar("_T")

_KINDS: Final[dict[Any, str]] = {int: "an integer", float: "a number", bool: "true or false", str: "a text"}


_DEEPEST: Final = 100  # tables and lists in one another; a deeper text would end Python's recursion
_MOST: Final = 2**64  # integers are below it in size; torch takes none that are larger
_SHOWN: Final = 60  # characters of a wrong value that a message shows


class MappingError(ValueError):
    """A text cannot be read, a key is unknown or missing, or a value is of the wrong type.

    The message is one line, which names the field if there is one.
    """


def from_toml(text: str) -> dict[str, Any]:
    """The nested mappings that a TOML text holds.

    Raises:
        MappingError: it is not TOML, or nested too deeply to be read.
    """
    found: dict[str, Any] = _parsed(tomllib.loads, text)
    return found


def from_json(text: str) -> Any:
    """The value that a JSON text holds.

    Raises:
        MappingError: it is not JSON, or nested too deeply to be read.
    """
    return _parsed(json.loads, text)


def _parsed(loads: Callable[[str], Any], text: str) -> Any:
    try:
        found = loads(text)
    except RecursionError:
        raise MappingError(f"more than {_DEEPEST} levels are nested in one another") from None
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise MappingError(str(error)) from error
    except ValueError as error:
        raise MappingError("an integer in it has thousands of digits") from error
    level: list[Any] = [found]
    for _ in range(_DEEPEST + 1):
        nested = (value.values() if isinstance(value, dict) else value for value in level)
        level = [child for values in nested for child in values if isinstance(child, dict | list)]
        if not level:
            return found
    raise MappingError(f"more than {_DEEPEST} levels are nested in one another")


def read(cls: type[_T], table: Mapping[str, Any], *, prefix: str = "") -> _T:
    """An instance of the dataclass `cls`; `mapping` is the inverse.

    Fields may be `bool`, `int`, `float`, `str`, a Literal of strings, a tuple of one of these, a
    dataclass of such fields, or any of these `| None`. An integer is accepted for a `float`.

    Args:
        cls: the dataclass.
        table: its fields by name; those with a default may be missing.
        prefix: what messages put in front of a field's name.

    Raises:
        MappingError: a key is unknown or missing, or a value is of the wrong type.
    """
    found: _T = _of_class(cls)(table, prefix)  # type: ignore[arg-type]  # a class has a hash
    return found


def mapping(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, and of those in it, as nested plain mappings; `read` is the inverse.

    As `dataclasses.asdict`, which also copies what cannot change, in six times the time: a report asks for
    thousands of recipes.
    """
    return {
        name: mapping(field) if hasattr(field, "__dataclass_fields__") else field
        for name in value.__dataclass_fields__
        for field in (getattr(value, name),)
    }


def leaves(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested mappings by their dotted names.

    >>> leaves({"epochs": 3, "optimizer": {"name": "sgd", "lr": 0.1}})
    {'epochs': 3, 'optimizer.name': 'sgd', 'optimizer.lr': 0.1}
    """
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            found.update(leaves(value, f"{prefix}{key}."))
        else:
            found[prefix + key] = value
    return found


_Reader: TypeAlias = Callable[[Any, str], Any]
"""Checks a value and gives it as its type has it; called with the value and its dotted name."""


@functools.cache
def _of_class(cls: Any) -> _Reader:
    """Reads a table of a dataclass's fields, and is called with the table and what stands before their names.

    It is made once for each class: a report reads tens of thousands of results.
    """
    hints, fields = get_type_hints(cls), {f.name: f for f in dataclasses.fields(cls)}
    readers = [(name, _reader(hints[name])) for name in fields]
    needed = {
        name
        for name, f in fields.items()
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }

    def read_table(table: Any, prefix: str) -> Any:
        if not table.keys() <= fields.keys():
            key = next(key for key in table if key not in fields)
            names = (prefix + name for name in fields)
            raise MappingError(f"there is no field {prefix + key!r}; {likely(prefix + key, names)}")
        values = {}
        for name, reader in readers:
            if name in table:
                values[name] = reader(table[name], prefix + name)
            elif name in needed:
                raise MappingError(f"{prefix}{name} is missing")
        return cls(**values)

    return read_table


@functools.cache
def _reader(kind: Any) -> _Reader:
    """What checks a value of some type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):  # `X | None`
        inner = _reader(arguments[0])
        return lambda value, name: None if value is None else inner(value, name)
    if dataclasses.is_dataclass(kind):
        read_table = _of_class(kind)  # type: ignore[arg-type]  # a class has a hash

        def table(value: Any, name: str) -> Any:
            if not isinstance(value, Mapping):
                raise MappingError(f"{name} must be a table, not {_shown(value)}")
            return read_table(value, f"{name}.")

        return table
    if origin is Literal:

        def word(value: Any, name: str) -> Any:
            if value not in arguments:
                raise MappingError(f"{name} is {' | '.join(arguments)}, not {_shown(value)}")
            return value

        return word
    if origin is tuple:
        each = _reader(arguments[0])

        def values(value: Any, name: str) -> Any:
            if not isinstance(value, list | tuple):
                raise MappingError(f"{name} must be a list, not {_shown(value)}")
            return tuple([each(v, f"{name}[{i}]") for i, v in enumerate(value)])

        return values
    return functools.partial(_plain, kind)


def _plain(kind: Any, value: Any, name: str) -> Any:
    """A value of a plain type."""
    if isinstance(value, int) and not -_MOST < value < _MOST:
        raise MappingError(f"{name} must be a number below 2**64 in size, not {_shown(value)}")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise MappingError(f"{name} must be {_KINDS[kind]}, not {_shown(value)}")
    if kind is float and not math.isfinite(value):
        raise MappingError(f"{name} must be finite, not {value!r}")
    return value


def _shown(value: Any) -> str:
    """A value as a message shows it: the beginning, if it is long."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits, which Python does not print
        text = hex(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
