"""`Budget`: the most, and the least, that a network may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Any, Final, NamedTuple, TypeAlias

from archkit.count import totals
from archkit.count.figure import parse_figure
from archkit.count.held import in_bytes
from archkit.count.memory import OPTIMIZER_STATES, memory, peak_values
from archkit.count.metrics import FIGURES, PEAK, TRAINING, as_options, words
from archkit.count.tables import METRICS
from archkit.errors import BudgetError, unknown
from archkit.plan import layout
from archkit.spec import ArchSpec

__all__ = ["Budget", "End", "Limit"]

_BOUND: Final = 10**18  # far above what any network costs, and far below 2**63
_MOST_BATCH: Final = 10**9
_MOST_BITS: Final = 64
_WEIGHT_BYTES: Final = "weight_bytes"  # a limit on parameters, written in bytes
_IN_BYTES: Final = (_WEIGHT_BYTES, TRAINING, PEAK)
_Given: TypeAlias = str | float  # a figure, or the name of an optimizer
_KEYS: Final = (
    *(f"{side}_{name}" for name in (*FIGURES, _WEIGHT_BYTES) for side in ("min", "max")),
    "weight_bits",
    "peak_bits",
    "batch",
    "optimizer",
)


class Limit(NamedTuple):
    """The range that a figure must lie in, both ends included; None where there is no limit."""

    low: int | None = None
    high: int | None = None

    def allows(self, value: int) -> bool:
        """Whether a figure lies in the range."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


UNLIMITED: Final = Limit()


