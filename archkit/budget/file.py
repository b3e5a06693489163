"""Budget files: TOML with the limits of a budget, their source, and the space that they are meant for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from archkit.budget.block_table import BlockTable
from archkit.budget.limits import Budget
from archkit.budget.read_table import read_table
from archkit.errors import BudgetError, SpecError, unknown
from archkit.files import is_path, shipped
from archkit.spec import DEFAULT_SPACE, SearchSpace, parse_space
from archkit.spec.options import options
from archkit.toml_values import MappingError, from_toml

__all__ = ["BudgetFile", "read_budget", "read_space", "read_space_and_budget", "shipped_budgets"]

_KEYS: Final = ("source", "space", "limits", "tables")
_NONE: Final[Mapping[str, str | Path]] = {}
_LISTS: Final = {"blocks": "[1..4]*3", "channels": "[16..64:16]"}  # of a space, with an example of each


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetFile:
    """What a budget file says.

    Attributes:
        budget: the limits.
        texts: the limits as they were written, by key (`max_params`).
        space: the space that they are meant for, as a text of the language, or None.
        source: where the limits come from, or None.
        tables: the tables that it names, and those that were given besides it.
    """

    budget: Budget
    texts: dict[str, str]
    space: str | None = None
    source: str | None = None
    tables: tuple[BlockTable, ...] = ()


def shipped_budgets() -> dict[str, Path]:
    """The budget files that archkit ships, by their names."""
    return shipped("budgets")


def read_budget(path: str | Path, *, tables: Mapping[str, str | Path] = _NONE) -> BudgetFile:
    """Read a budget file, or one of those that archkit ships by its name.

    `tables` has paths of tables by the names of their figures; they replace those that the file names.

    >>> read_budget("cifar10-5m").budget.params
    Limit(low=None, high=5000000)

    Raises:
        BudgetError: there is no such budget, or the file cannot be read, is not valid TOML, or holds a key
            or a limit that is unknown or wrong; or a table is wrong.
    """
    path = _path(path)
    found = _read(path)
    limits = found.get("limits", {})
    if not isinstance(limits, dict):
        raise _wrong(path, "limits", "a table, as in [limits] max_params = 5_000_000", limits)
    texts = {key: _figure(path, key, value) for key, value in limits.items()}
    every = _tables(path, found, tables)
    try:
        budget = Budget.read(texts, tables=every)
    except BudgetError as error:
        raise BudgetError(f"{path}: {error}") from None
    return BudgetFile(
        budget=budget,
        texts=texts,
        space=_space(path, found),
        source=_optional_text(path, found, "source"),
        tables=every,
    )


def read_space(path: Path) -> str:
    """The space that a TOML file holds, as a text of the language; limits in the file are left aside.

    Raises:
        BudgetError: as `read_budget`, or the file holds no space.
    """
    found = _space(path, _read(path))
    if found is None:
        raise BudgetError(f'{path} holds no space, such as space = "[1..4]*3x[16..64:16]"')
    return found


def read_space_and_budget(
    space: str | None,
    path: str | Path | None,
    limits: Mapping[str, str],
    *,
    tables: Mapping[str, str | Path] = _NONE,
) -> tuple[SearchSpace, Budget]:
    """A space and a budget: those of a budget file, as far as they are not given besides it.

    Args:
        space: a text of the language, or the path of a TOML file with a space. Without it, the budget file's
            space is taken, or `DEFAULT_SPACE`.
        path: a budget file, or the name of one that archkit ships.
        limits: limits that replace those of the file, texts by key.
        tables: paths of tables by the names of their figures, as `read_budget` takes them.

    Raises:
        SpecError: the text is not a space.
        BudgetError: a limit, the budget file, a table or the space's file is wrong.
    """
    text, texts = DEFAULT_SPACE, {}
    if path is not None:
        file = read_budget(path, tables=tables)
        text, texts, every = file.space or text, file.texts, file.tables
    else:
        every = tuple(read_table(one, name=name) for name, one in tables.items())
    if space is not None:
        text = read_space(Path(space)) if space.endswith(".toml") else space
    return parse_space(text), Budget.read({**texts, **limits}, tables=every)


def _tables(path: Path, found: dict[str, Any], given: Mapping[str, str | Path]) -> tuple[BlockTable, ...]:
    """The tables that a file names, by their paths from where it is, and those that are given besides it."""
    named = found.get("tables", {})
    if not isinstance(named, dict) or not all(isinstance(one, str) for one in named.values()):
        raise _wrong(path, "tables", 'a table of files, as in [tables] latency = "latency.csv"', named)
    paths = {name.replace("-", "_"): path.parent / one for name, one in named.items()}
    paths.update({name.replace("-", "_"): Path(one) for name, one in given.items()})
    return tuple(read_table(one, name=name) for name, one in paths.items())


def _path(text: str | Path) -> Path:
    if is_path(text):
        return Path(text)
    known = shipped_budgets()
    if str(text) not in known:
        raise BudgetError(f"{unknown('budget', str(text), known)} (a file ends in .toml)")
    return known[str(text)]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = from_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BudgetError(f"{path} cannot be read: {error.strerror or error}") from None
    except (MappingError, UnicodeDecodeError) as error:
        raise BudgetError(f"{path} is not valid TOML: {error}") from None
    for key in found:
        if key not in _KEYS:
            raise BudgetError(f"{path}: {unknown('key', key, _KEYS)}")
    return found


def _space(path: Path, found: dict[str, Any]) -> str | None:
    """The space as a text; a table has the blocks and channels first, then every option.

    Raises:
        BudgetError: it is no space; the message names the file and, of a table, the key.
    """
    table = found.get("space")
    if isinstance(table, dict):
        texts = _texts(path, table)
    elif (text := _optional_text(path, found, "space")) is not None:
        texts = {"space": text}
    else:
        return None
    text = "".join(texts.values())
    try:
        parse_space(text)
    except SpecError as error:
        key = _key_at(texts, error.span)
        raise BudgetError(f"{path}: {key}: {error}") from None
    return text


def _texts(path: Path, table: dict[str, Any]) -> dict[str, str]:
    """What each key of a space's table says in the language: joined, they are the space."""
    for key in _LISTS:
        if table.get(key) is None:
            raise _wrong(path, f"space.{key}", f'a list or a text such as "{_LISTS[key]}"', None)
    blocks, channels = (_list(path, f"space.{key}", table[key]) for key in _LISTS)
    lists = {key for key, option in options().items() if option.list_only}
    found = {"space.blocks": blocks, "space.channels": f"x{channels}"}
    for key, value in table.items():
        if key not in _LISTS:
            write = _list if key in lists else _option
            found[f"space.{key}"] = f" {key}={write(path, f'space.{key}', value)}"
    return found


