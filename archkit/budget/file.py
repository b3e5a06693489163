"""Budget files: TOML with the limits of a budget, where they come from, and the space they are meant for."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from archkit.budget.limits import Budget
from archkit.errors import BudgetError

__all__ = ["BudgetFile", "read_budget", "read_space"]

_KEYS: Final = ("source", "space", "limits")


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetFile:
    """What a budget file says.

    Attributes:
        budget: the limits.
        texts: the limits as they were written, by key (`max_params`).
        space: the space that it is meant for, as a text of the language, or None.
        source: where the limits come from, or None.
    """

    budget: Budget
    texts: dict[str, str]
    space: str | None = None
    source: str | None = None


def read_budget(path: Path) -> BudgetFile:
    """Reads a budget file such as those in `budgets/`.

    Raises:
        BudgetError: the file cannot be read, is no TOML, or holds a key or a limit that is unknown.
    """
    found = _read(path)
    limits = found.get("limits", {})
    if not isinstance(limits, dict):
        raise BudgetError(f"{path}: limits is a table, as in [limits] max_params = 5_000_000")
    texts = {key: _text(path, key, value) for key, value in limits.items()}
    try:
        budget = Budget.read(dict(texts))
    except BudgetError as error:
        raise BudgetError(f"{path}: {error}") from None
    return BudgetFile(
        budget=budget, texts=texts, space=_space(path, found), source=_optional(path, found, "source")
    )


def read_space(path: Path) -> str:
    """The space that a TOML file holds, as a text of the language; its limits are left out.

    Raises:
        BudgetError: as `read_budget`, or the file holds no space.
    """
    found = _space(path, _read(path))
    if found is None:
        raise BudgetError(f'{path} holds no space, as in space = "[1..4]*3x[16..64:16]"')
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BudgetError(f"{path} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BudgetError(f"{path} is no TOML: {error}") from None
    for key in found:
        if key not in _KEYS:
            raise BudgetError(f"{path}: unknown key {key!r}; known: {', '.join(_KEYS)}")
    return found


def _space(path: Path, found: dict[str, Any]) -> str | None:
    """A text as it is; of a table the blocks and channels, then every option, lists as sets."""
    table = found.get("space")
    if not isinstance(table, dict):
        return _optional(path, found, "space")
    for name in ("blocks", "channels"):
        if not isinstance(table.get(name), str):
            raise BudgetError(f'{path}: the space needs {name} as a text, as in {name} = "[1..4]*3"')
    options = [f"{key}={_set(value)}" for key, value in table.items() if key not in ("blocks", "channels")]
    return " ".join([f"{table['blocks']}x{table['channels']}", *options])


def _set(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "{" + ",".join(_set(one) for one in value) + "}" if isinstance(value, list) else str(value)


def _text(path: Path, key: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise BudgetError(f'{path}: {key} is a whole number or a text such as "5M", not {value!r}')
    return str(value)


def _optional(path: Path, found: dict[str, Any], key: str) -> str | None:
    value = found.get(key)
    if value is not None and not isinstance(value, str):
        raise BudgetError(f"{path}: {key} is a text, not {value!r}")
    return value
