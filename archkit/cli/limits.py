"""What the commands that take a space and a budget share: their arguments and options."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, get_type_hints

import typer

from archkit.cli.completion import budgets, spaces
from archkit.cli.ignored import refuse
from archkit.cli.stopping import when_stopped
from archkit.cli.tables import LATENCY, Latency, Tables, named_tables, own_limits
from archkit.count.metrics import ARENA, DEVICE, FLASH, LIMITED, PEAK, TRAINING, as_options, words
from archkit.count.optimizers import OPTIMIZER_STATES
from archkit.errors import BudgetError, unknown
from archkit.spec import DEFAULT_SPACE, SPACES

if TYPE_CHECKING:
    from archkit.budget import Budget

__all__ = ["BudgetPath", "Force", "Named", "Space", "chosen_space", "refuse_settings", "takes_limits"]

Space: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="[SPACE]",
        help="A spec with sets in it, or a TOML file that holds one. By default the budget file's, or 3 or 4 "
        "stages of 1 to 9 basic blocks, channels 16 to 320 that never fall: "
        # Rich would take what stands in square brackets for markup.
        + DEFAULT_SPACE.replace("[", r"\[")
        + ".",
        show_default=False,
    ),
]
Named: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--space", metavar="NAME", autocompletion=spaces, help=f"A space by name: {', '.join(SPACES)}."
    ),
]
BudgetPath: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="NAME|FILE",
        autocompletion=budgets,
        help="A budget that `archkit budgets` lists, or a TOML file; limits given as options replace it.",
    ),
]
Force: TypeAlias = Annotated[
    bool, typer.Option("--force", help="Let --output replace a file that is there already.")
]

_DETAILS: Final = {
    "params": ": 5e6, 5M or 5_000_000",
    "macs": ": 400M",
    TRAINING: ", in float32",
    PEAK: ", as 64KiB: the most bytes of values alive at once in inference of one image",
    ARENA: ", as 64kB: what TensorFlow Lite Micro works in",
    FLASH: ", as 256kB: the TensorFlow Lite file",
    "weight_bytes": ": 256kB or 256KiB",
}
_SETTINGS: Final = {
    "weight_bits": "Bits of a weight, for bytes of weights; 32 by default.",
    "peak_bits": "Bits of a value, for peak memory; 32 by default.",
    "values": "Values of that file: int8, float32 or int16x8; int8 by default.",
    "batch": "Images in a batch, for training memory; 1 by default.",
    "optimizer": f"Optimizer, for training memory: {', '.join(OPTIMIZER_STATES)}; momentum by default.",
}
_PANEL: Final = "Limits"
_OF_LATENCY: Final = ("max_latency", "min_latency")


def _own(side: str, says: str) -> Any:
    return Annotated[
        list[str] | None,
        typer.Option(f"--{side}", metavar="NAME=VALUE", help=says, rich_help_panel=_PANEL),
    ]


_OF_TABLES: Final = {
    "table": Tables,
    LATENCY: Latency,
    "max_own": _own("max", "At most so much of a figure that --table gives."),
    "min_own": _own("min", "At least so much of it."),
    **{
        key: Annotated[str | None, typer.Option(f"--{as_options(key)}", help=says, rich_help_panel=_PANEL)]
        for key, says in zip(
            _OF_LATENCY, ("At most so much latency, as 3ms.", "At least so much latency."), strict=True
        )
    },
}


def _helps() -> dict[str, str]:
    """The help of every limit, by key (`max_params`)."""
    found = {}
    for name, unit in {**{name: words(name) for name in LIMITED}, "weight_bytes": "bytes of weights"}.items():
        found[f"max_{name}"] = f"At most this many {unit}{_DETAILS.get(name, '')}."
        found[f"min_{name}"] = f"At least this many {unit}."
    return {**found, **_SETTINGS}


def chosen_space(space: str | None, named: str | None) -> str | None:
    """The space that is given, as it is or by name; None if neither is.

    Raises:
        Ignored: both are.
        BudgetError: no space has the name.
    """
    if named is None:
        return space
    if space is not None:
        refuse("does not go with a space", space=named)
    if named not in SPACES:
        raise BudgetError(unknown("space", named, SPACES))
    return SPACES[named]


def refuse_settings(limits: Mapping[str, str], budget: Budget, *also: str) -> None:
    """Refuse settings of a memory that is given as an option but neither limited nor in `also`.

    Raises:
        Ignored: such a setting would be ignored.
    """
    used = {name for name, _ in budget.limited()} | set(also)
    for keys, *figures in (
        (("batch", "optimizer"), TRAINING),
        (("peak_bits",), PEAK),
        (("values",), *DEVICE),
    ):
        if used.isdisjoint(figures):
            counted = " or ".join(map(words, figures))
            refuse(f"goes with a limit on {counted}", **{key: limits.get(key) for key in keys})


def takes_limits(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for every limit; `limits` receives those that are given, as texts by key.

    A command with an argument `tables` gets the options of tables too: it receives the paths by name.
    """
    helps = _helps()
    by_table = "tables" in inspect.signature(command).parameters

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:
        limits = {key: given.pop(key) for key in helps}
        if by_table:
            given["tables"] = named_tables(given.pop("table") or (), given.pop(LATENCY))
            own = own_limits(given.pop("max_own") or (), given.pop("min_own") or ())
            limits.update({key: given.pop(key) for key in _OF_LATENCY})
            for key, text in own.items():
                refuse(f"and --{key[:3]} {as_options(key[4:])} do not go together", **{key: limits.get(key)})
                limits[key] = text
        with when_stopped("nothing was kept"):
            command(**given, limits={key: text for key, text in limits.items() if text is not None})

    own = inspect.signature(command).parameters
    hints = get_type_hints(command, include_extras=True)
    options = {
        key: Annotated[str | None, typer.Option(f"--{as_options(key)}", help=text, rich_help_panel=_PANEL)]
        for key, text in helps.items()
    }
    if by_table:
        options.update(_OF_TABLES)
    kept = [p.replace(annotation=hints[name]) for name, p in own.items() if name not in ("limits", "tables")]
    added = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
        for key, option in options.items()
    ]
    # Typer reads both of these, so that all commands share one list of a dozen options.
    changed: Any = wrapper
    changed.__signature__ = inspect.Signature([*kept, *added])
    changed.__annotations__ = {**{p.name: p.annotation for p in kept}, **options}
    return wrapper
