"""What the commands that take a space and a budget share: their options, and reading them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, get_type_hints

import typer

if TYPE_CHECKING:
    from archkit.budget import Budget
    from archkit.spec import SearchSpace

__all__ = ["BudgetPath", "Space", "read_space_and_budget", "takes_limits", "why_nothing_fits"]

Space: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="[SPACE]",
        help="A spec with sets in it, or a TOML file with one. By default the budget file's, or 3 to 5 "
        "stages of 1 to 4 basic blocks, channels doubling from 16 to 512 and never falling: "
        r"\[1..4]*3..5x\[{16,32,64,128,256,512}] order=nondecreasing.",
        show_default=False,
    ),
]
BudgetPath: TypeAlias = Annotated[
    Path | None,
    typer.Option("--budget", help="A budget file (TOML); limits given beside it replace the file's."),
]

_FIGURES: Final = {
    "params": "parameters: 5e6, 5M, 5_000_000",
    "macs": "multiply-accumulates: 400M",
    "activations": "activations",
    "depth": "layers one behind another",
    "weight_bytes": "bytes of weights: 256k",
    "training_memory": "bytes of training in float32",
    "peak_memory": "bytes of values alive at once in inference of one image",
}
_OTHERS: Final = {
    "weight_bits": "Bits of a weight, for the bytes of weights; 32 by default.",
    "peak_bits": "Bits of a value, for peak memory; 32 by default.",
    "batch": "Images of a batch, for training memory; 1 by default.",
    "optimizer": "Of training memory: none, sgd, momentum (the default), adam, adamw or adadelta.",
}
_PANEL: Final = "Limits"


def _helps() -> dict[str, str]:
    found = {}
    for name, unit in _FIGURES.items():
        found[f"max_{name}"] = f"At most so many {unit}."
        found[f"min_{name}"] = f"At least so many {unit.partition(':')[0]}."
    return {**found, **_OTHERS}


def takes_limits(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command an option for every limit; it gets what was given as `limits`, texts by key."""
    helps = _helps()

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:
        limits = {key: given.pop(key) for key in helps}
        command(**given, limits={key: text for key, text in limits.items() if text is not None})

    own = inspect.signature(command).parameters
    hints = get_type_hints(command, include_extras=True)
    options = {
        key: Annotated[
            str | None, typer.Option(f"--{key.replace('_', '-')}", help=text, rich_help_panel=_PANEL)
        ]
        for key, text in helps.items()
    }
    kept = [p.replace(annotation=hints[name]) for name, p in own.items() if name != "limits"]
    added = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
        for key, option in options.items()
    ]
    # Typer reads both; a dozen options are thus written once for all commands.
    changed: Any = wrapper
    changed.__signature__ = inspect.Signature([*kept, *added])
    changed.__annotations__ = {**{p.name: p.annotation for p in kept}, **options}
    return wrapper


def read_space_and_budget(
    space: str | None, path: Path | None, limits: dict[str, str]
) -> tuple[SearchSpace, Budget]:
    """The space and the budget of a command.

    Raises:
        SpecError: the text is no space.
        BudgetError: a limit, the budget file or the space's file is wrong.
    """
    from archkit.budget import Budget, read_budget, read_space
    from archkit.spec import DEFAULT_SPACE, parse_space

    text, texts = DEFAULT_SPACE, {}
    if path is not None:
        file = read_budget(path)
        text, texts = file.space or text, dict(file.texts)
    if space is not None:
        text = read_space(Path(space)) if space.endswith(".toml") else space
    return parse_space(text), Budget.read({**texts, **limits})


def why_nothing_fits(space: SearchSpace, budget: Budget) -> list[str]:
    """A line for each limit: how far it would have to give way."""
    from archkit.budget import relaxations

    return [str(one) for one in relaxations(space, budget)]