class End(NamedTuple):
    """One end of a limit: the figure, whether it is the upper end, and where the end is."""

    figure: str
    upper: bool
    value: int

    @property
    def option(self) -> str:
        """Its name as an option: `max-params`."""
        return as_options(f"{'max' if self.upper else 'min'}_{self.figure}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Limits on what a network costs. Make one with `Budget.read`.

    Attributes:
        params: learnable parameters.
        macs: multiply-accumulates for one image, the bias not counted.
        activations: elements that convs and linear layers put out for one image.
        depth: convs and linear layers along the longest path, shortcuts not counted.
        training_memory: bytes that training holds in float32, for a batch of `batch` images.
        peak_memory: the most bytes of values alive at once in inference of one image, at `peak_bits`
            bits a value; weights are not counted.
        batch: images in a training step.
        optimizer: the optimizer whose states training holds.
        peak_bits: bits of a value in inference.
    """

    params: Limit = UNLIMITED
    macs: Limit = UNLIMITED
    activations: Limit = UNLIMITED
    depth: Limit = UNLIMITED
    training_memory: Limit = UNLIMITED
    peak_memory: Limit = UNLIMITED
    batch: int = 1
    optimizer: str = "momentum"
    peak_bits: int = 32

    def __post_init__(self) -> None:
        for name in FIGURES:
            if not isinstance(getattr(self, name), Limit):
                raise BudgetError(
                    f"{name} is a Limit(low, high), not {getattr(self, name)!r}; "
                    f'Budget.read({{"max_{name}": 5_000_000}}) takes numbers'
                )

    @classmethod
    def read(cls, texts: Mapping[str, _Given | None]) -> Budget:
        """A budget from figures such as `{"max_params": "5e6", "min_depth": 10}`; None sets no limit.

        `max_weight_bytes` limits the parameters to `bytes * 8 / bits`, where `weight_bits` gives the bits
        of a weight, 32 by default; `min_weight_bytes` limits them from below. `batch` and `optimizer`
        belong to training memory, `peak_bits` to peak memory.

        >>> Budget.read({"max_params": "5e6"}).params
        Limit(low=None, high=5000000)
        >>> Budget.read({"max_params": 5_000_000}).params
        Limit(low=None, high=5000000)

        Raises:
            BudgetError: a key is unknown, a value is not a figure or counts something else, or a lower limit
                is above the upper one.
        """
        given = {key: text for key, text in texts.items() if text is not None}
        settings: dict[str, Any] = {
            "batch": _take_number(given, "batch", 1, most=_MOST_BATCH),
            "optimizer": _take_optimizer(given),
            "peak_bits": _take_number(given, "peak_bits", 32, most=_MOST_BITS),
        }
        limits: dict[str, Any] = _read_limits(given, _take_weight_bits(given))
        return cls(**limits, **settings)

    def limited(self) -> tuple[tuple[str, Limit], ...]:
        """The figures that are limited, and their limits."""
        return tuple((name, getattr(self, name)) for name in FIGURES if getattr(self, name) != UNLIMITED)

    def ends(self) -> tuple[End, ...]:
        """Every end of every limit, the upper one before the lower one."""
        return tuple(
            End(name, upper, value)
            for name, limit in self.limited()
            for upper, value in ((True, limit.high), (False, limit.low))
            if value is not None
        )

    def replace(self, **limits: Limit) -> Budget:
        """This budget with some limits changed."""
        changes: dict[str, Any] = dict(limits)
        return replace(self, **changes)

    def figures(self, spec: ArchSpec, *, also: tuple[str, ...] = ()) -> dict[str, int]:
        """What a network costs: the four figures of `Cost`, and each memory that is limited or in `also`."""
        found = {name: int(figure) for name, figure in zip(METRICS, totals(spec), strict=True)}
        return {**found, **self.memories(spec, also=also)}

    def memories(self, spec: ArchSpec, *, also: tuple[str, ...] = ()) -> dict[str, int]:
        """The bytes of each kind of memory that is limited or in `also`."""
        found = {}
        if TRAINING in also or self.training_memory != UNLIMITED:
            found[TRAINING] = memory(spec, batch=self.batch, optimizer=self.optimizer).training
        if PEAK in also or self.peak_memory != UNLIMITED:
            found[PEAK] = in_bytes(peak_values(layout(spec)), self.peak_bits)
        return found

    def fits(self, spec: ArchSpec) -> bool:
        """Whether a network keeps to every limit."""
        return all(getattr(self, name).allows(value) for name, value in self.figures(spec).items())


def _read_limits(given: Mapping[str, _Given], weight_bits: int) -> dict[str, Limit]:
    """The limits by figure. Of two limits on the same end, the tighter one holds."""
    ends: dict[str, dict[str, int]] = {}
    for key, text in given.items():
        side, _, name = key.partition("_")
        if side not in ("min", "max") or name not in (*FIGURES, _WEIGHT_BYTES):
            raise BudgetError(unknown("limit", key, _KEYS))
        value = _integer(key, text, up=side == "min", counted=name)
        if name == _WEIGHT_BYTES:
            name = "params"
            value = value * 8 // weight_bits if side == "max" else -(-value * 8 // weight_bits)
        end = ends.setdefault(name, {})
        tightest = min if side == "max" else max
        end[side] = tightest(value, end.get(side, value))
    return {name: _limit(name, end.get("min"), end.get("max")) for name, end in ends.items()}


def _limit(name: str, low: int | None, high: int | None) -> Limit:
    if low is not None and high is not None and low > high:
        lower, upper = End(name, False, low).option, End(name, True, high).option
        raise BudgetError(f"{lower} {low:,} is above {upper} {high:,}: nothing can fit")
    return Limit(low, high)


def _take_optimizer(given: dict[str, _Given]) -> str:
    """Take the optimizer out of the texts."""
    optimizer = given.pop("optimizer", "momentum")
    if not isinstance(optimizer, str) or optimizer not in OPTIMIZER_STATES:
        raise BudgetError(f"optimizer must be one of {', '.join(OPTIMIZER_STATES)}, not {optimizer!r}")
    return optimizer


def _take_weight_bits(given: dict[str, _Given]) -> int:
    """Take the bits of a weight out of the texts."""
    if "weight_bits" in given and not {"max_weight_bytes", "min_weight_bytes"} & given.keys():
        raise BudgetError("weight-bits needs max-weight-bytes or min-weight-bytes")
    return _take_number(given, "weight_bits", 32, most=_MOST_BITS)


def _take_number(given: dict[str, _Given], key: str, default: int, *, most: int) -> int:
    """Take a whole number of 1 or more out of the texts."""
    text = given.pop(key, None)
    if text is None:
        return default
    value = _integer(key, text, up=False)
    if not 1 <= value <= most:
        raise BudgetError(f"{as_options(key)} must be 1 to {most:,}, not {text}")
    return value


def _integer(key: str, text: _Given, *, up: bool, counted: str | None = None) -> int:
    """A limit as an integer: the tightest one that means the same."""
    try:
        figure = parse_figure(text)
    except BudgetError as error:
        raise BudgetError(f"{as_options(key)}: {error}") from None
    if figure.counted not in (None, "bytes" if counted in _IN_BYTES else counted):
        raise BudgetError(f"{as_options(key)}: {text} counts {words(figure.counted)}")
    if figure.value > _BOUND:
        raise BudgetError(f"{as_options(key)}: {figure.text} is beyond every network")
    return ceil(figure.value) if up else floor(figure.value)
