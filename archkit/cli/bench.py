"""`archkit bench`: trains a network and says how good it is."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from archkit.cli.progress import duration, percent, watching
from archkit.cli.render import exact, json_line, show

if TYPE_CHECKING:
    from archkit.bench.data import DataSet
    from archkit.bench.recipe import Recipe
    from archkit.bench.run import Finished
    from archkit.spec import ArchSpec

__all__ = ["bench"]


def bench(
    spec: Annotated[
        str,
        typer.Argument(
            metavar="SPEC",
            help='A network: "[2,1,1,1]x[64,128,256,512]", or a name that `archkit zoo` lists.',
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            metavar="NAME|DIR",
            help="cifar10 (downloaded once), shapes (drawn here, no files), or a folder"
            " DIR/{train,test}/<class>/*.png|jpg.",
        ),
    ] = "cifar10",
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="How to train: fast, paper-best, demo, or a .toml file.")
    ] = "fast",
    epochs: Annotated[int | None, typer.Option(help="Epochs, instead of the recipe's.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images of a step, instead of the recipe's.")] = None,
    lr: Annotated[
        float | None, typer.Option(help="(Highest) learning rate, instead of the recipe's.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other field of the recipe, as augment.pad=2."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the weights, the order and the augmentation.")] = 0,
    train_size: Annotated[
        int | None, typer.Option(help="Take only so many training images, equally many of each class.")
    ] = None,
    test_size: Annotated[int | None, typer.Option(help="Take only so many test images, likewise.")] = None,
    device: Annotated[
        str, typer.Option(help="auto (a GPU where there is one), cpu, cuda or cuda:N.")
    ] = "auto",
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The run's folder; one of its own under runs/ unless given."),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where downloads are kept; $ARCHKIT_CACHE or ~/.cache/archkit."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run again what is already there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result as one JSON object.")] = False,
) -> None:
    """Train a network and test it.

    Says how long it will take before it starts.

    Leaves a folder with result.json, epochs.csv and weights.safetensors. A run already there is shown again.
    """
    from archkit.spec import parse

    network = parse(spec)  # what is cheap to refuse is refused before torch is imported
    plan = _recipe(recipe, epochs=epochs, batch_size=batch_size, lr=lr, others=set_ or [])

    from archkit.bench.data import load_data
    from archkit.bench.device import pick_device
    from archkit.bench.run import run_spec

    where = pick_device(device)
    with _interruptible():
        images = load_data(data, cache=cache).subset(train=train_size, test=test_size)
        network = _adapted(network, images, quiet=quiet)
        with watching(quiet=quiet) as watch:
            done = run_spec(
                network, images, plan, device=where, seed=seed, out=out, label=spec, force=force, watch=watch
            )
    if not done.fresh and not quiet:
        _say(f"already there: {done.folder} (--force runs it again)")
    if as_json:
        json_line({**done.result.to_mapping(), "folder": str(done.folder)})
    else:
        _show(done)


def _recipe(
    name: str, *, epochs: int | None, batch_size: int | None, lr: float | None, others: list[str]
) -> Recipe:
    """The recipe with the options' changes; what is wrong with it is a mistake in the command."""
    from archkit.bench.recipe import load_recipe, override
    from archkit.errors import RunError

    changes: list[tuple[str, object]] = [
        (key, value)
        for key, value in (("epochs", epochs), ("batch_size", batch_size), ("optimizer.lr", lr))
        if value is not None
    ]
    for text in others:
        key, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set takes KEY=VALUE, not {text!r}")
        changes.append((key.strip(), value.strip()))
    try:
        return override(load_recipe(name), changes)
    except RunError as error:
        raise typer.BadParameter(str(error)) from error


def _adapted(spec: ArchSpec, data: DataSet, *, quiet: bool) -> ArchSpec:
    """The network for the data's images and classes; a line says what that changes."""
    from archkit.bench.run import adapt

    adapted = adapt(spec, data)
    if adapted != spec and not quiet:
        size = "x".join(str(n) for n in adapted.input)
        _say(f"{data.name} has images of {size} and {adapted.classes} classes; the network is built for them")
    return adapted


def _show(done: Finished) -> None:
    """The result, a figure a line."""
    from rich.table import Table

    result = done.result
    table = Table.grid(padding=(0, 2))
    test, data = result.test, result.data
    table.add_row("network", result.spec)
    table.add_row(
        "test accuracy", f"{percent(test.correct, test.total)}  {exact(test.correct)} of {exact(test.total)}"
    )
    if (score := result.validation) is not None:
        table.add_row(
            "validation",
            f"{percent(score.correct, score.total)}  {exact(score.correct)} of {exact(score.total)}",
        )
    table.add_row("tested", f"epoch {result.epoch} of {result.recipe.epochs}")
    table.add_row("parameters", exact(result.params))
    table.add_row("MACs", exact(result.macs))
    table.add_row("data", f"{data.name}, {exact(data.train)} of {exact(data.whole_train)} images trained on")
    table.add_row("recipe", f"{_recipe_text(result.recipe)}, seed {result.seed}")
    rate = f"{result.images_per_second:,.0f} images/s"
    table.add_row("training", f"{duration(result.train_seconds)}, {rate}, {result.environment.device}")
    table.add_row("folder", str(done.folder))
    show(table)


def _recipe_text(recipe: Recipe) -> str:
    """Its name, and how it differs from the one that ships under that name."""
    from archkit.bench.recipe import differences, load_recipe, recipe_names

    if recipe.name not in recipe_names():
        return recipe.name
    changed = differences(recipe, load_recipe(recipe.name))
    return f"{recipe.name} with {', '.join(changed)}" if changed else recipe.name


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ends on Ctrl-C and on SIGTERM with a line and the shell's exit code, 128 plus the signal.

    Both unwind the stack, so that whatever was half-written is cleared away before.
    """

    def stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a handler's signature
        raise _Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt as error:
        _say("interrupted; nothing is left of this run")
        raise typer.Exit(128 + signal.SIGINT) from error
    except _Terminated as error:
        _say("terminated; nothing is left of this run")
        raise typer.Exit(128 + signal.SIGTERM) from error
    finally:
        signal.signal(signal.SIGTERM, before)


class _Terminated(BaseException):
    """A SIGTERM came; no Exception, so that nothing takes it for an error of its own."""


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
