"""`archkit bench`: trains a network, or every run of a suite, and says how good the networks are."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from archkit.bench.data.sources import DOWNLOADS, check_source
from archkit.bench.recipe import TORCH_OPTIMIZERS, load_recipe, recipe_names
from archkit.cli.asked import RECIPE, asked_suite, runner_of, say_adapted, share
from archkit.cli.completion import recipes
from archkit.cli.interrupts import interruptible, warnings_in_lines
from archkit.cli.training import Cache, Device, changes_of
from archkit.errors import RunError
from archkit.files import shipped
from archkit.toml_values import leaves

__all__ = ["bench"]

_DATA: Final = "cifar10"
_SUITES: Final = ", ".join(shipped("benchmarks"))


class Log(StrEnum):
    """What else a run writes while it goes on."""

    tensorboard = "tensorboard"
    mlflow = "mlflow"
    wandb = "wandb"


class On(StrEnum):
    """What carries out several runs, if not this machine's processes."""

    ray = "ray"
    submitit = "submitit"


def _fields() -> str:
    """The fields of a recipe, for the help of `--set`."""
    names = [name for name in leaves(load_recipe(RECIPE).to_mapping()) if name != "name"]
    optimizers = f"optimizer.name ({', '.join(TORCH_OPTIMIZERS)} or timm:NAME)"
    return ", ".join(optimizers if name == "optimizer.name" else name for name in names)


def bench(
    spec: Annotated[
        str,
        typer.Argument(
            metavar="SPEC",
            help='A network: "[2,1,1,1]x[64,128,256,512]", or a name that `archkit zoo` lists; or a suite, '
            f"FILE.toml or one of {_SUITES}.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|DIR",
            show_default=_DATA,
            help=f"{', '.join(DOWNLOADS)} (downloaded once), shapes (drawn here, no files), or a folder"
            " with images in DIR/train/CLASS and DIR/test/CLASS.",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            autocompletion=recipes,
            show_default=RECIPE,
            help=f"How to train: {', '.join(recipe_names())}, or a .toml file.",
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs, instead of the recipe's.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images in a step, instead of the recipe's.")] = None,
    lr: Annotated[
        float | None, typer.Option(help="The (highest) learning rate, instead of the recipe's.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help=f"Any field of the recipe, such as augment.pad=2. The fields are {_fields()}.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=2**64 - 1,
            show_default="0",
            help="The seed of the weights, of the order and of the augmentation.",
        ),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="0..2|0,1,5", help="Several seeds: a run with each, instead of the suite's own seeds."
        ),
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Begin with the weights of a finished run of this network, on other images or classes: its"
            " folder. If the classes differ, the last layer is new.",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Carry out only the I-th of N shares of several runs, so that N machines share a suite.",
        ),
    ] = None,
    on: Annotated[
        On | None,
        typer.Option(help="Carry several runs out by Ray, here or on a cluster, or as jobs of SLURM."),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="auto|HOST:PORT", help="The cluster, for --on ray; unless given, this machine."),
    ] = None,
    gpus_per_trial: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=8.0, show_default="1", help="The share of a GPU for each run, with --on ray."
        ),
    ] = None,
    slurm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="What a job asks for, with --on submitit: slurm_partition=gpu, timeout_min=240.",
        ),
    ] = None,
    train_size: Annotated[
        int | None, typer.Option(help="Take only so many training images, equally many of each class.")
    ] = None,
    test_size: Annotated[int | None, typer.Option(help="Take only so many test images, likewise.")] = None,
    resize: Annotated[
        bool,
        typer.Option("--resize", help="Scale images of another size to the network's input=CxHxW."),
    ] = False,
    device: Device = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The run's folder; unless given, a folder of its own in runs/. For several runs, the folder"
            " that takes the place of runs/.",
        ),
    ] = None,
    cache: Cache = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with an interrupted run; on a CPU with as many threads, to the same bits.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Run again what is there already.")] = False,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            help="How many of several runs go on at once; they share the device and the threads.",
        ),
    ] = 1,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1024,
            show_default="measured",
            help="Threads of the CPU for each run; unless this or OMP_NUM_THREADS is given, a few steps are"
            " measured, and as many threads taken as are worth it.",
        ),
    ] = None,
    log: Annotated[Log | None, typer.Option(help="Also write the epochs where this shows them.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object; several runs, one a line.")
    ] = False,
) -> None:
    """Train a network and test it; or do so for every run of a suite.

    Before it starts, it says how long it will take.

    It leaves a folder with result.json, epochs.csv, weights.safetensors and
    correct.safetensors (which test images are right).
    A run that is there already is shown again. Ctrl-C leaves a checkpoint,
    from which --resume goes on.

    Example: archkit bench resnet10 --recipe fast
    """
    from archkit.cli.suite import Options, carry_out

    # What can be refused at once is refused before torch is imported.
    changes = changes_of(epochs=epochs, batch_size=batch_size, lr=lr, others=set_ or [])
    try:
        suite, alone = asked_suite(spec, recipe=recipe, changes=changes, seed=seed, seeds=seeds, out=out)
        asked = suite.input
        if init is not None:
            suite = suite.begun_with(init)
        if shard is not None:
            suite = share(suite, shard, alone=alone, quiet=quiet)
    except RunError as error:
        raise typer.BadParameter(str(error)) from error
    if not suite.runs:  # more shards than runs
        return
    if jobs > 1 and alone:
        raise typer.BadParameter("--jobs is for several runs: of a suite, or of --seeds")
    if on is not None and alone:
        raise typer.BadParameter("--on is for several runs: of a suite, or of --seeds")
    runner = runner_of(
        None if on is None else on.value,
        address=address,
        gpus_per_trial=gpus_per_trial,
        slurm=slurm or (),
        device=device,
        jobs=jobs,
    )
    if resize and asked is None:
        raise typer.BadParameter(
            "--resize scales images to the size that the network says, and it says none: add input=CxHxW"
        )
    source = data if data is not None else suite.data
    check_source(source, "train", "test")

    # A device that is not there is refused before the images are loaded.
    if on is None and device not in ("auto", "cpu"):
        from archkit.bench.train.device import pick_device

        pick_device(device)
    from archkit.bench.data.load import load_data

    options = Options(
        device=device if on is None else "cpu",
        root=Path("runs") if out is None or alone else out,
        force=force,
        resume=resume,
        jobs=jobs,
        runner=runner,
        threads=threads if threads is not None else None if "OMP_NUM_THREADS" in os.environ else "auto",
        log=log,
        quiet=quiet,
        as_json=as_json,
        alone=alone,
    )
    with interruptible() as checkpoints, warnings_in_lines(quiet=quiet):
        images = load_data(source, cache=cache, input=asked, resize=resize).subset(
            train=train_size if train_size is not None else suite.train_size,
            test=test_size if test_size is not None else suite.test_size,
        )
        if alone and not quiet:
            say_adapted(suite.runs[0].spec, images)
        carry_out(suite.runs, images, options, noted=checkpoints.noted)