def _key_at(texts: dict[str, str], span: tuple[int, int] | None) -> str:
    """The key whose text a span of all of them lies in; `space` if it spans several."""
    if span is None:
        return "space"
    end = 0
    for key, text in texts.items():
        start, end = end, end + len(text)
        if start <= span[0] and span[1] <= end:
            return key
    return "space"


def _list(path: Path, key: str, value: Any) -> str:
    """What the language writes in square brackets; a list in the list is a set."""
    match value:
        case list():
            return f"[{','.join(_option(path, key, one) for one in value)}]"
        case int() if not isinstance(value, bool):
            return f"[{value}]"
        case str():
            return value
    raise _wrong(
        path, key, f'a list or a text such as "{_LISTS.get(key.partition(".")[2], "[1,2,2]")}"', value
    )


def _option(path: Path, key: str, value: Any) -> str:
    """One value, or a list of them, which is a set."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float() | str():
            return str(value)
        case list():
            return "{" + ",".join(_option(path, key, one) for one in value) + "}"
    raise _wrong(path, key, "a text, a number, true, false, or a list of those", value)


def _figure(path: Path, key: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong(path, key, 'a number or a text such as "5M"', value)
    return str(value)


def _optional_text(path: Path, found: dict[str, Any], key: str) -> str | None:
    value = found.get(key)
    if value is not None and not isinstance(value, str):
        raise _wrong(path, key, "a text", value)
    return value


def _wrong(path: Path, key: str, expected: str, value: Any) -> BudgetError:
    came = "; it is missing" if value is None else f", not {value!r}"
    return BudgetError(f"{path}: {key} must be {expected}{came}")
