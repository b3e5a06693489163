"""`Budget`: what a network may cost at most, and must cost at least."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Any, Final, NamedTuple

from archkit.count import totals
from archkit.count.figure import parse_figure
from archkit.count.held import in_bytes
from archkit.count.memory import OPTIMIZER_STATES, memory, peak_values
from archkit.count.tables import METRICS
from archkit.errors import BudgetError
from archkit.plan import layout
from archkit.spec import ArchSpec

__all__ = ["FIGURES", "PEAK", "TRAINING", "Budget", "Limit", "words"]

TRAINING: Final = "training_memory"
PEAK: Final = "peak_memory"
FIGURES: Final = (*METRICS, TRAINING, PEAK)
"""What a budget can limit. All are sums over blocks but the last, which is a maximum over them."""

_BOUND: Final = 10**18  # far above what any network costs, and far below 2**63
_WORDS: Final = {
    "params": "parameters",
    "macs": "MACs",
    "activations": "activations",
    "depth": "layers one behind another",
    TRAINING: "bytes of training memory",
    PEAK: "bytes of peak memory",
}


def words(name: str) -> str:
    """A figure in words: `MACs`, `bytes of peak memory`."""
    return _WORDS[name]


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
        training_memory: bytes that training holds in float32, for a batch of `batch` images.
        peak_memory: bytes of the values alive at once in inference of one image at `peak_bits` bits
            each, weights not counted.
        batch: images of a training step.
        optimizer: whose states training holds.
        peak_bits: bits of a value in inference.
    """

    params: Limit = NO_LIMIT
    macs: Limit = NO_LIMIT
    activations: Limit = NO_LIMIT
    depth: Limit = NO_LIMIT
    training_memory: Limit = NO_LIMIT
    peak_memory: Limit = NO_LIMIT
    batch: int = 1
    optimizer: str = "momentum"
    peak_bits: int = 32

    @classmethod
    def read(cls, texts: Mapping[str, str | None]) -> Budget:
        """A budget from texts such as `{"max_params": "5e6", "min_depth": "10"}`; None is no limit.

        `max_weight_bytes` at `weight_bits` bits a weight (32 unless given) limits the parameters to
        `bytes * 8 / bits`, and so does `min_weight_bytes` from below. `batch` and `optimizer` are those
        of training memory, `peak_bits` those of peak memory.

        >>> Budget.read({"max_params": "5e6"}).params
        Limit(low=None, high=5000000)

        Raises:
            BudgetError: a key is unknown, a figure is none, or a lower limit is above the upper one.
        """
        given = {key: text for key, text in texts.items() if text is not None}
        settings = _settings(given)
        bits = _number(given, "weight_bits", 32, most=64)
        if "weight_bits" in texts and texts["weight_bits"] is not None and not _limits_weights(given):
            raise BudgetError("weight-bits needs max-weight-bytes or min-weight-bytes")
        ends: dict[str, dict[str, int]] = {}
        for key, text in given.items():
            side, _, name = key.partition("_")
            if side not in ("min", "max") or name not in (*FIGURES, "weight_bytes"):
                raise BudgetError(f"unknown limit {key!r}; known: {', '.join(_known())}")
            value = _integer(key, text, up=side == "min")
            if name == "weight_bytes":
                name, value = "params", value * 8 // bits if side == "max" else -(-value * 8 // bits)
            end = ends.setdefault(name, {})
            tightest = min if side == "max" else max
            end[side] = tightest(value, end.get(side, value))
        limits: dict[str, Any] = {}
        for name, end in ends.items():
            low, high = end.get("min"), end.get("max")
            if low is not None and high is not None and low > high:
                raise BudgetError(f"min_{name} {low:,} is above max_{name} {high:,}: nothing can fit")
            limits[name] = Limit(low, high)
        return cls(**limits, **settings)

    def limited(self) -> tuple[tuple[str, Limit], ...]:
        """The figures that are limited, and their limits."""
        return tuple((name, getattr(self, name)) for name in FIGURES if getattr(self, name) != NO_LIMIT)

    def replace(self, **limits: Limit) -> Budget:
        """This budget with some limits changed."""
        changes: dict[str, Any] = dict(limits)
        return replace(self, **changes)

    def figures(self, spec: ArchSpec, *, also: tuple[str, ...] = ()) -> dict[str, int]:
        """What a network costs: the four figures of `Cost`, and each memory that is limited or in `also`."""
        found = {name: int(figure) for name, figure in zip(METRICS, totals(spec), strict=True)}
        if TRAINING in also or self.training_memory != NO_LIMIT:
            found[TRAINING] = memory(spec, batch=self.batch, optimizer=self.optimizer).training
        if PEAK in also or self.peak_memory != NO_LIMIT:
            found[PEAK] = in_bytes(peak_values(layout(spec)), self.peak_bits)
        return found

    def fits(self, spec: ArchSpec) -> bool:
        """Whether a network keeps to every limit."""
        return all(getattr(self, name).allows(value) for name, value in self.figures(spec).items())


def _known() -> list[str]:
    names = (*FIGURES, "weight_bytes")
    return [f"{side}_{name}" for name in names for side in ("min", "max")] + [
        "weight_bits",
        "peak_bits",
        "batch",
        "optimizer",
    ]


def _limits_weights(given: Mapping[str, str]) -> bool:
    return "max_weight_bytes" in given or "min_weight_bytes" in given


def _settings(given: dict[str, str]) -> dict[str, Any]:
    """Takes what is no limit out of the texts."""
    optimizer = given.pop("optimizer", "momentum")
    if optimizer not in OPTIMIZER_STATES:
        raise BudgetError(f"optimizer is {' | '.join(OPTIMIZER_STATES)}, not {optimizer}")
    return {
        "batch": _number(given, "batch", 1, most=10**9),
        "optimizer": optimizer,
        "peak_bits": _number(given, "peak_bits", 32, most=64),
    }


def _number(given: dict[str, str], key: str, default: int, *, most: int) -> int:
    """Takes a whole number of 1 or more out of the texts."""
    text = given.pop(key, None)
    if text is None:
        return default
    value = _integer(key, text, up=False)
    if not 1 <= value <= most:
        raise BudgetError(f"{key.replace('_', '-')} must be 1 to {most:,}, not {text}")
    return value


def _integer(key: str, text: str, *, up: bool) -> int:
    """A limit as an integer: the tightest one that says the same."""
    try:
        value = parse_figure(text).value
    except BudgetError as error:
        raise BudgetError(f"{key.replace('_', '-')}: {error}") from None
    if value > _BOUND:
        raise BudgetError(f"{key.replace('_', '-')}: {text} is beyond every network")
    return ceil(value) if up else floor(value)
