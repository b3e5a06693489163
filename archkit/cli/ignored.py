"""Options that would be ignored are refused."""

from __future__ import annotations

import typer

__all__ = ["Ignored", "one_of", "refuse"]


class Ignored(typer.BadParameter):
    """An option would change nothing, whatever its value."""

    def format_message(self) -> str:
        """The message alone, without "Invalid value" before it."""
        return self.message


def refuse(why: str, **options: object) -> None:
    """Refuse the options that are given; those that are None or False are not.

    Args:
        why: what the message says of the option, such as `goes with --memory`.
        **options: the values by name, with `_` for `-`.

    Raises:
        Ignored: an option is given.
    """
    for name in _given(options):
        raise Ignored(f"{name} {why}")


def one_of(**options: object) -> None:
    """Refuse more than one of some options.

    Raises:
        Ignored: two of them are given.
    """
    given = _given(options)
    if len(given) > 1:
        raise Ignored(f"{given[0]} and {given[1]} do not go together")


def _given(options: dict[str, object]) -> list[str]:
    return [
        f"--{name.rstrip('_').replace('_', '-')}"
        for name, value in options.items()
        if value is not None and value is not False
    ]
