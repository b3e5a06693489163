"""`Budget`: what a network may cost at most, and must cost at least."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import ceil, floor
from typing import Final, NamedTuple

from archkit.count import Cost
from archkit.count.figure import parse_figure
from archkit.errors import BudgetError

__all__ = ["Budget", "Limit"]

_BOUND: Final = 10**18  # far above what any network costs, and far below 2**63


class Limit(NamedTuple):
    """A figure's range, both ends included; None where it is not limited."""

    low: int | None = None
    high: int | None = None

    def allows(self, value: int) -> bool:
        """Whether a figure lies in the range."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


NO_LIMIT: Final = Limit()


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Limits on what a network costs; make one with `Budget.read`.

    Attributes:
        params: learnable parameters.
        macs: multiply-accumulates for one image, bias not counted.
        activations: elements that convs and linear layers put out for one image.
        depth: convs and linear layers one behind another, shortcuts not counted.
    """

    params: Limit = NO_LIMIT
    macs: Limit = NO_LIMIT
    activations: Limit = NO_LIMIT
    depth: Limit = NO_LIMIT

    @classmethod
    def read(cls, texts: Mapping[str, str | None]) -> Budget:
        """A budget from texts such as `{"max_params": "5e6", "min_depth": "10"}`; None is no limit.

        `max_weight_bytes` at `weight_bits` bits a weight (32 unless given) limits the parameters to
        `bytes * 8 / bits`.

        >>> Budget.read({"max_params": "5e6"}).params
        Limit(low=None, high=5000000)

        Raises:
            BudgetError: a key is unknown, a figure is none, or a lower limit is above the upper one.
        """
        texts = _weights_as_params(texts)
        ends: dict[str, dict[str, int]] = {}
        for key, text in texts.items():
            side, _, name = key.partition("_")
            if name not in cls.names() or side not in ("min", "max"):
                known = ", ".join(f"{side}_{name}" for name in cls.names() for side in ("min", "max"))
                known += ", max_weight_bytes, weight_bits"
                raise BudgetError(f"unknown limit {key!r}; known: {known}")
            if text is not None:
                ends.setdefault(name, {})[side] = _integer(key, text, up=side == "min")
        limits = {}
        for name, given in ends.items():
            low, high = given.get("min"), given.get("max")
            if low is not None and high is not None and low > high:
                raise BudgetError(f"min_{name} {low:,} is above max_{name} {high:,}: nothing can fit")
            limits[name] = Limit(low, high)
        return cls(**limits)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The figures that can be limited."""
        return tuple(field.name for field in fields(cls))

    def limited(self) -> tuple[tuple[str, Limit], ...]:
        """The figures that are limited, and their limits."""
        return tuple((name, getattr(self, name)) for name in self.names() if getattr(self, name) != NO_LIMIT)

    def replace(self, **limits: Limit) -> Budget:
        """This budget with some limits changed."""
        return replace(self, **limits)

    def allows(self, cost: Cost) -> bool:
        """Whether a network of this cost keeps to every limit."""
        return all(getattr(self, name).allows(getattr(cost, name)) for name in self.names())


def _weights_as_params(texts: Mapping[str, str | None]) -> dict[str, str | None]:
    """The same limits, that on the bytes of weights as one on parameters."""
    found = dict(texts)
    text, bits_text = found.pop("max_weight_bytes", None), found.pop("weight_bits", None)
    bits = 32 if bits_text is None else _integer("weight_bits", bits_text, up=False)
    if not 1 <= bits <= 64:
        raise BudgetError(f"weight-bits must be 1 to 64, not {bits_text}")
    if text is None:
        if bits_text is not None:
            raise BudgetError("weight-bits needs max-weight-bytes")
        return found
    params = _integer("max_weight_bytes", text, up=False) * 8 // bits
    given = found.get("max_params")
    if given is not None:
        params = min(params, _integer("max_params", given, up=False))
    found["max_params"] = str(params)
    return found


def _integer(key: str, text: str, *, up: bool) -> int:
    """A limit as an integer: the tightest one that says the same."""
    try:
        value = parse_figure(text).value
    except BudgetError as error:
        raise BudgetError(f"{key.replace('_', '-')}: {error}") from None
    if value > _BOUND:
        raise BudgetError(f"{key.replace('_', '-')}: {text} is beyond every network")
    return ceil(value) if up else floor(value)
