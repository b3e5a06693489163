"""What a drawing reads of its setting: settings that differ elsewhere are drawn alike."""

from __future__ import annotations

from typing import Any

__all__ = ["Read", "Watched"]


class Watched:
    """A setting that notes which of its values are read, in order.

    Args:
        setting: of a stage, as `Family.setting` makes it.
    """

    def __init__(self, setting: Any) -> None:
        self._setting = setting
        self.read: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._setting, name)
        self.read[name] = value
        return value


class Read:
    """Results of one function of a setting, remembered by the values that it read and no others.

    The function must read the same value first whatever the setting; which one it reads next may depend on
    what it has read.
    """

    __slots__ = ("_after", "_name", "_result")

    def __init__(self) -> None:
        self._name: str | None = None
        self._after: dict[Any, Read] = {}
        self._result: Any = None

    def of(self, setting: Any) -> Any:
        """The result for a setting; None where the function has read no such values yet."""
        at = self
        while at._name is not None:
            found = at._after.get(getattr(setting, at._name))
            if found is None:
                return None
            at = found
        return at._result

    def keep(self, watched: Watched, result: Any) -> Any:
        """Remembers a result by what was read for it, and gives it back."""
        at = self
        for name, value in watched.read.items():
            at._name = name
            at = at._after.setdefault(value, Read())
        at._result = result
        return result
