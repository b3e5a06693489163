"""What is said of a proposal that is unlike every published network."""

from __future__ import annotations

from collections.abc import Iterable

from archkit.cli.render import show

__all__ = ["show_unlike", "unlike"]


def unlike(text: str) -> str:
    """The measures in which a network is unlike every published one; an empty text if there are none."""
    from archkit.budget.published import outside
    from archkit.spec import parse

    return "; ".join(map(str, outside(parse(text))))


def show_unlike(specs: Iterable[str]) -> None:
    """Mark the networks that are unlike every published one, a line for each."""
    for spec in specs:
        if marks := unlike(spec):
            show(f"Unlike every published network: {spec}: {marks}.")
