"""The ends of what a figure may be."""

from __future__ import annotations

from typing import Final, NamedTuple

from archkit.count.metrics import as_options

__all__ = ["UNLIMITED", "End", "Limit"]


class Limit(NamedTuple):
    """The range that a figure must lie in, both ends included; None where there is no limit."""

    low: int | None = None
    high: int | None = None

    def allows(self, value: int) -> bool:
        """Whether a figure lies in the range."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


UNLIMITED: Final = Limit()


class End(NamedTuple):
    """One end of a limit: the figure, whether it is the upper end, and where the end is.

    Of a table's figure, that is in units of the table's last decimal.
    """

    figure: str
    upper: bool
    value: int

    @property
    def option(self) -> str:
        """Its name as an option: `max-params`."""
        return as_options(f"{'max' if self.upper else 'min'}_{self.figure}")
