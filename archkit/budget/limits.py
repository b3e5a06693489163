"""`Budget`: the most, and the least, that a network may cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from archkit.budget.block_table import BlockTable
from archkit.budget.ends import UNLIMITED, End, Limit
from archkit.budget.on_device import device_figures, keeps_on_device
from archkit.budget.read_limits import (
    Given,
    limit_of,
    read_limits,
    take_number,
    take_optimizer,
    take_values,
    take_weight_bits,
)
from archkit.count import totals
from archkit.count.held import in_bytes
from archkit.count.memory import memory, peak_values
from archkit.count.metrics import DEVICE, LIMITED, PEAK, TRAINING, as_options, words
from archkit.count.tables import METRICS
from archkit.count.tflm import check_values
from archkit.errors import BudgetError
from archkit.plan import layout
from archkit.spec import ArchSpec

__all__ = ["Budget", "End", "Limit"]

_MOST_BATCH: Final = 10**9
_SETTINGS: Final = ("batch", "optimizer", "peak_bits", "values")


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
        arena: bytes of the arena under TensorFlow Lite Micro.
        flash: bytes of the TensorFlow Lite file.
        batch: images in a training step.
        optimizer: the optimizer whose states training holds.
        peak_bits: bits of a value in inference.
        values: of that file: `int8`, `int16x8` or `float32`.
        tables: figures by tables of what each block costs.
        of_tables: the limits on those, one for each, in units of the table's last decimal.
    """

    params: Limit = UNLIMITED
    macs: Limit = UNLIMITED
    activations: Limit = UNLIMITED
    depth: Limit = UNLIMITED
    training_memory: Limit = UNLIMITED
    peak_memory: Limit = UNLIMITED
    arena: Limit = UNLIMITED
    flash: Limit = UNLIMITED
    batch: int = 1
    optimizer: str = "momentum"
    peak_bits: int = 32
    values: str = "int8"
    tables: tuple[BlockTable, ...] = ()
    of_tables: tuple[Limit, ...] = ()

    def __post_init__(self) -> None:
        check_values(self.values)
        for name in LIMITED:
            if not isinstance(getattr(self, name), Limit):
                raise BudgetError(
                    f"{name} is a Limit(low, high), not {getattr(self, name)!r}; "
                    f'Budget.read({{"max_{name}": 5_000_000}}) takes numbers'
                )
        if twice := [
            a.name for i, a in enumerate(self.tables) if a.name in [b.name for b in self.tables[:i]]
        ]:
            raise BudgetError(f"two tables are called {as_options(twice[0])}")
        if not self.of_tables:
            object.__setattr__(self, "of_tables", (UNLIMITED,) * len(self.tables))

    @classmethod
    def read(cls, texts: Mapping[str, Given | None], *, tables: Iterable[BlockTable] = ()) -> Budget:
        """A budget from figures such as `{"max_params": "5e6", "min_depth": 10}`; None sets no limit.

        `max_weight_bytes` limits the parameters to `bytes * 8 / bits`, where `weight_bits` gives the bits
        of a weight, 32 by default; `min_weight_bytes` limits them from below. `batch` and `optimizer`
        belong to training memory, `peak_bits` to peak memory, `values` to the arena and the flash. Each of
        `tables` (`archkit.budget.read_table`) is a figure too, with `max_NAME` and `min_NAME`.

        >>> Budget.read({"max_params": "5e6"}).params
        Limit(low=None, high=5000000)
        >>> Budget.read({"max_params": 5_000_000}).params
        Limit(low=None, high=5000000)

        Raises:
            BudgetError: a key is unknown, a value is not a figure or counts something else, or a lower limit
                is above the upper one; or two tables have one name.
        """
        tables = tuple(tables)
        given = {key: text for key, text in texts.items() if text is not None}
        settings: dict[str, Any] = {
            "batch": take_number(given, "batch", 1, most=_MOST_BATCH),
            "optimizer": take_optimizer(given),
            "peak_bits": take_number(given, "peak_bits", 32),
            "values": take_values(given),
        }
        bits = take_weight_bits(given)
        limits: dict[str, Any] = read_limits(given, bits, {table.name: table for table in tables})
        of_tables = tuple(limits.pop(table.name, UNLIMITED) for table in tables)
        return cls(**limits, **settings, tables=tables, of_tables=of_tables)

    def limited(self) -> tuple[tuple[str, Limit], ...]:
        """The figures that are limited, and their limits."""
        every = ((name, self.limit(name)) for name in (*LIMITED, *self.names))
        return tuple((name, limit) for name, limit in every if limit != UNLIMITED)

    @property
    def on_device(self) -> bool:
        """Whether the arena or the flash is limited."""
        return any(self.limit(name) != UNLIMITED for name in DEVICE)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the figures that tables give."""
        return tuple(table.name for table in self.tables)

    @property
    def with_decimals(self) -> tuple[str, ...]:
        """The names of those figures that are no whole numbers."""
        return tuple(table.name for table in self.tables if table.decimals)

    def table(self, name: str) -> BlockTable | None:
        """The table that gives a figure; None if it is not one of a table."""
        return next((table for table in self.tables if table.name == name), None)

    def limit(self, name: str) -> Limit:
        """The limit on a figure; on one of a table in units of the table's last decimal."""
        found: Limit = getattr(self, name) if name in LIMITED else self.of_tables[self.names.index(name)]
        return found

    def amount(self, name: str, value: int) -> int | Decimal:
        """What a whole number of a figure stands for: itself, or the decimal that a table means by it."""
        table = self.table(name)
        return value if table is None else table.amount(value)

    def words(self, name: str) -> str:
        """What a figure counts, in words: `MACs`, `ms of latency`."""
        table = self.table(name)
        return words(name) if table is None else table.words

    def ends(self) -> tuple[End, ...]:
        """Every end of every limit, the upper one before the lower one."""
        return tuple(
            End(name, upper, value)
            for name, limit in self.limited()
            for upper, value in ((True, limit.high), (False, limit.low))
            if value is not None
        )

    def changed(self, texts: Mapping[str, Given | None]) -> Budget:
        """This budget with what `read` takes besides it: an end that is given replaces that end alone.

        >>> Budget.read({"max_params": "5e6"}).changed({"min_params": "1e6"}).params
        Limit(low=1000000, high=5000000)

        Raises:
            BudgetError: as `read`.
        """
        given = {key.replace("-", "_") for key, text in texts.items() if text is not None}
        other = Budget.read(texts, tables=self.tables)
        limits: dict[str, Limit] = {}
        for name, new in other.limited():
            own = self.limit(name)
            # An end that follows from another key, such as max_weight_bytes, does not make this one wider.
            low = own.low if new.low is None else new.low
            if new.low is not None and own.low is not None and f"min_{name}" not in given:
                low = max(own.low, new.low)
            high = own.high if new.high is None else new.high
            if new.high is not None and own.high is not None and f"max_{name}" not in given:
                high = min(own.high, new.high)
            limits[name] = limit_of(name, low, high, self.table(name))
        settings = {key: getattr(other, key) for key in _SETTINGS if key in given}
        return replace(self.replace(**limits), **settings)

    def replace(self, **limits: Limit) -> Budget:
        """This budget with some limits changed."""
        changes: dict[str, Any] = {name: limit for name, limit in limits.items() if name not in self.names}
        of_tables = tuple(limits.get(table.name, self.limit(table.name)) for table in self.tables)
        return replace(self, **changes, of_tables=of_tables)

    def figures(self, spec: ArchSpec, *, also: tuple[str, ...] = ()) -> dict[str, int]:
        """What a network costs: the four figures of `Cost`, and those of `further_figures`.

        Raises:
            BudgetError: as `further_figures`.
        """
        found = {name: int(figure) for name, figure in zip(METRICS, totals(spec), strict=True)}
        return {**found, **self.further_figures(spec, also=also)}

    def further_figures(self, spec: ArchSpec, *, also: tuple[str, ...] = ()) -> dict[str, int]:
        """The bytes of each memory that is limited or in `also`, the figure of every table, and on a device.

        A table's figure is in units of the table's last decimal; `amount` makes a decimal of it.

        Raises:
            BudgetError: a table has no cost for one of the network's blocks.
            ExportError: the arena or the flash is asked for, and TensorFlow Lite Micro lacks an operator.
        """
        found = self._sums_and_peak(spec, also)
        wanted = [name for name in DEVICE if name in also or self.limit(name) != UNLIMITED]
        on_device = device_figures(spec, self.values) if wanted else {}
        return {**found, **{name: on_device[name] for name in wanted}}

    def _sums_and_peak(self, spec: ArchSpec, also: tuple[str, ...] = ()) -> dict[str, int]:
        found = {}
        if TRAINING in also or self.training_memory != UNLIMITED:
            found[TRAINING] = memory(spec, batch=self.batch, optimizer=self.optimizer).training
        if PEAK in also or self.peak_memory != UNLIMITED:
            found[PEAK] = in_bytes(peak_values(layout(spec)), self.peak_bits)
        return {**found, **{table.name: table.of(spec) for table in self.tables}}

    def fits(self, spec: ArchSpec) -> bool:
        """Whether a network keeps to every limit."""
        found = {**dict(zip(METRICS, totals(spec), strict=True)), **self._sums_and_peak(spec)}
        return all(self.limit(name).allows(int(value)) for name, value in found.items()) and (
            self.fits_device(spec)
        )

    def fits_device(self, spec: ArchSpec) -> bool:
        """Whether a network keeps to the limits on the arena and the flash.

        Raises:
            ExportError: one is limited, and TensorFlow Lite Micro lacks an operator.
        """
        return not self.on_device or keeps_on_device(
            spec, arena=self.arena, flash=self.flash, values=self.values
        )
