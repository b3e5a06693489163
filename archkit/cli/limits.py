"""What the commands that take a space and a budget share: their options, and reading them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from archkit.budget import Budget
    from archkit.spec import SearchSpace

__all__ = [
    "BudgetPath",
    "MaxActivations",
    "MaxDepth",
    "MaxMacs",
    "MaxParams",
    "MaxWeightBytes",
    "MinActivations",
    "MinDepth",
    "MinMacs",
    "MinParams",
    "Space",
    "WeightBits",
    "read_space_and_budget",
]

Space: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="[SPACE]",
        help="A spec with sets in it. By default the budget file's, or 3 to 5 stages of 1 to 4 basic blocks, "
        r"channels doubling from 16 to 512 and never falling: \[1..4]*3..5x\[{16,32,64,128,256,512}] "
        "order=nondecreasing.",
        show_default=False,
    ),
]
_Limit: TypeAlias = str | None
MaxParams: TypeAlias = Annotated[_Limit, typer.Option(help="At most so many parameters: 5e6, 5M, 5_000_000.")]
MinParams: TypeAlias = Annotated[_Limit, typer.Option(help="At least so many parameters.")]
MaxMacs: TypeAlias = Annotated[_Limit, typer.Option(help="At most so many multiply-accumulates: 400M.")]
MinMacs: TypeAlias = Annotated[_Limit, typer.Option(help="At least so many multiply-accumulates.")]
MaxActivations: TypeAlias = Annotated[_Limit, typer.Option(help="At most so many activations.")]
MinActivations: TypeAlias = Annotated[_Limit, typer.Option(help="At least so many activations.")]
MaxDepth: TypeAlias = Annotated[_Limit, typer.Option(help="At most so many layers one behind another.")]
MinDepth: TypeAlias = Annotated[_Limit, typer.Option(help="At least so many layers one behind another.")]
MaxWeightBytes: TypeAlias = Annotated[_Limit, typer.Option(help="At most so many bytes of weights: 256k.")]
WeightBits: TypeAlias = Annotated[_Limit, typer.Option(help="Bits of a weight; 32 by default.")]
BudgetPath: TypeAlias = Annotated[
    Path | None,
    typer.Option("--budget", help="A budget file (TOML); limits given beside it replace the file's."),
]


def read_space_and_budget(
    space: str | None, path: Path | None, limits: dict[str, str | None]
) -> tuple[SearchSpace, Budget]:
    """The space and the budget of a command.

    Raises:
        SpecError: the text is no space.
        BudgetError: a limit or the budget file is wrong.
    """
    from archkit.budget import Budget, read_budget
    from archkit.spec import DEFAULT_SPACE, parse_space

    text, texts = DEFAULT_SPACE, {}
    if path is not None:
        file = read_budget(path)
        text, texts = file.space or text, dict(file.texts)
    given = {key: value for key, value in limits.items() if value is not None}
    return parse_space(text if space is None else space), Budget.read({**texts, **given})
