"""`archkit bench`: trains a network and says how good it is."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archkit.cli.interrupts import interruptible, warnings_in_lines
from archkit.cli.progress import duration, percent, watching
from archkit.cli.render import exact, json_line, say, show

if TYPE_CHECKING:
    from archkit.bench.data import DataSet
    from archkit.bench.recipe import Recipe
    from archkit.bench.run import Finished
    from archkit.spec import ArchSpec

__all__ = ["bench"]


class Log(StrEnum):
    """What else is written while a run goes on."""

    tensorboard = "tensorboard"


def bench(
    spec: Annotated[
        str,
        typer.Argument(
            metavar="SPEC",
            help='A network: "[2,1,1,1]x[64,128,256,512]", or a name that `archkit zoo` lists; or a suite, '
            "FILE.toml.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|DIR",
            show_default="cifar10",
            help="cifar10, cifar100, fashion-mnist or svhn (downloaded once), shapes (drawn here, no files),"
            " or a folder DIR/{train,test}/<class>/*.png|jpg.",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            show_default="fast",
            help="How to train: fast, strong, paper-grid, paper-best, demo, or a .toml file.",
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs, instead of the recipe's.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images of a step, instead of the recipe's.")] = None,
    lr: Annotated[
        float | None, typer.Option(help="(Highest) learning rate, instead of the recipe's.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other field of the recipe, as augment.pad=2."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, show_default="0", help="Of the weights, the order and the augmentation."),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="0..2|0,1,5", help="Several: a run with each, instead of a suite's own."),
    ] = None,
    train_size: Annotated[
        int | None, typer.Option(help="Take only so many training images, equally many of each class.")
    ] = None,
    test_size: Annotated[int | None, typer.Option(help="Take only so many test images, likewise.")] = None,
    device: Annotated[
        str, typer.Option(help="auto (a GPU where there is one), cpu, cuda or cuda:N.")
    ] = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The run's folder; one of its own under runs/ unless given. Of several runs, the folder"
            " instead of runs/.",
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where data are kept; $ARCHKIT_CACHE or ~/.cache/archkit."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted run, to the same bits.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Run again what is already there.")] = False,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            help="Of several runs, so many at once, in processes that share the device and the threads.",
        ),
    ] = 1,
    log: Annotated[Log | None, typer.Option(help="Write the epochs as events into the run's folder.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The result as one JSON object; of several runs, one a line.")
    ] = False,
) -> None:
    """Train a network and test it; or every run of a suite.

    Says how long it will take before it starts.

    Leaves a folder with result.json, epochs.csv and weights.safetensors. A run already there is shown again.
    Ctrl-C leaves a checkpoint that --resume goes on from.
    """
    from archkit.cli.suite import Conduct, conduct, logged, one_network, read_suite
    from archkit.spec import parse

    # What is cheap to refuse is refused before torch is imported.
    changes = _changes(epochs=epochs, batch_size=batch_size, lr=lr, others=set_ or [])
    if seed is not None and seeds is not None:
        raise typer.BadParameter("--seed or --seeds, not both")
    suite = None
    if spec.endswith(".toml"):
        if recipe is not None or seed is not None:
            raise typer.BadParameter("a suite has its own recipes and seeds; --set and --seeds change them")
        suite = read_suite(Path(spec), seeds=seeds, changes=changes)
    else:
        network = parse(spec)
        plan = _recipe(recipe if recipe is not None else "fast", changes)
        if seeds is not None:
            suite = one_network(spec, network, plan, seeds=seeds)
    if jobs > 1 and suite is None:
        raise typer.BadParameter("--jobs is for several runs: of a suite, or of --seeds")

    from archkit.bench.data import load_data
    from archkit.bench.device import pick_device
    from archkit.bench.one_run import folder_of
    from archkit.bench.run import run_spec

    where = pick_device(device)
    with interruptible() as checkpoints, warnings_in_lines(quiet=quiet):
        if suite is not None:
            data = data if data is not None else suite.data
            train_size = train_size if train_size is not None else suite.train_size
            test_size = test_size if test_size is not None else suite.test_size
        images = load_data(data if data is not None else "cifar10", cache=cache)
        images = images.subset(train=train_size, test=test_size)
        if suite is not None:
            root = out if out is not None else Path("runs")
            how = Conduct(
                root=root, force=force, resume=resume, log=log, quiet=quiet, as_json=as_json, jobs=jobs
            )
            conduct(suite.runs, images, where, how, noted=checkpoints.noted)
            return
        network = _adapted(network, images, quiet=quiet)
        seed = seed if seed is not None else 0
        folder = out if out is not None else folder_of(network, images, plan, seed=seed, label=spec)
        with watching(quiet=quiet) as shown, logged(folder, checkpoints.noted(shown), log) as watch:
            done = run_spec(
                network,
                images,
                plan,
                device=where,
                seed=seed,
                out=folder,
                force=force,
                resume=resume,
                watch=watch,
            )
    if not done.fresh and not quiet:
        say(f"already there: {done.folder} (--force runs it again)")
    if as_json:
        json_line({**done.result.to_mapping(), "folder": str(done.folder)})
    else:
        _show(done)


def _changes(
    *, epochs: int | None, batch_size: int | None, lr: float | None, others: list[str]
) -> list[tuple[str, object]]:
    """What the options change of a recipe."""
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
    return changes


def _recipe(name: str, changes: list[tuple[str, object]]) -> Recipe:
    """The recipe, changed; what is wrong with it is a mistake in the command."""
    from archkit.bench.recipe import load_recipe, override
    from archkit.errors import RunError

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
        say(f"{data.name} has images of {size} and {adapted.classes} classes; the network is built for them")
    return adapted


def _show(done: Finished) -> None:
    """The result, a figure a line."""
    from rich.table import Table

    result = done.result
    table = Table.grid(padding=(0, 2))
    test, data = result.test, result.data
    table.add_row("network", result.spec)
    low, high = test.interval
    table.add_row(
        "test accuracy",
        f"{percent(test.correct, test.total)}  {exact(test.correct)} of {exact(test.total)}"
        f"  (95% interval {low:.2%} to {high:.2%})",
    )
    if (score := result.test_flip) is not None:
        table.add_row(
            "  with flips",
            f"{percent(score.correct, score.total)}  {exact(score.correct)} of {exact(score.total)}",
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
    if result.peak_share is not None:
        rate += f" ({result.peak_share:.0%} of the device's peak)"
    table.add_row("training", f"{duration(result.train_seconds)}, {rate}")
    if result.compile_seconds is not None:
        table.add_row("compiling", f"{duration(result.compile_seconds)}, not in the training time")
    table.add_row("device", f"{result.environment.device}, {result.environment.precision}")
    table.add_row("folder", str(done.folder))
    show(table)


def _recipe_text(recipe: Recipe) -> str:
    """Its name, and how it differs from the one that ships under that name."""
    from archkit.bench.recipe import differences, load_recipe, recipe_names

    if recipe.name not in recipe_names():
        return recipe.name
    changed = differences(recipe, load_recipe(recipe.name))
    return f"{recipe.name} with {', '.join(changed)}" if changed else recipe.name
