"""`archkit certify`: how many fair samples a claim takes, the suite that trains them, and what it proves."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from archkit.cli.completion import recipes
from archkit.cli.ignored import refuse
from archkit.cli.limits import BudgetPath, Force, Named, Space, chosen_space, refuse_settings, takes_limits
from archkit.cli.networks import nothing_fits
from archkit.cli.proof import percent, show_what_is_proved
from archkit.cli.render import exact, json_line, say, show
from archkit.cli.working import working
from archkit.errors import OutputError, RunError
from archkit.files import write_text

if TYPE_CHECKING:
    from archkit.budget import FairSample

__all__ = ["certify_command"]

_TOP: Final = "1%"
_CONFIDENCE: Final = "95%"
_RECIPE: Final = "fast"
_DATA: Final = "cifar10"


class Part(StrEnum):
    """The part of the data by which networks are ranked."""

    test = "test"
    validation = "validation"


@takes_limits
def certify_command(
    limits: dict[str, str],
    space: Space = None,
    named: Named = None,
    budget_path: BudgetPath = None,
    top: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE", show_default=_TOP, help="The share of all that fit in which the best is to lie."
        ),
    ] = None,
    confidence: Annotated[
        str | None,
        typer.Option(metavar="SHARE", show_default=_CONFIDENCE, help="With which probability it does."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, show_default="0", help="Seed of the sample.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the suite, for `archkit bench FILE`."),
    ] = None,
    force: Force = False,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            autocompletion=recipes,
            show_default=_RECIPE,
            help="The suite's recipe.",
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="NAME|DIR", show_default=_DATA, help="The suite's data.")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="0..2|0,1,5", show_default="0", help="The seeds with which each is trained."),
    ] = None,
    runs: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            show_default="runs beside the suite",
            help="Say what the runs in a folder prove; SPACE is then the suite that was written.",
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="Also say where this network stands; it must be among the runs."),
    ] = None,
    by: Annotated[
        Part | None,
        typer.Option(
            show_default="validation if every run has it", help="The accuracy by which networks are ranked."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Prove with fair samples how good the best of them is among all networks that fit.

    With a space and limits, it says how many samples that takes, and --output
    writes a suite that trains them. With that suite in place of the space, it
    says what the finished runs prove.

    Example: archkit certify --max-params 5M --top 10% --output certify.toml
    """
    from archkit.budget import FairSample, read_share, read_space_and_budget

    if space is not None and (runs is not None or _is_suite(space)):
        refuse(
            "does not go with a suite",
            space=named,
            budget=budget_path,
            top=top,
            confidence=confidence,
            seed=seed,
            output=output,
            force=force,
            recipe=recipe,
            data=data,
            seeds=seeds,
            **limits,
        )
        show_what_is_proved(Path(space), runs, network, None if by is None else by.value, as_json=as_json)
        return
    refuse("goes with a suite that `archkit certify --output` wrote", runs=runs, network=network, by=by)
    if output is None:
        refuse("goes with --output", force=force, recipe=recipe, data=data, seeds=seeds)
    elif output.suffix != ".toml":
        raise OutputError(f"{output}: a suite's file ends in .toml")
    elif output.exists() and not force:
        raise OutputError(f"{output} is there already; --force replaces it")
    searched, budget = read_space_and_budget(chosen_space(space, named), budget_path, limits)
    refuse_settings(limits, budget)
    with working("counting", quiet=as_json):
        fair = FairSample.plan(
            searched,
            budget,
            seed=seed or 0,
            top=read_share(top or _TOP, option="--top"),
            confidence=read_share(confidence or _CONFIDENCE, option="--confidence"),
        )
    if not fair.fit:
        nothing_fits(searched, budget)
    if as_json:
        json_line(
            {
                "space": str(searched),
                "fit": fair.fit,
                "draws": fair.draws,
                "top": float(fair.top),
                "confidence": float(fair.confidence),
                "all_is_cheaper": fair.fit <= fair.draws,
            }
        )
    else:
        _show_plan(fair)
    if output is not None:
        _write(fair, output, recipe or _RECIPE, data or _DATA, seeds or "0")


def _is_suite(text: str) -> bool:
    """Whether a text is the path of a suite that this command wrote, rather than a space."""
    from archkit.toml_values import MappingError, from_toml

    if not text.endswith(".toml"):
        return False
    try:
        return "certificate" in from_toml(Path(text).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, MappingError):
        return False  # whoever reads it as a space says what is wrong


def _show_plan(fair: FairSample) -> None:
    n, top, confidence = fair.draws, percent(fair.top), percent(fair.confidence)
    left = float(1 - fair.top) ** n
    show(
        f"{exact(n)} fair samples: the best of them lies in the top {top} of the {exact(fair.fit)} networks"
        f" that fit with {confidence} confidence, whatever the training: (1 - {fair.top})^{n} = {left:.4f}."
    )
    if fair.fit <= n:
        show(f"Only {exact(fair.fit)} networks fit: training all of them is cheaper, and finds the best.")


def _write(fair: FairSample, path: Path, recipe: str, data: str, seeds: str) -> None:
    from archkit.bench.recipe import load_recipe
    from archkit.bench.sweep.numbers import MOST_RUNS, read_seeds

    trained = read_seeds(seeds)
    load_recipe(recipe)  # a wrong one is refused before the networks are drawn
    if fair.draws * len(trained) > MOST_RUNS:
        raise RunError(
            f"{exact(fair.draws * len(trained))} runs, and a suite has {exact(MOST_RUNS)} at most: a larger"
            " --top needs fewer samples"
        )
    with working("drawing"):
        specs = list(dict.fromkeys(row.spec for row in fair.networks()))
    title = f"{fair.draws} fair samples of {fair.fit} networks"
    recipe = str(Path(recipe).resolve()) if recipe.endswith(".toml") else recipe
    lines = [
        f"# Written by archkit certify. {exact(fair.draws)} networks were drawn; one that"
        " came more than once",
        "# is trained once. What [certificate] and specs say must stay as it is; all else may be changed.",
        f"title = {json.dumps(title)}",
        f"data = {json.dumps(data)}",
        f"seeds = {list(trained)}",
        "",
        "[[runs]]",
        f"recipe = {json.dumps(recipe)}",
        "specs = [",
        *(f"    {json.dumps(spec)}," for spec in specs),
        "]",
        "",
        fair.to_toml(),
    ]
    try:
        write_text(path, "\n".join(lines))
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    say(
        f"written: {path}, {exact(len(specs))} different networks; `archkit bench {path}` trains them, and"
        f" `archkit certify {path} --runs runs` says what is proved"
    )
