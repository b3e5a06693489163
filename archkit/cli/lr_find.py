"""`archkit lr-find`: which learning rate a network can be trained with."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from archkit.bench.data.sources import DOWNLOADS, check_source
from archkit.bench.recipe import load_recipe, override, recipe_names
from archkit.cli.completion import recipes
from archkit.cli.interrupts import warnings_in_lines
from archkit.cli.render import json_line, say, show
from archkit.cli.training import Cache, Device, changes_of
from archkit.cli.working import on_a_terminal
from archkit.errors import OutputError, RunError

if TYPE_CHECKING:
    from archkit.bench.train.rate_finder import RangeTest

__all__ = ["curve", "lr_find_command"]

_WIDTH: Final = 60  # columns of the curve
_HEIGHT: Final = 8  # its lines
_RECIPE: Final = "fast"


class Form(StrEnum):
    """How the figures are printed."""

    text = "text"
    json = "json"
    csv = "csv"


def lr_find_command(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A network, as for `archkit bench`; no suite.")],
    data: Annotated[
        str,
        typer.Option(metavar="NAME|DIR", help=f"{', '.join(DOWNLOADS)}, shapes, or a folder of images."),
    ] = "cifar10",
    recipe: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            autocompletion=recipes,
            help=f"Whose optimizer, batches and augmentation: {', '.join(recipe_names())}, or a .toml file.",
        ),
    ] = _RECIPE,
    batch_size: Annotated[int | None, typer.Option(help="Images in a step, instead of the recipe's.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a field of the recipe; may be repeated."),
    ] = None,
    low: Annotated[float, typer.Option(help="The first learning rate.")] = 1e-5,
    high: Annotated[float, typer.Option(help="The last one.")] = 10.0,
    steps: Annotated[int, typer.Option(min=5, max=100_000, help="How many steps, at most.")] = 100,
    smoothing: Annotated[
        float, typer.Option(min=0.0, max=0.999, help="Share of the mean loss that each step keeps.")
    ] = 0.9,
    train_size: Annotated[
        int | None, typer.Option(help="Take only so many training images, equally many of each class.")
    ] = None,
    resize: Annotated[
        bool, typer.Option("--resize", help="Scale images of another size to the network's input=CxHxW.")
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, max=2**64 - 1, help="Of the weights, the order and the augmentation.")
    ] = 0,
    device: Device = "auto",
    cache: Cache = None,
    form: Annotated[Form, typer.Option("--format", help="What is printed.")] = Form.text,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Also draw the curve: .svg, .png or .pdf."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Find a learning rate: train a few steps with rising ones, and see the loss fall and explode.

    Two rates are suggested: that at which the loss falls fastest, and a tenth
    of that at which it is lowest. Nothing is kept of the steps.

    Example: archkit lr-find resnet10 --recipe fast
    """
    if spec.endswith(".toml"):
        raise typer.BadParameter("lr-find is for a network, not for a suite")
    if out is not None and out.suffix not in (".svg", ".png", ".pdf"):
        raise typer.BadParameter(f"-o takes a file that ends in .svg, .png or .pdf, not {out}")
    from archkit.bench.sweep.run import asked_input
    from archkit.spec import parse

    changes = changes_of(epochs=None, batch_size=batch_size, lr=None, others=set_ or [])
    try:
        how = override(load_recipe(recipe), changes)
    except RunError as error:
        raise typer.BadParameter(str(error)) from error
    network = parse(spec)
    check_source(data, "train", "test")

    from archkit.bench.data.load import load_data
    from archkit.bench.sweep.place import adapt
    from archkit.bench.train.device import pick_device
    from archkit.bench.train.rate_finder import find_rate

    with warnings_in_lines(quiet=quiet):
        images = load_data(data, cache=cache, input=asked_input(spec, network), resize=resize).subset(
            train=train_size
        )

        def watch(step: int) -> None:
            if not quiet and on_a_terminal():
                sys.stderr.write(f"\rstep {step} of {steps}" + ("\n" if step == steps else ""))

        found = find_rate(
            adapt(network, images), images, how, device=pick_device(device), seed=seed, low=low, high=high,
            steps=steps, smoothing=smoothing, watch=watch,
        )  # fmt: skip
    if not quiet and on_a_terminal() and len(found.rates) < steps:
        say("")
    if form is Form.json:
        rows = zip(found.rates, found.losses, found.smoothed, strict=True)
        json_line(
            {
                "steepest": found.steepest,
                "tenth": found.tenth,
                "exploded": found.exploded,
                "steps": [{"lr": rate, "loss": loss, "smoothed": mean} for rate, loss, mean in rows],
            }
        )
    elif form is Form.csv:
        sys.stdout.write("lr,loss,smoothed\n")
        for row in zip(found.rates, found.losses, found.smoothed, strict=True):
            sys.stdout.write(",".join(map(repr, row)) + "\n")
    else:
        _show(found)
    if out is not None:
        _draw(found, out, title=f"{spec}, {how.name}")


def _show(found: RangeTest) -> None:
    show(*curve(found))
    ends = "the loss explodes there" if found.exploded else "the last that was tried"
    show(
        f"learning rates from {found.rates[0]:.2g} to {found.rates[-1]:.2g} ({ends})",
        f"the loss falls fastest at  --lr {found.steepest:.2g}",
        f"a tenth of where it is lowest  --lr {found.tenth:.2g}",
    )


def curve(found: RangeTest) -> list[str]:
    """The smoothed loss as lines of text, with a column for each few steps.

    What lies above the first loss is cut off there: otherwise an explosion would be all that is seen.
    """
    count = min(_WIDTH, len(found.smoothed))
    columns = [found.smoothed[i * len(found.smoothed) // count] for i in range(count)]
    low, high = min(columns), max(columns[0], min(columns) + 1e-12)
    heights = [round((min(loss, high) - low) / (high - low) * (_HEIGHT - 1)) for loss in columns]
    lines = []
    for level in reversed(range(_HEIGHT)):
        label = f"{high:.3g}" if level == _HEIGHT - 1 else f"{low:.3g}" if level == 0 else ""
        lines.append((f"{label:>8} |" + "".join("*" if h == level else " " for h in heights)).rstrip())
    return lines


def _draw(found: RangeTest, out: Path, *, title: str) -> None:
    from archkit.files import replacing

    try:
        import matplotlib as mpl
    except ImportError as error:
        raise RunError("-o needs the package matplotlib: pip install matplotlib") from error
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "archkit", "axes.grid": True}):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.subplots()
        axes.plot(found.rates, found.losses, color="#56b4e9", linewidth=0.8, label="loss")
        axes.plot(found.rates, found.smoothed, color="#0072b2", label="smoothed")
        for rate, name, style in ((found.steepest, "steepest", "-"), (found.tenth, "a tenth", "--")):
            axes.axvline(rate, color="#d55e00", linestyle=style, label=f"{name}: {rate:.2g}")
        axes.set_xscale("log")
        axes.set_ylim(0.9 * min(found.smoothed), 1.2 * found.smoothed[0])
        axes.set_xlabel("learning rate")
        axes.set_ylabel("training loss")
        axes.set_title(title)
        axes.legend()
        try:
            with replacing(out) as new:
                dates = {"Date": None} if out.suffix == ".svg" else None
                figure.savefig(new, format=out.suffix[1:], metadata=dates)
        except OSError as error:
            raise OutputError(f"cannot write {out}: {error.strerror or error}") from error
