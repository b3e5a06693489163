"""What the parts of a `Recipe` share: how a field is checked, and how one is added later."""

from __future__ import annotations

from typing import Any, Final

from archkit.errors import RunError

__all__ = ["ADDED", "require"]

ADDED: Final[dict[str, Any]] = {"added": True}
"""The metadata of a field that recipes did not always have.

At its default such a field decides nothing: a run has the same key as one made before the field was there.
"""


def require(condition: bool, message: str) -> None:
    """Raises RunError with `message` unless `condition` is true."""
    if not condition:
        raise RunError(message)
